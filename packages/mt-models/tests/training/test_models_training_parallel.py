"""Training on several ranks gives the result of one process; the ranks are simulated."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Tensor, tensor
from mt_kernels_cpu import Tuned
from mt_models.networks import GPT, CourseLeNet, KimCNN
from mt_models.problems import Evaluation, Examples, Points, Problem
from mt_models.training import (
    BEST,
    LAST,
    SINGLE,
    Display,
    DivergedError,
    Follower,
    Progress,
    Run,
    Settings,
    check_circumstances,
    checkpoint_of_first,
    last_checkpoint,
    restore,
    train,
)
from mt_models.training import run as run_module
from mt_models.training.parallel import evaluate
from mt_nn import (
    Adam,
    CheckpointError,
    Module,
    binary_cross_entropy_with_logits,
    cross_entropy,
    load_checkpoint,
    nll_loss,
    save_checkpoint,
)
from mt_nn.distributed import Communicator, DataParallel, Dies, RankFailure, Simulator
from mt_tensor import REFERENCE

DOUBLE = Tuned(np.float64)
STEPS = 50
WORDS = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
Loss = Callable[[Module, Any, Any], Tensor]
Array = npt.NDArray[Any]


def lenet() -> Module:
    return CourseLeNet(np.random.default_rng(1), DOUBLE)


def kim() -> Module:
    return KimCNN(WORDS, np.random.default_rng(1), DOUBLE, trainable=True, maps=5)


def gpt() -> Module:
    return GPT(9, width=8, heads=2, layers=1, context=5, dropout=0.2, rng=1, backend=DOUBLE)


def image_loss(network: Module, images: Array, labels: Array) -> Tensor:
    return nll_loss(network(tensor(images, DOUBLE)), labels)


def sentence_loss(network: Module, rows: Array, labels: Array) -> Tensor:
    return binary_cross_entropy_with_logits(network(rows), labels)


def text_loss(network: Module, ids: Array, labels: Array) -> Tensor:
    return cross_entropy(network(ids), labels)


def examples_of(name: str) -> tuple[Array, Array]:
    rng = np.random.default_rng(3)
    if name == "LeNet":
        return rng.random((9, 1, 28, 28)), rng.integers(0, 10, 9)
    if name == "Kim":
        return rng.integers(0, 30, (9, 8)), rng.integers(0, 2, 9)
    return rng.integers(0, 9, (9, 5)), rng.integers(0, 9, (9, 5))


NETWORKS: dict[str, tuple[Callable[[], Module], Loss]] = {
    "LeNet": (lenet, image_loss),
    "Kim": (kim, sentence_loss),
    "GPT": (gpt, text_loss),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_fifty_steps_equal_those_of_one_process(name: str) -> None:
    build, loss_of = NETWORKS[name]
    inputs, labels = examples_of(name)
    orders = [np.random.default_rng(step).permutation(9)[: 5 - step % 2] for step in range(STEPS)]

    def program(ranks: Communicator) -> dict[str, Array]:
        network = build()
        model, optimizer = DataParallel(network, ranks), Adam(network.parameters(), lr=0.01)
        for order in orders:
            with model.batch(len(order)) as part:
                rows = order[part.rows]
                optimizer.zero_grad()
                model.backward(loss_of(model, inputs[rows], labels[rows]))
                model.sum_gradients()
                optimizer.step()
        return network.state_dict()

    network = build()
    optimizer = Adam(network.parameters(), lr=0.01)
    for order in orders:
        optimizer.zero_grad()
        loss_of(network, inputs[order], labels[order]).backward()
        optimizer.step()
    received = Simulator(2).run(program)
    for key, array in network.state_dict().items():
        np.testing.assert_allclose(received[0][key], array, rtol=1e-6, atol=1e-9, err_msg=key)
        np.testing.assert_array_equal(received[0][key], received[1][key])


class Witness(Display):
    """An observer that records progress, and asks to stop after some examples."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.seen: list[int] = []
        self.stop_after = stop_after

    def on_step(self, progress: Progress) -> None:
        self.seen.append(progress.examples_seen)

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.seen) >= self.stop_after


def points(backend: Any = DOUBLE) -> tuple[Problem, Adam]:
    problem = Points("Xor", backend, n=23, hidden=4, seed=3)
    return problem, Adam(problem.network.parameters(), lr=0.02)


def assert_equal_runs(
    received: tuple[Progress, dict[str, Array]], expected: tuple[Progress, dict[str, Array]]
) -> None:
    for mine, theirs in zip(received[0].records, expected[0].records, strict=True):
        assert mine.train_loss == pytest.approx(theirs.train_loss, rel=1e-9)
        assert mine.train_accuracy == pytest.approx(theirs.train_accuracy)
        assert mine.validation_loss == pytest.approx(theirs.validation_loss, rel=1e-9)
        assert mine.validation_right == theirs.validation_right
        assert mine.validation_total == theirs.validation_total
    for name, array in expected[1].items():
        np.testing.assert_allclose(received[1][name], array, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("backend", [DOUBLE, REFERENCE, None], ids=["captured", "loops", "scalars"])
def test_runs_equal_those_of_one_process(backend: Any) -> None:
    settings = Settings(6, 5, seed=1, clip=1.0 if backend is not None else None)

    def program(ranks: Communicator) -> tuple[Progress, dict[str, Array]]:
        problem, optimizer = points(backend)
        progress = train(problem, optimizer, settings, Witness(), communicator=ranks)
        return progress, problem.network.state_dict()

    expected = program(SINGLE)
    # Six ranks have empty parts of batches of five and three examples.
    for size in (2, 6):
        for received in Simulator(size).run(program):
            assert_equal_runs(received, expected)


@given(stop_after=st.integers(0, 9), first=st.integers(1, 3), then=st.integers(1, 3))
def test_another_number_of_ranks_resumes(stop_after: int, first: int, then: int) -> None:
    """A run stops on some ranks, and goes on on others."""
    settings = Settings(2, 5, seed=1)
    undisturbed, optimizer = points(REFERENCE)
    expected = train(undisturbed, optimizer, settings, Witness())

    def program(ranks: Communicator) -> Any:
        problem, optimizer = points(REFERENCE)
        # Only the last rank asks to stop; all stop after the same step.
        witness = Witness(stop_after if ranks.rank == ranks.size - 1 else None)
        progress = train(problem, optimizer, settings, witness, communicator=ranks)
        return problem, optimizer, progress

    stopped = Simulator(first).run(program)
    assert len({(len(each[2].records), each[2].examples_seen) for each in stopped}) == 1

    def resumed(ranks: Communicator) -> Any:
        problem, optimizer = points(REFERENCE)
        other, old, progress = stopped[0]
        problem.network.load_state_dict(other.network.state_dict())
        optimizer.load_state_dict(old.state_dict())
        progress = Progress.from_json(progress.to_json())
        progress = train(problem, optimizer, settings, Witness(), progress, communicator=ranks)
        return progress, problem.network.state_dict()

    for received in Simulator(then).run(resumed):
        assert_equal_runs(received, (expected, undisturbed.network.state_dict()))


def test_the_checkpoint_of_a_run_whose_rank_died_resumes(tmp_path: Path) -> None:
    settings = Settings(4, 5, seed=1)
    undisturbed, optimizer = points()
    expected = train(undisturbed, optimizer, settings, Witness())

    def program(ranks: Communicator, resume: bool) -> Any:
        problem, optimizer = points()
        progress = None
        if resume:
            found = last_checkpoint(tmp_path) if ranks.rank == 0 else None
            progress = restore(checkpoint_of_first(ranks, found), problem, optimizer)
        observer: Any = Follower()
        if ranks.rank == 0:
            observer = Run(tmp_path, problem, optimizer, settings, {}, (), Display())
        progress = train(problem, optimizer, settings, observer, progress, communicator=ranks)
        return progress, problem.network.state_dict()

    with pytest.raises(RankFailure, match="rank 1 died"):
        Simulator(3, faults=[Dies(1, 40)]).run(lambda ranks: program(ranks, False))
    assert 0 < last_checkpoint(tmp_path).step < 4
    for received in Simulator(2).run(lambda ranks: program(ranks, True)):
        assert_equal_runs(received, (expected, undisturbed.network.state_dict()))


def test_a_full_disk_on_rank_0_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the second epoch on no file can be written; the files of the first stay."""

    class Warned(Display):
        def on_failure(self, error: Exception) -> None:
            failures.append(error)

    failures: list[Exception] = []

    def program(ranks: Communicator) -> Progress:
        problem, optimizer = points()
        settings = Settings(3, 5, seed=1)
        observer: Any = Follower()
        if ranks.rank == 0:
            observer = Run(tmp_path, problem, optimizer, settings, {}, (), Warned())
        return train(problem, optimizer, settings, observer, communicator=ranks)

    def full_later(path: Path, **contents: Any) -> None:
        if contents["step"] > 1:
            raise CheckpointError(path, os.strerror(errno.ENOSPC), "free disk space")
        save_checkpoint(path, **contents)

    monkeypatch.setattr(run_module, "save_checkpoint", full_later)
    progresses = Simulator(2).run(program)
    assert [len(each.records) for each in progresses] == [3, 3]
    assert failures
    for name in (LAST, BEST):
        assert load_checkpoint(tmp_path / name).step == 1


def test_a_loss_that_is_not_finite_raises_on_all_ranks_before_the_step() -> None:
    def program(ranks: Communicator) -> Any:
        problem, optimizer = points()
        problem.train.inputs[0] = np.nan  # In the part of one rank.
        before = problem.network.state_dict()
        with pytest.raises(DivergedError, match="the loss is nan in epoch 1, after 0 examples"):
            train(problem, optimizer, Settings(1, 23), Witness(), communicator=ranks)
        after = problem.network.state_dict()
        return all(np.array_equal(array, after[name]) for name, array in before.items())

    assert Simulator(2).run(program) == [True, True]


@given(count=st.integers(1, 70), size=st.integers(1, 6))
def test_a_divided_evaluation_equals_that_of_one_process(count: int, size: int) -> None:
    problem, _ = points(REFERENCE)
    rng = np.random.default_rng(count)
    examples = Examples(rng.random((count, 2)), rng.integers(0, 2, count))
    expected = problem.evaluate(examples)

    def program(ranks: Communicator) -> Evaluation:
        return evaluate(problem, examples, ranks)

    for received in Simulator(size).run(program):
        assert received.loss == pytest.approx(expected.loss, rel=1e-14)
        np.testing.assert_array_equal(received.probabilities, expected.probabilities)
        np.testing.assert_array_equal(received.labels, expected.labels)


@pytest.mark.parametrize("differs", ["an example", "an option", "nothing"])
def test_other_data_and_options_are_refused_with_the_rank(differs: str) -> None:
    def program(ranks: Communicator) -> None:
        problem, _ = points(REFERENCE)
        options = {"lr": 0.1}
        if ranks.rank == 1 and differs == "an example":
            problem.train.inputs[4, 1] += 1e-9
        if ranks.rank == 1 and differs == "an option":
            options["lr"] = 0.2
        check_circumstances(ranks, problem, options)

    if differs == "nothing":
        Simulator(3).run(program)
        return
    text = {
        "an example": r"rank 1 differs from rank 0 in: the training examples\. Rank 1 has checksum",
        "an option": r"in: the option lr\. Rank 1 has 0\.2, and rank 0 has 0\.1; start all ranks",
    }[differs]
    with pytest.raises(RankFailure, match=text):
        Simulator(3).run(program)


def test_other_code_is_refused_with_the_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    from mt_models.training import parallel

    def program(ranks: Communicator) -> None:
        problem, _ = points(REFERENCE)
        name = "mt_nn" if ranks.rank < 2 else "mt_tensor"
        monkeypatch.setattr(parallel, "_PACKAGES", ("mt_autodiff", name))
        check_circumstances(ranks, problem, {})

    with pytest.raises(RankFailure, match="rank 2 differs from rank 0 in: the code of mt_nn"):
        Simulator(3).run(program)
