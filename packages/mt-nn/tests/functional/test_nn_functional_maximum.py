"""Maxima: values, positions and gradients, compared with NumPy's max and argmax."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Tensor, TensorContext, from_numpy, grad_check, no_grad, tensor, zeros
from mt_nn.functional import Max, argmax, max
from mt_tensor import IndexingError, Reference, ShapeError, TensorData

F32, F64 = Reference(np.float32), Reference(np.float64)

SPECIAL = [-np.inf, -1e4, -1.0, -0.0, 0.0, 2.0, 1e4, np.inf, np.nan]


@st.composite
def arrays(draw: st.DrawFn, min_size: int = 0) -> np.ndarray:
    """Draw arrays of one to three dimensions from few values, so that ties are frequent."""
    shape = tuple(draw(st.lists(st.integers(min_size, 4), min_size=1, max_size=3)))
    count = int(np.prod(shape))
    values = draw(st.lists(st.sampled_from(SPECIAL), min_size=count, max_size=count))
    order: Any = draw(st.sampled_from("CF"))
    return np.array(np.array(values).reshape(shape), order=order)


def one_hot(array: np.ndarray, dim: int) -> np.ndarray:
    """Return 1 at NumPy's argmax along a dimension: the first maximum, or the first NaN."""
    out = np.zeros(array.shape)
    if array.size:
        np.put_along_axis(out, np.expand_dims(array.argmax(dim), dim), 1.0, dim)
    return out


# Values


@pytest.mark.parametrize("backend", [F32, F64], ids=repr)
@given(array=arrays(), data=st.data())
def test_max_agrees_with_numpy(array: np.ndarray, data: st.DataObject, backend: Reference) -> None:
    dim = data.draw(st.integers(-array.ndim, array.ndim - 1))
    expected = array.max(dim, keepdims=True, initial=-np.inf)
    out = max(from_numpy(array, backend), dim)
    assert out.dtype == backend.dtype
    np.testing.assert_array_equal(out, expected)


@given(array=arrays(), data=st.data())
def test_max_over_several_dimensions_or_all(array: np.ndarray, data: st.DataObject) -> None:
    dims = data.draw(st.sets(st.integers(0, array.ndim - 1)))
    negative = [dim - array.ndim for dim in dims]
    x = from_numpy(array)
    expected = array.max(tuple(dims), keepdims=True, initial=-np.inf)
    np.testing.assert_array_equal(max(x, dims), expected)
    np.testing.assert_array_equal(max(x, negative), expected)
    np.testing.assert_array_equal(max(x), [array.max(initial=-np.inf)])


def test_max_of_a_single_element() -> None:
    x = tensor(3.0, requires_grad=True)
    max(x).backward()
    assert x.shape == ()
    assert max(x).shape == (1,)
    assert x.grad.item() == 1.0


def test_max_of_no_elements() -> None:
    x = zeros((2, 0, 3), requires_grad=True)
    np.testing.assert_array_equal(max(x, 1).detach(), np.full((2, 1, 3), -np.inf))
    np.testing.assert_array_equal(max(x).detach(), [-np.inf])
    max(x).backward()
    assert x.grad.shape == (2, 0, 3)


# Gradients


@given(array=arrays(min_size=1), data=st.data())
def test_gradient_goes_to_the_first_maximum(array: np.ndarray, data: st.DataObject) -> None:
    dim = data.draw(st.integers(-array.ndim, array.ndim - 1))
    x = from_numpy(array).requires_grad_(True)
    out = max(x, dim)
    upstream = np.random.default_rng(0).uniform(0.5, 1.5, out.shape)
    out.backward(upstream)
    np.testing.assert_array_equal(x.grad, one_hot(array, dim) * upstream)


@given(array=arrays(min_size=1))
def test_gradient_of_all_goes_to_the_first_in_row_major_order(array: np.ndarray) -> None:
    x = from_numpy(array).requires_grad_(True)
    max(x).backward(np.array([3.0]))
    # In row-major order of indices, which may differ from the order in memory.
    expected = np.zeros(array.size)
    expected[array.ravel(order="C").argmax()] = 3.0
    np.testing.assert_array_equal(x.grad, expected.reshape(array.shape))


def test_gradient_of_two_of_three_dimensions() -> None:
    x = tensor(np.ones((2, 3, 2)), requires_grad=True)
    max(x, (2, 0)).backward(np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1))
    expected = np.zeros((2, 3, 2))
    expected[0, :, 0] = [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(x.grad, expected)


@pytest.mark.parametrize("dim", [0, 1, -1, (0, 2), None])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_gradient_agrees_with_finite_differences(dim: Any, order: tuple[int, ...]) -> None:
    x = tensor(np.random.default_rng(0).permutation(24).reshape(2, 3, 4))
    grad_check(lambda x: max(x.permute(*order), dim), x)


@pytest.mark.parametrize("upstream", [np.inf, -np.inf, np.nan])
def test_infinite_and_nan_gradients_change_one_element(upstream: float) -> None:
    x = tensor([1.0, 3.0, 3.0], requires_grad=True)
    max(x, 0).backward(upstream)
    np.testing.assert_array_equal(x.grad, [0.0, upstream, 0.0])


def test_gradients_of_several_uses_accumulate() -> None:
    x = tensor([[1.0], [5.0]], requires_grad=True)
    max(x.expand(2, 3), 1).sum().backward()
    np.testing.assert_array_equal(x.grad, [[1.0], [1.0]])


def test_constants_have_no_history() -> None:
    assert max(zeros((2, 2)), 0).is_constant()
    with no_grad():
        assert max(zeros((2, 2), requires_grad=True), 0).is_constant()


def test_dimensions_too_long_for_float32() -> None:
    data = TensorData(np.zeros(1, np.float32), (2**24 + 1,), (0,))
    with pytest.raises(ShapeError, match=r"^max: .* exactly up to 16777216"):
        Max.forward(TensorContext(Max, (), F32, (True,)), data, 0)
    with pytest.raises(ShapeError, match=r"^argmax: .* view the dimension as two"):
        argmax(Tensor(data, backend=F32), 0)


# argmax


@pytest.mark.parametrize("backend", [F32, F64], ids=repr)
@given(array=arrays(), data=st.data())
def test_argmax_agrees_with_numpy(
    array: np.ndarray, data: st.DataObject, backend: Reference
) -> None:
    dim = data.draw(st.integers(-array.ndim, array.ndim - 1))
    out = argmax(from_numpy(array, backend), dim)
    assert out.dtype == backend.dtype
    np.testing.assert_array_equal(out, one_hot(array, dim))


def test_argmax_is_a_constant() -> None:
    assert argmax(tensor([1.0, 2.0], requires_grad=True), 0).is_constant()


# Dimensions and classes


@pytest.mark.parametrize("dim", [2, -3])
@pytest.mark.parametrize("fn", [max, argmax])
def test_dimensions_that_do_not_exist(fn: Any, dim: int) -> None:
    with pytest.raises(IndexingError, match=rf"{fn.__name__}: no dimension {dim}.*-2 to 1"):
        fn(zeros((2, 3)), dim)


def test_a_repeated_dimension() -> None:
    with pytest.raises(IndexingError, match="contain a dimension twice"):
        max(zeros((2, 3)), (0, -2))


def test_max_function_accepts_negative_dimensions() -> None:
    x = tensor([[1.0, 2.0], [4.0, 3.0]], requires_grad=True)
    Max.apply(x, -1).sum().backward()
    np.testing.assert_array_equal(x.grad, [[0.0, 1.0], [1.0, 0.0]])


def test_subclasses_of_tensor_are_kept() -> None:
    class Marked(Tensor):
        __slots__ = ()

    x = Marked(F64.from_numpy(np.array([[1.0, 2.0]])))
    assert [type(t) for t in (max(x), max(x, 1), argmax(x, 1))] == [Marked] * 3
