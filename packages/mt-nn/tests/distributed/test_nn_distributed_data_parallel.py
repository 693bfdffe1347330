"""Data-parallel training gives the parameters of a single process with the same batches."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Scalar, Tensor, ones, tensor
from mt_kernels_cpu import Tuned
from mt_nn import (
    SGD,
    BatchNorm1d,
    BatchNorm2d,
    CaptureWarning,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    Module,
    Parameter,
    Sequential,
    capture,
    mse_loss,
)
from mt_nn.distributed import (
    CommunicationError,
    Communicator,
    DataParallel,
    Dies,
    Rank,
    RankFailure,
    Sampler,
    Simulator,
    SingleProcess,
    part_of,
    ring_all_reduce,
)
from mt_tensor import ShapeError

BACKEND = Tuned(np.float64)
STEPS = 50
FEATURES, OUTPUTS = 4, 2
Array = npt.NDArray[Any]


class Tied(Module):
    """Two uses of one weight."""

    def __init__(self) -> None:
        self.first = Linear(FEATURES, FEATURES, rng=1, backend=BACKEND)
        self.second = Linear(FEATURES, FEATURES, rng=2, backend=BACKEND)
        self.second.weight = self.first.weight
        self.last = Linear(FEATURES, OUTPUTS, rng=3, backend=BACKEND)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.last(self.second(self.first(x).tanh()).tanh())
        return result


class Partly(Module):
    """One parameter without a use, and one that only examples with a positive feature use."""

    def __init__(self) -> None:
        self.linear = Linear(FEATURES, OUTPUTS, rng=1, backend=BACKEND)
        self.unused = Parameter(ones((3,), BACKEND))
        self.rare = Parameter(ones((OUTPUTS,), BACKEND))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear(x)
        positive = (x.to_numpy()[:, :1] > 1.0).astype(np.float64)
        return out + tensor(positive, BACKEND) * self.rare.value if positive.any() else out


def with_dropout() -> Module:
    rng = np.random.default_rng(5)
    return Sequential(
        Linear(FEATURES, 6, rng=rng, backend=BACKEND),
        Dropout(0.5, rng),
        Linear(6, 5, rng=rng, backend=BACKEND),
        Dropout(0.25, rng, activation="relu"),
        Linear(5, OUTPUTS, rng=rng, backend=BACKEND),
    )


def frozen() -> Module:
    network = with_dropout()
    network.parameters()[0].requires_grad_(False)
    return network


def with_batch_norm() -> Module:
    return Sequential(
        Linear(FEATURES, 6, rng=1, backend=BACKEND),
        BatchNorm1d(6, backend=BACKEND),
        Dropout(0.25, 3),
        Linear(6, 5, rng=2, backend=BACKEND),
        BatchNorm1d(5, momentum=None, affine=False, backend=BACKEND),
        Linear(5, OUTPUTS, rng=3, backend=BACKEND),
    )


class Images(Module):
    """Batch normalisation of images of 2 by 2 pixels."""

    def __init__(self) -> None:
        self.conv = Conv2d(1, 3, 2, padding="trailing", rng=1, backend=BACKEND)
        self.norm = BatchNorm2d(3, backend=BACKEND)
        self.last = Sequential(Flatten(), Linear(12, OUTPUTS, rng=2, backend=BACKEND))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.last(self.norm(self.conv(x.view(-1, 1, 2, 2))).tanh())
        return result


NETWORKS: dict[str, Callable[[], Module]] = {
    "dropout": with_dropout,
    "tied weights": Tied,
    "a frozen parameter": frozen,
    "parameters without a gradient": Partly,
    "batch normalisation": with_batch_norm,
    "batch normalisation of images": Images,
}

# Uneven parts, and with four ranks also empty ones.
SIZES = (7, 8, 3, 6, 2)
EXAMPLES = np.random.default_rng(0).standard_normal((40, FEATURES))
TARGETS = np.random.default_rng(1).standard_normal((40, OUTPUTS))


def batches(steps: int = STEPS) -> list[Array]:
    rng = np.random.default_rng(2)
    return [rng.permutation(40)[: SIZES[step % len(SIZES)]] for step in range(steps)]


def optimizer_of(network: Module) -> SGD:
    return SGD(network.parameters(), lr=0.01, momentum=0.5, weight_decay=0.01)


def loss_of(network: Module, rows: Array) -> Tensor:
    return mse_loss(network(tensor(EXAMPLES[rows], BACKEND)), tensor(TARGETS[rows], BACKEND))


def alone(build: Callable[[], Module], accumulated: int = 1) -> dict[str, Array]:
    """Train in one process, without the code that is tested."""
    network = build()
    optimizer = optimizer_of(network)
    for at, rows in enumerate(batches()):
        if at % accumulated == 0:
            optimizer.zero_grad()
        (loss_of(network, rows) / accumulated).backward()
        if at % accumulated == accumulated - 1:
            optimizer.step()
    return network.state_dict()


def together(
    build: Callable[[], Module], communicator: Communicator, accumulated: int = 1
) -> dict[str, Array]:
    """Train on the ranks of a communicator."""
    network = build()
    model = DataParallel(network, communicator)
    optimizer = optimizer_of(model)
    for at, rows in enumerate(batches()):
        if at % accumulated == 0:
            optimizer.zero_grad()
        with model.batch(len(rows)) as part:
            model.backward(loss_of(model, rows[part.rows]) / accumulated)
        if at % accumulated == accumulated - 1:
            model.sum_gradients()
            optimizer.step()
    return network.state_dict()


def assert_close(state: dict[str, Array], expected: dict[str, Array]) -> None:
    assert state.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(state[name], array, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_fifty_steps_equal_those_of_one_process(name: str, size: int) -> None:
    expected = alone(NETWORKS[name])
    states = Simulator(size).run(lambda ranks: together(NETWORKS[name], ranks))
    assert_close(states[0], expected)
    for state in states[1:]:
        for key, array in states[0].items():
            np.testing.assert_array_equal(state[key], array)


@pytest.mark.parametrize("name", ["dropout", "batch normalisation"])
def test_accumulated_gradients_equal_those_of_one_process(name: str) -> None:
    expected = alone(NETWORKS[name], accumulated=2)
    states = Simulator(3).run(lambda ranks: together(NETWORKS[name], ranks, accumulated=2))
    assert_close(states[2], expected)


def test_a_ring_gives_the_same_parameters() -> None:
    simulator = Simulator(3, all_reduce=ring_all_reduce)
    assert_close(simulator.run(lambda ranks: together(Tied, ranks))[1], alone(Tied))


def test_one_all_reduce_follows_the_backward_pass() -> None:
    def program(ranks: Rank) -> int:
        model = DataParallel(with_dropout(), ranks)
        before = ranks.record.calls
        with model.batch(5) as part:
            model.backward(loss_of(model, np.arange(5)[part.rows]))
        model.sum_gradients()
        return ranks.record.calls - before

    assert Simulator(2).run(program) == [1, 1]


def test_scalars_are_averaged() -> None:
    def program(ranks: Communicator) -> float:
        network = Module()
        weight = network.add_parameter("weight", Scalar(2.0))
        model = DataParallel(network, ranks)
        with model.batch(3) as part:
            rows = np.array([1.0, 2.0, 6.0])[part.rows]
            model.backward(weight.value * float(rows.mean()))
        model.sum_gradients()
        gradient: float = weight.grad
        return gradient

    assert Simulator(2).run(program) == pytest.approx([3.0, 3.0], rel=1e-15)


def test_sums_of_numbers_travel_with_the_gradients() -> None:
    def program(ranks: Communicator) -> list[float]:
        model = DataParallel(Tied(), ranks)
        return list(model.sum_gradients((1.0, float(ranks.rank))))

    assert Simulator(3).run(program) == [[3.0, 3.0]] * 3


def test_all_ranks_begin_with_the_state_of_rank_0() -> None:
    def program(ranks: Communicator) -> tuple[dict[str, Array], list[Any]]:
        rng = np.random.default_rng(ranks.rank)
        network = Sequential(
            Linear(2, 3, rng=rng, backend=BACKEND),
            BatchNorm1d(3, backend=BACKEND),
            Dropout(0.5, rng),
        )
        network.load_state_dict(
            network.state_dict() | {"1.running_mean": np.full(3, float(ranks.rank))}
        )
        DataParallel(network, ranks)
        return network.state_dict(), [rng.bit_generator.state["state"]["state"]]

    (first, generators), *others = Simulator(3).run(program)
    assert first["1.running_mean"].tolist() == [0.0, 0.0, 0.0]
    for state, states in others:
        assert states == generators
        for name, array in first.items():
            np.testing.assert_array_equal(state[name], array)


def test_other_networks_are_refused_with_the_rank() -> None:
    def program(ranks: Communicator) -> None:
        DataParallel(Linear(2, 3 if ranks.rank == 2 else 1, rng=0), ranks)

    with pytest.raises(RankFailure, match=r"rank 2 differs from rank 0 in: the parameter weight"):
        Simulator(3).run(program)


class TestMasksPerRank:
    """The mode with masks and statistics of each rank."""

    def test_ranks_have_different_masks(self) -> None:
        def program(ranks: Communicator) -> list[float]:
            network = Dropout(0.5, 0)
            model = DataParallel(network, ranks, exact=False)
            with model.batch(64):
                kept: list[float] = model(ones((32,), BACKEND)).to_numpy().tolist()
            return kept

        first, second = Simulator(2).run(program)
        assert first != second

    def test_statistics_are_those_of_the_rows_of_a_rank(self) -> None:
        def program(ranks: Rank) -> tuple[int, float]:
            network = BatchNorm1d(1, momentum=1.0, backend=BACKEND)
            model = DataParallel(network, ranks, exact=False)
            before = ranks.record.calls
            with model.batch(4) as part:
                model(tensor(np.arange(4.0)[part.rows, None], BACKEND))
            assert network.running_mean is not None
            return ranks.record.calls - before, network.running_mean.item()

        assert Simulator(2).run(program) == [(0, 0.5), (0, 2.5)]


def test_dropout_takes_the_rows_of_the_whole_mask() -> None:
    whole = Dropout(0.5, 7)(ones((5, 3), BACKEND)).to_numpy()

    def program(ranks: Communicator) -> Any:
        model = DataParallel(Dropout(0.5, 7), ranks)
        with model.batch(5) as part:
            rows = part.rows.stop - part.rows.start
            return model(ones((rows, 3), BACKEND)).to_numpy()

    np.testing.assert_array_equal(np.concatenate(Simulator(2).run(program)), whole)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda rng: rng.normal(size=3), NotImplementedError, "normal: in exact mode"),
        (lambda rng: rng.random((3, 2)), ShapeError, r"shape \(3, 2\) for 2 examples"),
    ],
)
def test_draws_without_rows_of_the_batch_are_refused(
    call: Callable[[Any], Any], error: type[Exception], match: str
) -> None:
    network = Dropout(0.5, 0)
    model = DataParallel(network, SingleProcess())
    with model.batch(2), pytest.raises(error, match=match):
        call(network.rng)
    assert network.rng.normal(size=3).shape == (3,)


def test_batch_norm_refuses_other_rows_than_those_of_the_rank() -> None:
    model = DataParallel(BatchNorm1d(1, backend=BACKEND), SingleProcess())
    with model.batch(4), pytest.raises(ShapeError, match="rank 0 has 4 examples of the batch of 4"):
        model(ones((3, 1), BACKEND))


def test_a_step_with_an_exchange_is_not_captured() -> None:
    model = DataParallel(Linear(FEATURES, OUTPUTS, rng=0, backend=BACKEND), SingleProcess())
    optimizer = optimizer_of(model)

    @capture
    def step(x: Array) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = model(tensor(x, BACKEND)).square().mean()
        loss.backward()
        model.sum_gradients()
        optimizer.step()
        return loss

    with pytest.warns(CaptureWarning, match="sums gradients over ranks; capture the forward and"):
        for _ in range(3):
            step(EXAMPLES[:4])


def test_backward_needs_a_batch_or_a_share() -> None:
    network = Linear(1, 1, rng=0)
    model = DataParallel(network, SingleProcess())
    with pytest.raises(RuntimeError, match=r"inside `with model.batch\(total\)`, or pass share"):
        model.backward(model(ones((1, 1))).sum())
    model.backward(model(ones((1, 1))).sum(), share=1.0)
    assert network.weight.grad.item() == 1.0


@given(total=st.integers(1, 200), size=st.integers(1, 64))
def test_parts_contain_each_example_once(total: int, size: int) -> None:
    parts = [part_of(total, rank, size) for rank in range(size)]
    owned = [row for part in parts for row in range(total)[part.rows][: part.count]]
    assert owned == list(range(total))
    counts = [part.count for part in parts]
    assert max(counts) - min(counts) <= 1
    assert sum(part.share for part in parts) == pytest.approx(1.0)
    assert all(len(range(total)[part.rows]) >= 1 for part in parts)


class Place(SingleProcess):
    """The communicator of one of several ranks that exchange nothing."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank = rank
        self.size = size


@given(examples=st.integers(1, 60), batch_size=st.integers(1, 20), size=st.integers(1, 9))
def test_an_epoch_has_each_example_once(examples: int, batch_size: int, size: int) -> None:
    seen: list[int] = []
    for rank in range(size):
        sampler = Sampler(examples, batch_size, Place(rank, size), seed=3)
        drawn = list(sampler.epoch(2))
        assert len(drawn) == len(sampler)
        seen += [int(each) for indices, part in drawn for each in indices[: part.count]]
    assert sorted(seen) == list(range(examples))


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="a batch of 0 examples"):
        part_of(0, 0, 1)
    with pytest.raises(ValueError, match="rank 2 does not exist; ranks are 0 to 1"):
        part_of(4, 2, 2)
    with pytest.raises(ValueError, match="batch_size is 0"):
        Sampler(3, 0, SingleProcess())


def test_a_rank_that_dies_ends_the_others() -> None:
    with pytest.raises(CommunicationError, match="rank 1 died in its call 30"):
        Simulator(3, faults=[Dies(1, 30)]).run(lambda ranks: together(Tied, ranks))
