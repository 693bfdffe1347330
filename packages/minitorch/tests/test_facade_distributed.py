"""Parts of the data and averaged gradients on simulated ranks, compared with NumPy."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minitorch import (
    average_gradients,
    epoch_order,
    epoch_part,
    partition,
    reassemble,
    ring_all_reduce,
)
from mt_nn.distributed import Rank, Simulator

counts, sizes = st.integers(0, 40), st.integers(1, 64)


@given(count=counts, size=sizes)
def test_parts_are_those_of_numpy(count: int, size: int) -> None:
    expected = [part.tolist() for part in np.array_split(np.arange(count), size)]
    assert [list(partition(count, rank, size)) for rank in range(size)] == expected


@given(count=counts, seed=st.integers(0, 9), epoch=st.integers(0, 9))
def test_an_order_is_a_permutation(count: int, seed: int, epoch: int) -> None:
    order = epoch_order(count, seed, epoch)
    assert sorted(order) == list(range(count))
    assert order == epoch_order(count, seed, epoch)


@given(count=counts, size=sizes)
def test_results_of_ranks_come_back_in_order(count: int, size: int) -> None:
    values = np.arange(3.0 * count).reshape(count, 3)
    rows = [values[np.array(epoch_part(count, r, size, 1, 2), int)] for r in range(size)]
    np.testing.assert_array_equal(reassemble(rows, 1, 2), values)


@given(size=sizes, length=st.integers(0, 70))
@settings(max_examples=10)
def test_sums_in_a_ring(size: int, length: int) -> None:
    whole = np.random.default_rng(0).standard_normal((size, length))

    def program(ranks: Rank) -> Any:
        buffer = whole[ranks.rank].copy()
        ring_all_reduce(buffer, ranks)
        return buffer

    results = np.array(Simulator(size).run(program))
    np.testing.assert_allclose(results[0], whole.sum(axis=0), atol=1e-13)
    assert (results == results[0]).all()


@pytest.mark.parametrize("counts", [[3], [2, 0, 5], [1, 1, 1, 1]])
def test_averaged_gradients(counts: list[int]) -> None:
    shapes = [(2, 3), (), (0,), (4,)]
    rng = np.random.default_rng(1)
    own = [[rng.standard_normal(shape) for shape in shapes] for _ in counts]

    def program(ranks: Rank) -> Any:
        return average_gradients(own[ranks.rank], counts[ranks.rank], ranks)

    for result in Simulator(len(counts)).run(program):
        for at, found in enumerate(result):
            gradients = np.array([each[at] for each in own])
            expected = np.average(gradients, axis=0, weights=counts)
            np.testing.assert_allclose(found, expected, atol=1e-15)
