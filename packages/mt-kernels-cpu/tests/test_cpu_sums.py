"""Long sums in single precision: as exact as NumPy's, which adds numbers by pairs."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

from mt_kernels_cpu import Fast, Tuned
from mt_tensor import TensorData, operators
from mt_tensor.fused import operations

Array: TypeAlias = npt.NDArray[Any]
Backend: TypeAlias = Fast | Tuned

LONG = 2**25
"""Twice the largest count that a sum of ones in single precision reaches."""

MANY = 2**20
"""Terms from which on a sum of equal numbers in single precision loses half of its digits."""

FAST, TUNED = Fast(np.float32), Tuned(np.float32)
backends = pytest.mark.parametrize("backend", [FAST, TUNED], ids=repr)


def _random(size: int, low: float) -> Array:
    return np.random.default_rng(0).uniform(low, 1.0, size).astype(np.float32)


NUMBERS: dict[str, Callable[[int], Array]] = {
    "ones": lambda size: np.ones(size, np.float32),
    "equal": lambda size: np.full(size, 0.7, np.float32),
    "positive": lambda size: _random(size, 0.0),
    "mixed": lambda size: _random(size, -1.0),
}
numbers = pytest.mark.parametrize("kind", ["equal", "mixed"])


def error(received: Array, exact: Array, magnitude: Array) -> float:
    """Return the largest error, relative to the sums of the terms' magnitudes."""
    return float(np.max(np.abs(received.astype(np.float64) - exact) / magnitude))


def assert_as_exact_as_numpy(received: Array, terms: Array, axis: int = 0) -> None:
    """Assert that sums of terms along an axis have at most the error of NumPy's sums.

    NumPy adds by pairs only along an axis of contiguous numbers. An error below half a unit in the
    last place is that of the rounded result.
    """
    along_rows = np.ascontiguousarray(np.moveaxis(terms, axis, -1))
    exact = along_rows.sum(-1, dtype=np.float64)
    magnitude = np.abs(along_rows).sum(-1, dtype=np.float64)
    known = error(along_rows.sum(-1), exact, magnitude)
    assert error(received.reshape(exact.shape), exact, magnitude) <= max(known, 2.0**-24)


def reduced(backend: Backend, a: TensorData, dim: int) -> Array:
    return backend.to_numpy(backend.reduce(operators.add, a, dim, 0.0))


@backends
@pytest.mark.parametrize("kind", NUMBERS)
def test_sum(backend: Backend, kind: str) -> None:
    terms = NUMBERS[kind](LONG)
    assert_as_exact_as_numpy(reduced(backend, backend.from_numpy(terms), 0), terms)


@backends
@numbers
def test_sum_of_each_column(backend: Backend, kind: str) -> None:
    terms = NUMBERS[kind](MANY).reshape(-1, 8)
    assert_as_exact_as_numpy(reduced(backend, backend.from_numpy(terms), 0), terms)


@backends
@pytest.mark.parametrize("length", [2, 9, 130, 4096, 8191, 8192, 8193, 20_000])
@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("start", [0.0, 3.0])
def test_sums_of_any_length_and_layout(
    backend: Backend, length: int, dim: int, start: float
) -> None:
    shape = [2, 3, 2]
    shape[dim] = length
    terms = _random(int(np.prod(shape)), -1.0).reshape(shape)
    a = backend.from_numpy(np.ascontiguousarray(terms.transpose(2, 0, 1))).permute(1, 2, 0)
    received = backend.to_numpy(backend.reduce(operators.add, a, dim, start))
    expected = terms.sum(dim, keepdims=True, dtype=np.float64) + start
    np.testing.assert_allclose(received, expected, rtol=2.0**-23, atol=2.0**-24 * length)
    largest = backend.to_numpy(backend.reduce(operators.max, a, dim, -np.inf))
    np.testing.assert_array_equal(largest, terms.max(dim, keepdims=True))


@backends
def test_fold_of_a_function_without_a_neutral_element(backend: Backend) -> None:
    terms = np.full(20_000, 0.5, np.float32)
    a = backend.from_numpy(terms).expand((1, 20_000))
    assert reduced(backend, a, 1).item() == 10_000.0
    # The initial value counts once, however many blocks there are.
    assert backend.to_numpy(backend.reduce(operators.add, a, 1, 7.0)).item() == 10_007.0


@pytest.mark.parametrize("sum_of", ["numbers", "products"])
def test_overflow_of_a_sum_is_infinite(sum_of: str) -> None:
    large = FAST.from_numpy(np.full((1, 1000), 3e38, np.float32))
    if sum_of == "numbers":
        assert reduced(FAST, large, 1).item() == np.inf
    else:
        assert FAST.to_numpy(FAST.matmul(large, large.permute(1, 0))).item() == np.inf


@numbers
@pytest.mark.parametrize("transposed", [False, True])
def test_products_of_long_rows(kind: str, transposed: bool) -> None:
    a, b = NUMBERS[kind](MANY)[None], NUMBERS[kind](MANY)[:, None]
    right = FAST.from_numpy(np.ascontiguousarray(b.T)).permute(1, 0)
    product = FAST.matmul(FAST.from_numpy(a), right if transposed else FAST.from_numpy(b))
    assert_as_exact_as_numpy(FAST.to_numpy(product)[0], (a[0] * b[:, 0])[:, None])


@pytest.mark.parametrize("shape", [(3, 513, 2), (2, 5000, 40), (40, 20_000, 3)])
@pytest.mark.parametrize("transposed", [False, True])
def test_products_are_as_exact_as_those_of_blas(
    shape: tuple[int, int, int], transposed: bool
) -> None:
    rows, terms, columns = shape
    a = _random(rows * terms, 0.0).reshape(rows, terms)
    b = _random(terms * columns, 0.0).reshape(terms, columns)
    right = FAST.from_numpy(np.ascontiguousarray(b.T)).permute(1, 0)
    product = FAST.matmul(FAST.from_numpy(a), right if transposed else FAST.from_numpy(b))
    exact = a.astype(np.float64) @ b
    known = error(a @ b, exact, exact)
    assert error(FAST.to_numpy(product), exact, exact) <= max(known, 2.0**-24)


@numbers
def test_convolutions_of_long_sums(kind: str) -> None:
    # The gradient of a weight: the kernel is as long as the sequence, and the result is short.
    sequence, kernel = NUMBERS[kind](MANY + 2), NUMBERS[kind](MANY)
    out = FAST.convolve(
        FAST.from_numpy(sequence[None, None]), FAST.from_numpy(kernel[None, None]), size=(3,)
    )
    terms = np.stack([sequence[p : p + MANY] * kernel for p in range(3)])
    assert_as_exact_as_numpy(FAST.to_numpy(out)[0, 0], terms, axis=1)


@pytest.mark.parametrize("reverse", [False, True])
def test_convolutions_over_many_channels(reverse: bool) -> None:
    images = _random(2 * 300 * 6 * 5, 0.0).reshape(2, 300, 6, 5)
    weight = _random(3 * 300 * 2 * 3, 0.0).reshape(3, 300, 2, 3)
    double = Fast(np.float64)
    exact = double.to_numpy(
        double.convolve(double.from_numpy(images), double.from_numpy(weight), reverse, (5, 3))
    )
    out = FAST.convolve(FAST.from_numpy(images), FAST.from_numpy(weight), reverse, (5, 3))
    assert error(FAST.to_numpy(out), exact, exact) <= 2.0**-24


# The fused forms of the tuned backend


def gradients(operation: Any, grad: Array, *args: Any) -> list[Array]:
    """Return the gradients of a fused form, and after them its result."""
    tensors = [a for a in args if isinstance(a, TensorData)]
    form = TUNED.fused(operation)
    assert form is not None
    out, saved = form.forward(TUNED, (True,) * len(tensors), *args)
    found = form.backward(TUNED, saved, TUNED.from_numpy(grad))
    return [TUNED.to_numpy(each) for each in (*found, out) if each is not None]


@numbers
@pytest.mark.parametrize("activation", [None, "relu"])
def test_gradient_of_a_linear_bias(kind: str, activation: str | None) -> None:
    terms = NUMBERS[kind](MANY).reshape(-1, 4)
    ones = TUNED.full((4,), 1.0)
    operands = (TUNED.zeros((len(terms), 1)), TUNED.zeros((1, 4)), ones, activation)
    _, _, bias, _ = gradients(operations.LINEAR, terms, *operands)
    assert_as_exact_as_numpy(bias, terms)


@numbers
@pytest.mark.parametrize("images", [1, 16])
def test_gradient_of_a_convolutional_bias(kind: str, images: int) -> None:
    terms = NUMBERS[kind](MANY).reshape(images, 2, 512, -1)
    operands = (TUNED.zeros((images, 1, *terms.shape[2:])), TUNED.zeros((2, 1, 1, 1)))
    settings = (TUNED.full((2,), 1.0), (0, 0), terms.shape[2:], (1, 1), False)
    _, _, bias, _ = gradients(operations.CONVOLUTION, terms, *operands, *settings)
    assert_as_exact_as_numpy(bias, terms.swapaxes(0, 1).reshape(2, -1), axis=1)


@numbers
def test_gradient_of_a_row_that_is_looked_up_often(kind: str) -> None:
    terms = NUMBERS[kind](MANY).reshape(-1, 2)
    table, _ = gradients(operations.TAKE, terms, TUNED.zeros((3, 2)), np.full(len(terms), 1))
    assert_as_exact_as_numpy(table[1], terms)
    assert not table[[0, 2]].any()


@numbers
def test_mean_of_a_large_window(kind: str) -> None:
    terms = NUMBERS[kind](MANY).reshape(1, 1, 1024, 1024)
    _, mean = gradients(
        operations.AVGPOOL2D, np.ones((1, 1, 1, 1)), TUNED.from_numpy(terms), (1024, 1024)
    )
    assert_as_exact_as_numpy(mean * np.float32(MANY), terms.reshape(1, -1), axis=1)


LOSSES: dict[str, tuple[Any, Any, Any]] = {
    "nll": (operations.NLL_LOSS, (MANY, 1), lambda x: -x[:, 0]),
    "cross_entropy": (
        operations.CROSS_ENTROPY,
        (MANY, 2),
        lambda x: np.logaddexp(x[:, 0], x[:, 1]) - x[:, 0],
    ),
    "binary": (operations.BINARY_CROSS_ENTROPY, (MANY,), lambda x: -np.log1p(-x)),
    "logits": (
        operations.BINARY_CROSS_ENTROPY_WITH_LOGITS,
        (MANY,),
        lambda x: np.logaddexp(0.0, x),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_many_rows(name: str) -> None:
    operation, shape, loss = LOSSES[name]
    x = np.full(shape, 0.3, np.float32)
    _, mean = gradients(operation, np.ones(1), TUNED.from_numpy(x), np.zeros(shape[:1]))
    # All losses are equal. Each has an error of some roundings; their mean adds none.
    expected = loss(x[:1].astype(np.float64))[0]
    np.testing.assert_allclose(mean.item(), expected, rtol=4e-7)
