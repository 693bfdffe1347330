"""All-reduce, all-gather and broadcast by messages agree with NumPy, for 1 to 64 ranks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mt_nn.distributed import (
    Network,
    Rank,
    Simulator,
    ring_all_gather,
    ring_all_reduce,
    tree_all_reduce,
    tree_broadcast,
)

AllReduce = Callable[[Any, Any], None]
ALGORITHMS: list[AllReduce] = [ring_all_reduce, tree_all_reduce]

sizes = st.integers(1, 24)
shapes = st.sampled_from([(), (0,), (1,), (3,), (7, 9), (64,), (130,)])


def numbers(rank: int, shape: tuple[int, ...]) -> Any:
    return np.array(np.random.default_rng(rank).standard_normal(shape))


def reduced(algorithm: AllReduce, size: int, shape: tuple[int, ...]) -> tuple[Any, Simulator]:
    simulator = Simulator(size)

    def program(ranks: Rank) -> Any:
        buffer = numbers(ranks.rank, shape)
        algorithm(buffer, ranks)
        return buffer

    return np.array(simulator.run(program)), simulator


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(size=sizes, shape=shapes)
@example(size=64, shape=(130,))
@example(size=1, shape=(3,))
@settings(max_examples=8)
def test_sums_over_all_ranks(algorithm: AllReduce, size: int, shape: tuple[int, ...]) -> None:
    results, _ = reduced(algorithm, size, shape)
    total = sum(numbers(rank, shape) for rank in range(size))
    np.testing.assert_allclose(results[0], total, atol=1e-13)
    assert (results == results[0]).all(), "all ranks receive the same bits"


@given(size=st.integers(1, 20), root=st.integers(0, 19), shape=shapes)
@settings(max_examples=20)
def test_gathered_and_broadcast_buffers(size: int, root: int, shape: tuple[int, ...]) -> None:
    root %= size
    whole = np.array([numbers(rank, shape) for rank in range(size)])

    def program(ranks: Rank) -> tuple[Any, Any]:
        buffer = numbers(ranks.rank, shape)
        gathered = ring_all_gather(buffer, ranks)
        tree_broadcast(buffer, ranks, root)
        return gathered, buffer

    for gathered, buffer in Simulator(size).run(program):
        np.testing.assert_array_equal(gathered, whole)
        np.testing.assert_array_equal(buffer, whole[root])


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_dtype_stays(algorithm: AllReduce, dtype: Any) -> None:
    def program(ranks: Rank) -> Any:
        buffer = np.arange(5, dtype=dtype)
        algorithm(buffer, ranks)
        return buffer

    (first, *_) = Simulator(3).run(program)
    assert first.dtype == dtype
    assert first.tolist() == [0, 3, 6, 9, 12]


@pytest.mark.parametrize("size", [1, 2, 4, 8, 16])
def test_simulated_times_are_those_of_the_formulas(size: int) -> None:
    network = Network(latency=1e-3, bandwidth=1e6)
    for algorithm, formula in (
        (ring_all_reduce, network.ring_all_reduce),
        (tree_all_reduce, network.tree_all_reduce),
    ):
        simulator = Simulator(size, network=network, all_reduce=algorithm)
        simulator.run(lambda ranks: ranks.all_reduce(np.zeros(160)))
        longest = max(record.seconds for record in simulator.records)
        assert longest == pytest.approx(formula(size, 160 * 8))


def test_bytes_of_a_ring_do_not_depend_on_the_number_of_ranks() -> None:
    for size in (2, 4, 8):
        _, simulator = reduced(ring_all_reduce, size, (64,))
        for record in simulator.records:
            assert record.messages == 2 * (size - 1)
            assert record.sent == 2 * (size - 1) * 64 * 8 // size


def test_a_tree_is_faster_for_small_buffers_and_a_ring_for_large_ones() -> None:
    network = Network()
    assert network.tree_all_reduce(64, 100) < network.ring_all_reduce(64, 100)
    assert network.tree_all_reduce(64, 10**8) > network.ring_all_reduce(64, 10**8)
