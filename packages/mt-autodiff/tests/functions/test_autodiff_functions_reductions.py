"""Reductions over any dimensions, compared with NumPy and central differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_autodiff import (
    Tensor,
    grad_check,
    tensor,
)
from mt_autodiff.functions import All
from mt_tensor import Reference

SINGLE = Reference(np.float32)

sizes = st.integers(0, 3)

shapes = st.lists(sizes, max_size=3).map(tuple)


def random(*shape: int, seed: int = 0) -> Tensor:
    """Return a constant of normal numbers."""
    return tensor(np.random.default_rng(seed).normal(size=shape))


# Backward: parameters of operations


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.data())
@settings(max_examples=25)
def test_reductions_over_any_dims(shape: list[int], draws: st.DataObject) -> None:
    dims = tuple(draws.draw(st.sets(st.integers(0, len(shape) - 1))))
    named = tuple(d - len(shape) if draws.draw(st.booleans()) else d for d in dims)
    x = random(*shape)
    for method in ("sum", "mean"):
        for keep in (False, True):
            expected = getattr(np, method)(x.to_numpy(), axis=named, keepdims=keep)
            np.testing.assert_allclose(getattr(x, method)(named, keep).to_numpy(), expected)
        grad_check(lambda x, m=method: getattr(x, m)(named), x)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (1, 1)])
def test_full_reductions_have_one_element(shape: tuple[int, ...]) -> None:
    x = tensor(np.ones(shape), requires_grad=True)
    assert x.sum().shape == x.mean().shape == x.all().shape == (1,)
    assert x.sum().item() == x.size
    assert x.all().item() == 1.0
    np.testing.assert_equal(x.mean().item(), 1.0 if x.size else np.nan)
    x.sum().backward()
    assert x.grad.to_numpy().tolist() == np.ones(shape).tolist()


def test_all_of_truth_values_has_a_zero_gradient() -> None:
    truth = tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]], requires_grad=True)
    assert truth.all(0).tolist() == [1.0, 1.0, 0.0]
    assert truth.all(-1, keepdim=True).tolist() == [[0.0], [1.0]]
    assert truth.all((0, 1)).tolist() == 0.0
    assert truth.all().item() == 0.0
    assert truth.all(()).to_numpy().tolist() == truth.to_numpy().tolist()
    result = truth.all(0, keepdim=True)
    assert result.history is not None
    assert result.history.last_fn is All
    result.backward(np.ones((1, 3)))
    assert not truth.grad.to_numpy().any()


def test_a_sum_over_no_dims_is_a_copy() -> None:
    x = random(2, 3)
    twin = x.sum(())
    assert twin.to_numpy().tolist() == x.to_numpy().tolist()
    assert not np.shares_memory(twin.to_numpy(), x.to_numpy())
    grad_check(lambda x: x.sum(()), x)
