"""Softmax with a mask, compared with softmax of the selected scores alone."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import from_numpy, grad_check, randn, tensor
from mt_kernels_cpu import Fast, Tuned
from mt_nn import masked_logsoftmax, masked_softmax, softmax
from mt_tensor import IndexingError, Reference

MASK = np.array([[True, True, False, True], [False] * 4, [False, False, True, False]])


@given(
    row=st.lists(st.tuples(st.floats(-1e4, 1e4), st.booleans()), min_size=1, max_size=6),
)
def test_the_selected_scores_have_their_softmax(row: list[tuple[float, bool]]) -> None:
    scores, mask = np.array([x for x, _ in row]), np.array([kept for _, kept in row])
    found = masked_softmax(from_numpy(scores), mask, 0).to_numpy()
    expected = np.zeros(len(row))
    if mask.any():
        expected[mask] = softmax(from_numpy(scores[mask]), 0).to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    logs = masked_logsoftmax(from_numpy(scores), tensor(mask), 0).to_numpy()
    np.testing.assert_allclose(np.exp(logs), expected, rtol=1e-11)
    assert (np.isneginf(logs) == ~mask).all()


@pytest.mark.parametrize(
    "backend", [Reference(np.float32), Fast(np.float32), Tuned(np.float32), Tuned()], ids=repr
)
def test_rows_without_a_selected_score(backend: Any) -> None:
    x = randn((3, 4), rng=0, backend=backend, requires_grad=True)
    found = masked_softmax(x, tensor(MASK, backend), -1)
    assert found.to_numpy()[1].tolist() == [0.0] * 4
    np.testing.assert_allclose(found.to_numpy().sum(1), [1.0, 0.0, 1.0], rtol=1e-6)
    (found * found).sum().backward()
    gradient = x.grad.to_numpy()
    assert np.isfinite(gradient).all()
    assert (gradient[~MASK] == 0.0).all()
    np.testing.assert_array_equal(
        masked_logsoftmax(x, MASK, 1).to_numpy()[1], np.full(4, -math.inf)
    )


def test_scores_that_are_not_selected_may_be_anything() -> None:
    x = tensor([[1.0, math.nan, -math.inf, math.inf]], requires_grad=True)
    mask = np.array([[True, False, True, False]])
    found = masked_softmax(x, mask, 1)
    assert found.tolist() == [[1.0, 0.0, 0.0, 0.0]]
    found.sum().backward()
    assert x.grad.tolist() == [[0.0] * 4]
    assert masked_softmax(tensor([-math.inf, 1.0]), np.array([True, False]), 0).tolist() == [0, 0]


@pytest.mark.parametrize("dim", [0, -1])
def test_gradients_with_a_mask(dim: int) -> None:
    grad_check(lambda x: masked_softmax(x, MASK, dim), randn((3, 4), rng=0))
    selected = from_numpy(MASK.astype(float)) != 0
    grad_check(lambda x: masked_logsoftmax(x, MASK, dim)[selected], randn((3, 4), rng=0))


def test_a_mask_broadcasts() -> None:
    x = randn((2, 3, 4), rng=0)
    whole = masked_softmax(x, np.broadcast_to(MASK, (2, 3, 4)), 2)
    np.testing.assert_array_equal(masked_softmax(x, MASK, 2), whole)
    with pytest.raises(IndexingError):
        masked_softmax(x, MASK, 3)
    with pytest.raises(IndexingError):
        masked_softmax(x, MASK[:, :3], 2)
