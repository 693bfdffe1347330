"""softmax and logsoftmax, compared with extended precision, and their limits."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Tensor, from_numpy, grad_check, rand, tensor, zeros
from mt_nn.functional import logsoftmax, softmax
from mt_tensor import IndexingError, Reference

BOTH = [softmax, logsoftmax]

scores = st.floats(-1e4, 1e4) | st.floats(-3.0, 3.0)


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    """Draw arrays of one to three dimensions, in row-major or column-major memory."""
    shape = tuple(draw(st.lists(st.integers(0, 4), min_size=1, max_size=3)))
    count = int(np.prod(shape))
    values = draw(st.lists(scores, min_size=count, max_size=count))
    order: Any = draw(st.sampled_from("CF"))
    return np.array(np.array(values).reshape(shape), order=order)


def log_softmax_of_a_row(row: np.ndarray) -> list[float]:
    r"""Return $x_i - x_m - \log(1 + \sum_{j \ne m} e^{x_j - x_m})$ with m the argmax."""
    if not len(row):
        return []
    top = int(np.argmax(row))
    rest = math.fsum(math.exp(x - row[top]) for j, x in enumerate(row) if j != top)
    return [x - row[top] - math.log1p(rest) for x in row]


@given(array=arrays(), data=st.data())
def test_logsoftmax_is_exact(array: np.ndarray, data: st.DataObject) -> None:
    dim = data.draw(st.integers(-array.ndim, array.ndim - 1))
    expected = np.apply_along_axis(log_softmax_of_a_row, dim, array) if array.size else array
    out = logsoftmax(from_numpy(array), dim).to_numpy()
    np.testing.assert_allclose(out, expected, rtol=1e-14, atol=1e-15)


@given(array=arrays(), data=st.data())
def test_softmax_is_the_exponential_of_logsoftmax(array: np.ndarray, data: st.DataObject) -> None:
    dim = data.draw(st.integers(-array.ndim, array.ndim - 1))
    expected = np.apply_along_axis(log_softmax_of_a_row, dim, array) if array.size else array
    out = softmax(from_numpy(array), dim).to_numpy()
    np.testing.assert_allclose(out, np.exp(expected), rtol=1e-13, atol=0.0)
    if array.shape[dim]:
        np.testing.assert_allclose(out.sum(dim), 1.0, rtol=1e-15 * 4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zeros_and_ones_are_exact(dtype: Any) -> None:
    x = tensor([[1e4, -1e4, 0.0], [-1e4, -1e4, 1e4]], Reference(dtype), requires_grad=True)
    probabilities = softmax(x, 1)
    np.testing.assert_array_equal(probabilities.detach(), [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    logs = logsoftmax(x, 1)
    np.testing.assert_array_equal(logs.detach(), [[0.0, -2e4, -1e4], [-2e4, -2e4, 0.0]])
    (probabilities + logs).sum().backward()
    assert probabilities.dtype == logs.dtype == dtype
    # logsoftmax: 1 - 3 p; softmax: 0, the sum being constant.
    np.testing.assert_array_equal(x.grad, [[-2.0, 1.0, 1.0], [1.0, 1.0, -2.0]])


@pytest.mark.parametrize("top", [-1e4, 0.0, 1e4])
def test_equal_scores(top: float) -> None:
    x = tensor([top] * 5)
    np.testing.assert_allclose(softmax(x, 0), [0.2] * 5, rtol=1e-15)
    np.testing.assert_allclose(logsoftmax(x, 0), [-math.log(5)] * 5, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("fn", BOTH)
def test_gradients(fn: Any, dim: int, dtype: Any) -> None:
    x = rand((2, 3, 2), rng=0, backend=Reference(dtype))
    grad_check(lambda x: fn(x.permute(2, 0, 1), dim), x)


@pytest.mark.parametrize("fn", BOTH)
def test_gradients_where_the_largest_scores_tie(fn: Any) -> None:
    grad_check(lambda x: fn(x, 1), tensor([[1.0, 1.0, 0.0], [2.0, 2.0, 2.0]]))


def test_an_excluded_class() -> None:
    x = tensor([-np.inf, 1.0, 1.0], requires_grad=True)
    np.testing.assert_allclose(softmax(x, 0).detach(), [0.0, 0.5, 0.5], rtol=1e-15)
    logs = logsoftmax(x, 0)
    np.testing.assert_allclose(logs.detach(), [-np.inf, -math.log(2), -math.log(2)], rtol=1e-15)
    logs.backward(np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(x.grad, [0.0, 0.5, -0.5], rtol=1e-15)
    x.zero_grad_()
    softmax(x, 0).backward(np.array([5.0, 1.0, 0.0]))
    np.testing.assert_allclose(x.grad, [0.0, 0.25, -0.25], rtol=1e-15)


@pytest.mark.parametrize("fn", BOTH)
@pytest.mark.parametrize(
    "row", [[np.nan, 0.0, 1.0], [np.inf, 0.0, 1.0], [np.inf] * 3, [-np.inf] * 3]
)
def test_rows_without_a_limit_are_nan(fn: Any, row: list[float]) -> None:
    out = fn(tensor([row, [0.0, 0.0, 0.0]]), 1).to_numpy()
    np.testing.assert_array_equal(np.isnan(out), [[True] * 3, [False] * 3])


@pytest.mark.parametrize("fn", BOTH)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0,)])
@pytest.mark.parametrize("dim", [0, -1])
def test_no_scores(fn: Any, shape: tuple[int, ...], dim: int) -> None:
    x = zeros(shape, requires_grad=True)
    out = fn(x, dim)
    assert out.shape == shape
    out.sum().backward()
    assert x.grad.shape == shape


@pytest.mark.parametrize("fn", BOTH)
def test_dimensions_that_do_not_exist(fn: Any) -> None:
    with pytest.raises(IndexingError, match=rf"^{fn.__name__}: no dimension 2.*-2 to 1"):
        fn(zeros((2, 3)), 2)


@pytest.mark.parametrize("fn", BOTH)
def test_subclasses_of_tensor_are_kept(fn: Any) -> None:
    class Marked(Tensor):
        __slots__ = ()

    assert type(fn(Marked(tensor([1.0, 2.0]).data), 0)) is Marked
