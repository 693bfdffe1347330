"""Targets that the fused forms of losses accept and decline."""

import math
from typing import Any

import numpy as np
import pytest

from mt_tensor.fused.targets import class_targets, flat_targets, min_probability


@pytest.mark.parametrize("targets", [[2, 0], (2.0, 0.0), np.array([2, 0], np.uint8)])
def test_integer_class_targets(targets: Any) -> None:
    received = class_targets(targets, 2)
    assert received is not None
    assert received.dtype == np.int64
    assert received.tolist() == [2, 0]


@pytest.mark.parametrize(
    "targets", [[0.5, 0.0], [1], [[1, 0]], [True, False], ["1", "0"], [math.nan, 0.0], 1]
)
def test_invalid_class_targets(targets: Any) -> None:
    assert class_targets(targets, 2) is None


@pytest.mark.parametrize("targets", [[[1, 0]], [[True, False]], np.array([[1.0], [0.0]]).T])
def test_flat_targets(targets: Any) -> None:
    received = flat_targets(targets, (1, 2), np.float32)
    assert received is not None
    assert received.dtype == np.float32
    assert received.tolist() == [1.0, 0.0]
    assert not np.shares_memory(received, targets)


@pytest.mark.parametrize("targets", [[1, 0], [[1], [0]], [["1", "0"]], [[1j, 0]]])
def test_flat_targets_of_another_shape_or_dtype(targets: Any) -> None:
    assert flat_targets(targets, (1, 2), np.float64) is None


def test_the_minimum_probability_has_a_finite_reciprocal() -> None:
    assert min_probability(np.float64) == math.exp(-100.0)
    assert math.isfinite(float(1 / np.float32(min_probability(np.float32))))
