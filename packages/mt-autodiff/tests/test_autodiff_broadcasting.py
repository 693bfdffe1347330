"""Gradients of operands that were broadcast, compared with NumPy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import unbroadcast
from mt_tensor import REFERENCE, host_array

shapes = st.lists(st.integers(0, 3), max_size=4).map(tuple)


@given(shapes, st.data())
def test_unbroadcast_is_the_adjoint_of_broadcasting(
    shape: tuple[int, ...], draws: st.DataObject
) -> None:
    left = draws.draw(st.lists(st.integers(0, 2), max_size=2))
    big = (*left, *(draws.draw(st.integers(0, 3)) if n == 1 else n for n in shape))
    rng = np.random.default_rng(0)
    grad = rng.integers(-9, 9, big).astype(float)
    received = host_array(unbroadcast(REFERENCE, REFERENCE.from_numpy(grad), shape, "add"))
    # The gradient of an element is the sum over the positions to which it was broadcast.
    positions = np.broadcast_to(np.arange(np.prod(shape, dtype=int)).reshape(shape), big)
    expected = np.bincount(
        positions.ravel(), grad.ravel(), minlength=int(np.prod(shape, dtype=int))
    )
    assert received.shape == shape
    assert np.array_equal(received.ravel(), expected)


@given(shapes, st.data())
def test_unbroadcast_expands_gradients_of_size_1(
    shape: tuple[int, ...], draws: st.DataObject
) -> None:
    small = tuple(draws.draw(st.sampled_from([1, n])) for n in shape)[
        draws.draw(st.integers(0, 4)) :
    ]
    grad = np.random.default_rng(0).normal(size=small)
    received = host_array(unbroadcast(REFERENCE, REFERENCE.from_numpy(grad), shape, "sum"))
    assert np.array_equal(received, np.broadcast_to(grad, shape))
