"""Argument checks that fused forms share."""

from typing import Any

import numpy as np
import pytest

from mt_tensor import REFERENCE, TensorData
from mt_tensor.fused.arguments import fits_linear, is_along_rows, pooling_window, row_indices


def zeros(*shape: int) -> TensorData:
    return REFERENCE.zeros(shape)


@pytest.mark.parametrize(
    ("input", "weight", "bias", "activation", "expected"),
    [
        ((2, 3), (3, 4), None, None, True),
        ((0, 3), (3, 4), (4,), "relu", True),
        ((5, 2, 3), (3, 4), (4,), "relu", True),
        ((3,), (3, 4), None, None, False),
        ((2, 3), (1, 3, 4), None, None, False),
        ((2, 2), (3, 4), None, None, False),
        ((2, 3), (3, 0), None, None, False),
        ((2, 3), (3, 4), (1, 4), None, False),
        ((2, 3), (3, 4), (3,), None, False),
        ((2, 3), (3, 4), None, "tanh", False),
    ],
)
def test_linear(
    input: tuple[int, ...],
    weight: tuple[int, ...],
    bias: tuple[int, ...] | None,
    activation: str | None,
    expected: bool,
) -> None:
    added = None if bias is None else zeros(*bias)
    assert fits_linear(zeros(*input), zeros(*weight), added, activation) is expected


@pytest.mark.parametrize(
    ("shape", "dim", "expected"),
    [
        ((2, 3), 1, True),
        ((2, 3), -1, True),
        ((3,), 0, True),
        ((2, 3), 0, False),
        ((2, 3), 2, False),
        ((), -1, False),
        ((2, 0), 1, False),
    ],
)
def test_rows(shape: tuple[int, ...], dim: int, expected: bool) -> None:
    assert is_along_rows(zeros(*shape), dim) is expected


def test_row_indices_are_a_copy() -> None:
    indices = np.array([[0, 2]])
    numbers = row_indices(zeros(3, 1), indices)
    assert numbers is not None
    indices[0, 0] = 1
    assert numbers.tolist() == [[0, 2]]


@pytest.mark.parametrize("indices", [[], [0.0], [True], ["a"]])
def test_invalid_row_indices(indices: Any) -> None:
    assert row_indices(zeros(3, 1), indices) is None
    assert row_indices(zeros(3), [0]) is None


@pytest.mark.parametrize(
    ("shape", "kernel", "expected"),
    [
        ((1, 2, 4, 6), (2, 3), (2, 3)),
        ((1, 2, 4, 6), [4, 6], (4, 6)),
        ((1, 2, 4, 6), (3, 3), None),
        ((1, 2, 4, 6), (2, 4), None),
        ((1, 2, 4, 6), (0, 3), None),
        ((1, 2, 4, 6), (2.0, 3), None),
        ((1, 2, 4, 6), (2,), None),
        ((1, 2, 4, 6), 2, None),
        ((0, 2, 4, 6), (2, 3), None),
        ((2, 4, 6), (2, 3), None),
    ],
)
def test_windows(shape: tuple[int, ...], kernel: Any, expected: tuple[int, int] | None) -> None:
    assert pooling_window(zeros(*shape), kernel) == expected
