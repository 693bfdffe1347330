"""Training on up to 64 simulated ranks: each example once an epoch, faults, and restarts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mt_autodiff import tensor
from mt_nn import SGD, Linear, load_checkpoint, mse_loss, save_checkpoint
from mt_nn.distributed import (
    DataParallel,
    Dies,
    Hangs,
    Rank,
    RankFailure,
    Sampler,
    Simulator,
    ring_all_reduce,
)

EXAMPLES, BATCH, EPOCHS = 21, 9, 2
X = np.random.default_rng(0).standard_normal((EXAMPLES, 2))
Y = X @ np.array([[1.0], [-2.0]]) + 0.5


def train(ranks: Rank, file: Path) -> list[Any]:
    """Train with momentum, save a checkpoint after each step, and resume if there is one."""
    network = Linear(2, 1, rng=ranks.rank)
    model = DataParallel(network, ranks)
    optimizer = SGD(network.parameters(), lr=0.1, momentum=0.9)
    done = 0
    if file.exists():
        checkpoint = load_checkpoint(file)
        checkpoint.restore(network, optimizer)
        done = checkpoint.step
    sampler, step = Sampler(EXAMPLES, BATCH, ranks, seed=3), 0
    for epoch in range(EPOCHS):
        for chosen, part in sampler.epoch(epoch):
            step += 1
            if step <= done:
                continue
            with model.batch(part.total):
                optimizer.zero_grad()
                model.backward(mse_loss(model(tensor(X[chosen])), tensor(Y[chosen])))
                model.sum_gradients()
                optimizer.step()
            if ranks.rank == 0:
                save_checkpoint(file, model=network, optimizer=optimizer, step=step)
            ranks.barrier()
    return [parameter.value.to_numpy().tolist() for parameter in network.parameters()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    file = tmp_path_factory.mktemp("whole") / "state"
    return Simulator(64).run(lambda ranks: train(ranks, file))


@pytest.mark.parametrize("size", [1, 2, 5, 63, 64])
@pytest.mark.parametrize("examples", [1, 40, 200])
def test_each_example_is_used_once_in_an_epoch(size: int, examples: int) -> None:
    def program(ranks: Rank) -> list[list[int]]:
        sampler = Sampler(examples, 70, ranks, seed=1)
        return [
            [int(i) for indices, part in sampler.epoch(epoch) for i in indices[: part.count]]
            for epoch in range(2)
        ]

    parts = Simulator(size).run(program)
    epochs = [sorted(i for part in parts for i in part[epoch]) for epoch in range(2)]
    assert epochs == [list(range(examples))] * 2
    lengths = [len(part[0]) for part in parts]
    assert max(lengths) - min(lengths) <= -(-examples // 70)


@pytest.mark.parametrize("fault", [Dies(37, 12), Dies(0, 9), Hangs(63, 14)], ids=str)
def test_a_training_resumes_after_the_failure_of_a_rank(
    fault: Dies | Hangs, undisturbed: list[Any], tmp_path: Path
) -> None:
    file = tmp_path / "state"
    with pytest.raises(RankFailure, match=f"rank {fault.rank} (died|hangs)"):
        Simulator(64, [fault]).run(lambda ranks: train(ranks, file))
    assert 0 < load_checkpoint(file).step < 6, "the fault is in the middle of the training"
    resumed = Simulator(64).run(lambda ranks: train(ranks, file))
    assert resumed == undisturbed
    assert all(result == resumed[0] for result in resumed)


def test_a_training_with_another_number_of_ranks_has_the_same_result(
    undisturbed: list[Any], tmp_path: Path
) -> None:
    file = tmp_path / "state"
    with pytest.raises(RankFailure):
        Simulator(5, [Dies(2, 12)]).run(lambda ranks: train(ranks, file))
    (resumed,) = Simulator(1).run(lambda ranks: train(ranks, file))
    for one, other in zip(resumed, undisturbed[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_training_with_a_ring_has_the_same_result(undisturbed: list[Any], tmp_path: Path) -> None:
    simulator = Simulator(7, all_reduce=ring_all_reduce)
    results = simulator.run(lambda ranks: train(ranks, tmp_path / "state"))
    assert all(result == results[0] for result in results)
    for one, other in zip(results[0], undisturbed[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
