"""Compiled kernels against the reference backend, over layouts, dtypes and threads."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cpu import Fast, tensor_map
from mt_tensor import Reference, ShapeError, TensorData, operators

UNTOUCHED = -7.0
GUARDS = 4

shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)
matrices = st.tuples(st.integers(0, 5), st.integers(0, 5))


class OnOneThread(Fast):
    """Fast, with every kernel on the calling thread."""

    parallel_from = math.inf


class OnAllThreads(Fast):
    """Fast, with every kernel on all threads, however small the tensors are."""

    parallel_from = 0


backends = pytest.mark.parametrize(
    "fast",
    [OnOneThread(), OnAllThreads(), OnOneThread(np.float32)],
    ids=["one thread", "all threads", "float32"],
)


class Layouts:
    """Source of tensors of given shapes in any layout, with the same content for two backends."""

    def __init__(self, draws: st.DataObject, fast: Fast) -> None:
        self.draws = draws
        self.fast, self.reference = fast, Reference(fast.dtype)
        self.rng = np.random.default_rng(draws.draw(st.integers(0, 2**32 - 1)))
        self.special = draws.draw(st.booleans())

    def operand(self, *shape: int) -> TensorData:
        """Return a permuted view with gaps and repeated dimensions, in a longer storage."""
        repeated = [self.draws.draw(st.integers(0, 9)) == 0 for _ in shape]
        strides, reach = self._strides(tuple(np.where(repeated, 1, shape).tolist()))
        storage = self._numbers(reach)
        return TensorData(storage, shape, np.where(repeated, 0, strides).tolist())

    def broadcast(self, *shape: int) -> TensorData:
        """Return an operand that broadcasts to a shape: fewer dimensions, some of size 1."""
        kept = shape[self.draws.draw(st.integers(0, len(shape))) :]
        return self.operand(*(n if self.draws.draw(st.booleans()) else 1 for n in kept))

    def out(self, *shape: int) -> tuple[TensorData, TensorData]:
        """Return equal permuted views for each backend, with guards around and in gaps."""
        strides, reach = self._strides(shape)
        received = np.full(GUARDS + reach + GUARDS, UNTOUCHED, self.fast.dtype)
        expected = received.copy()
        return (
            TensorData(received[GUARDS:], shape, strides),
            TensorData(expected[GUARDS:], shape, strides),
        )

    def _strides(self, shape: tuple[int, ...]) -> tuple[list[int], int]:
        strides = [0] * len(shape)
        reach = 1
        for dim in self.draws.draw(st.permutations(range(len(shape)))):
            strides[dim] = reach * self.draws.draw(st.integers(1, 2))
            reach = strides[dim] * max(1, shape[dim])
        return strides, reach + self.draws.draw(st.integers(0, 3))

    def _numbers(self, count: int) -> npt.NDArray[Any]:
        numbers = self.rng.normal(size=count) * 3
        if self.special:
            specials = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-30, 1000.0]
            chosen = self.rng.random(count) < 0.2
            numbers = np.where(chosen, self.rng.choice(specials, count), numbers)
        return numbers.astype(self.fast.dtype)


def same(*pair: TensorData, exact: bool = False) -> None:
    """Assert that all of the memory agrees, also around and between the elements."""
    received, expected = (x.storage if x.storage.base is None else x.storage.base for x in pair)
    assert received is not expected
    tolerance = 0.0 if exact else 1e-12 if received.dtype == np.float64 else 3e-5
    np.testing.assert_allclose(received, expected, rtol=tolerance, atol=tolerance, equal_nan=True)


def mixed(x: float, y: float) -> float:
    """Return a value that depends on the order of the arguments."""
    return 0.5 * x + y


@backends
@given(shapes, st.data())
def test_map(fast: Fast, shape: tuple[int, ...], draws: st.DataObject) -> None:
    layouts = Layouts(draws, fast)
    a = layouts.broadcast(*shape)
    out, expected = layouts.out(*shape)
    fast.map(operators.relu, a, out)
    layouts.reference.map(operators.relu, a, expected)
    same(out, expected, exact=True)


@backends
@given(shapes, st.data())
def test_zip(fast: Fast, shape: tuple[int, ...], draws: st.DataObject) -> None:
    layouts = Layouts(draws, fast)
    a, b = layouts.broadcast(*shape), layouts.broadcast(*shape)
    out, expected = layouts.out(*shape)
    fast.zip(mixed, a, b, out)
    layouts.reference.zip(mixed, a, b, expected)
    same(out, expected)


@backends
@given(shapes.filter(bool), st.data())
def test_reduce(fast: Fast, shape: tuple[int, ...], draws: st.DataObject) -> None:
    layouts = Layouts(draws, fast)
    a = layouts.operand(*shape)
    dim = draws.draw(st.integers(0, len(shape) - 1))
    out, expected = layouts.out(*shape[:dim], 1, *shape[dim + 1 :])
    fast._reduce(mixed, out, a, dim, UNTOUCHED)
    layouts.reference._reduce(mixed, expected, a, dim, UNTOUCHED)
    same(out, expected)


@backends
@given(st.lists(st.integers(0, 3), max_size=2), matrices, matrices, st.data())
def test_matmul(
    fast: Fast,
    batch: list[int],
    left: tuple[int, int],
    right: tuple[int, int],
    draws: st.DataObject,
) -> None:
    layouts = Layouts(draws, fast)
    # One operand has all batch dimensions, the other any that broadcast to them.
    some = layouts.broadcast(*batch).shape
    a_batch, b_batch = draws.draw(st.permutations([tuple(batch), some]))
    a = layouts.operand(*a_batch, *left)
    b = layouts.operand(*b_batch, left[1], right[1])
    out, expected = layouts.out(*batch, left[0], right[1])
    fast._matmul(out, a, b)
    layouts.reference._matmul(expected, a, b)
    same(out, expected)


@backends
@given(st.lists(st.integers(0, 4), min_size=3, max_size=3), st.data())
def test_conv1d(fast: Fast, sizes: list[int], draws: st.DataObject) -> None:
    layouts = Layouts(draws, fast)
    batch, channels, out_channels = sizes
    width, taps, size = (draws.draw(st.integers(0, 9)) for _ in range(3))
    reverse = draws.draw(st.booleans())
    x, w = layouts.operand(batch, channels, width), layouts.operand(out_channels, channels, taps)
    out, expected = layouts.out(batch, out_channels, size)
    fast._convolve(out, x, w, reverse)
    layouts.reference._convolve(expected, x, w, reverse)
    same(out, expected)


@backends
@given(st.lists(st.integers(0, 3), min_size=3, max_size=3), st.data())
def test_conv2d(fast: Fast, sizes: list[int], draws: st.DataObject) -> None:
    layouts = Layouts(draws, fast)
    batch, channels, out_channels = sizes
    image, kernel, size = (draws.draw(matrices) for _ in range(3))
    reverse = draws.draw(st.booleans())
    x, w = (
        layouts.operand(batch, channels, *image),
        layouts.operand(out_channels, channels, *kernel),
    )
    out, expected = layouts.out(batch, out_channels, *size)
    fast._convolve(out, x, w, reverse)
    layouts.reference._convolve(expected, x, w, reverse)
    same(out, expected)


def test_convolution_over_three_dimensions_raises() -> None:
    fast = Fast()
    volume = fast.zeros((1, 1, 2, 2, 2))
    with pytest.raises(
        ShapeError, match=r"conv3d: input .* has 3 spatial dimensions, .* one or two"
    ):
        fast.convolve(volume, volume)


ONE = ("id", "neg", "sigmoid", "relu", "log", "exp", "ln", "inv", "sqrt")
TWO = (
    *("mul", "add", "lt", "eq", "max", "is_close"),
    *("log_back", "ln_back", "inv_back", "relu_back", "sigmoid_back", "sqrt_back"),
    *("div", "div_back", "power", "power_back", "power_log"),
)
EDGES = np.array(
    [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e-6, -1e-6, 5e-324, 1e308, 750.0, -750.0]
)


@pytest.mark.parametrize("name", ONE)
def test_formulas_of_one_number(name: str) -> None:
    fn = getattr(operators, name)
    a = Reference().from_numpy(EDGES)
    same(Fast().map(fn, a), Reference().map(fn, a))


@pytest.mark.parametrize("name", TWO)
def test_formulas_of_two_numbers(name: str) -> None:
    fn = getattr(operators, name)
    a = Reference().from_numpy(EDGES[:, None])
    b = Reference().from_numpy(EDGES[None, :])
    same(Fast().zip(fn, a, b), Reference().zip(fn, a, b))


@pytest.mark.parametrize("position", [0, 1, 4])
def test_maximum_propagates_nan(position: int) -> None:
    numbers = np.arange(5.0)
    numbers[position] = np.nan
    a = Fast().from_numpy(numbers)
    assert math.isnan(Fast().reduce(operators.max, a, 0, -math.inf).get((0,)))


@backends
def test_up_to_32_dimensions(fast: Fast) -> None:
    shape = (1, 2) * 3 + (1,) * 23 + (2, 1, 3)
    numbers = np.arange(48.0).reshape(shape)
    permuted = fast.from_numpy(numbers).permute(*reversed(range(32)))
    assert np.array_equal(fast.to_numpy(fast.map(operators.neg, permuted)), -numbers.T)


@backends
@pytest.mark.parametrize("shape", [(4096,), (4097,), (3, 8193), (2, 5000, 1)])
def test_rows_longer_than_the_longest_row(fast: Fast, shape: tuple[int, ...]) -> None:
    numbers = np.random.default_rng(0).normal(size=shape).astype(fast.dtype)
    a = fast.from_numpy(numbers)
    double = fast.to_numpy(fast.zip(operators.add, a, a))
    np.testing.assert_array_equal(double, numbers + numbers)
    largest = fast.to_numpy(fast.reduce(operators.max, a, 0, -math.inf))
    np.testing.assert_array_equal(largest, numbers.max(0, keepdims=True))


def test_any_number_of_threads_gives_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    image, weight = (Fast().from_numpy(rng.normal(size=s)) for s in [(3, 2, 9, 8), (5, 2, 3, 2)])

    def everything(fast: Fast) -> list[bytes]:
        done = [fast.convolve(image, weight), fast.convolve(image, image, size=(3, 2))]
        done.append(fast.matmul(image, image.permute(0, 1, 3, 2)))
        done.append(fast.reduce(operators.add, image, 2, 0.0))
        done.append(fast.map(operators.exp, image))
        return [fast.to_numpy(data).tobytes() for data in done]

    expected = everything(OnOneThread())
    most = numba.get_num_threads()
    try:
        for count in range(1, most + 1):
            numba.set_num_threads(count)
            assert everything(OnAllThreads()) == expected
    finally:
        numba.set_num_threads(most)


def test_only_large_tensors_use_all_threads() -> None:
    def formula(x: float) -> float:
        return 1.5 * x

    kernel = tensor_map(formula)
    for size in (1, int(Fast.parallel_from) - 1):
        Fast().map(formula, Fast().zeros((size,)))
        assert (len(kernel.serial.signatures), len(kernel.parallel.signatures)) == (1, 0)
    Fast().map(formula, Fast().zeros((int(Fast.parallel_from),)))
    assert (len(kernel.serial.signatures), len(kernel.parallel.signatures)) == (1, 1)
