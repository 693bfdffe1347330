"""Inputs that hypothesis draws for the checks."""

import numpy as np
import pytest
from hypothesis import find

from grading.checking.strategies import QUARTERS, arrays


@pytest.mark.parametrize("shape", [(1,), (2, 3), (2, 2, 2, 4)])
def test_the_simplest_array_has_no_equal_elements(shape: tuple[int, ...]) -> None:
    """Mistakes in indices are invisible in an array of equal elements."""
    simplest = find(arrays(shape), lambda x: True)
    assert len(np.unique(simplest)) == simplest.size


def test_a_large_array_repeats_numbers_in_turn() -> None:
    simplest = find(arrays((3, len(QUARTERS)), permuted=False), lambda x: True)
    assert all(len(np.unique(row)) == len(QUARTERS) for row in simplest)


def test_elements_may_be_equal() -> None:
    pair = find(arrays((2,)), lambda x: bool(x[0] == x[1]))
    assert pair[0] == pair[1]
