"""The five operations in random memory layouts, compared with the reference backend."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_kernels_cuda import BLOCK, TILE, Cuda, TunedCuda, backend, device_function, tensor_map
from mt_tensor import REFERENCE, Backend, TensorData, operators
from mt_tensor.layout import span, strides_from_shape

DEVICE = Cuda()
TUNED = TunedCuda(np.float64)
sizes = st.integers(0, 4)


@dataclass(frozen=True)
class Layout:
    """A shape with strides and the position of the first element in memory."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    start: int = 0

    def tensor(self, backend: Backend, seed: int = 0) -> TensorData:
        """Return a tensor with this layout, with the same numbers on each backend for a seed."""
        count = self.start + span(self.shape, self.strides) + 2
        numbers = np.random.default_rng(seed).normal(size=count)
        storage = backend.from_numpy(numbers).storage
        return TensorData(storage[self.start :], self.shape, self.strides)


def contiguous(*shape: int) -> Layout:
    return Layout(shape, strides_from_shape(shape))


@st.composite
def layouts(draw: st.DrawFn, shape: tuple[int, ...], repeats: bool = True) -> Layout:
    """Draw a layout: dimensions in any order in memory, gaps, strides of 0, a later start."""
    strides, step = [0] * len(shape), 1
    for dim in draw(st.permutations(range(len(shape)))):
        if repeats and draw(st.integers(0, 4)) == 0:
            continue
        step *= draw(st.sampled_from([1, 1, 2]))
        strides[dim] = step
        step *= max(1, shape[dim])
    return Layout(shape, tuple(strides), draw(st.integers(0, 3)))


@st.composite
def broadcast(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Draw a shape that broadcasts to another: fewer leading dimensions, sizes of 1."""
    kept = shape[draw(st.integers(0, len(shape))) :]
    return tuple(1 if draw(st.integers(0, 3)) == 0 else size for size in kept)


def agree(operation: Callable[..., TensorData], *operands: Layout) -> None:
    """Check that an operation has the same result on both GPU backends and the reference."""
    results = []
    for where in (REFERENCE, DEVICE, TUNED):
        tensors = [layout.tensor(where, seed) for seed, layout in enumerate(operands)]
        result = operation(where, *tensors)
        results.append((result.shape, where.to_numpy(result)))
    (expected_shape, expected), *others = results
    for shape, found in others:
        assert shape == expected_shape
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


# Map and zip


@given(st.data())
@settings(max_examples=25)
def test_map_in_any_layout(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(sizes, max_size=3), label="shape"))
    out = data.draw(layouts(shape, repeats=False), label="out")
    a = data.draw(layouts(data.draw(broadcast(shape))), label="a")
    agree(lambda where, a: where.map(operators.sigmoid, a), a)
    agree(lambda where, out, a: where.map(operators.sigmoid, a, out), out, a)


@given(st.data())
@settings(max_examples=25)
def test_zip_in_any_layout(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(sizes, max_size=3), label="shape"))
    out = data.draw(layouts(shape, repeats=False), label="out")
    a = data.draw(layouts(data.draw(broadcast(shape))), label="a")
    b = data.draw(layouts(data.draw(broadcast(shape))), label="b")
    agree(lambda where, a, b: where.zip(operators.relu_back, a, b), a, b)
    agree(lambda where, out, a, b: where.zip(operators.add, a, b, out), out, a, b)


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 1])
def test_sizes_around_a_multiple_of_the_block(size: int) -> None:
    agree(lambda where, a: where.map(operators.exp, a), contiguous(size))
    agree(lambda where, a, b: where.zip(operators.mul, a, b), contiguous(size), contiguous(1))


def test_an_operation_may_write_to_its_operand() -> None:
    agree(lambda where, a: where.map(operators.neg, a, a), Layout((3, 4), (1, 3)))
    agree(lambda where, a: where.zip(operators.mul, a, a, a), Layout((3, 4), (1, 3)))


@pytest.mark.parametrize(
    "fn",
    [
        operators.id,
        operators.neg,
        operators.relu,
        operators.exp,
        operators.log,
        operators.ln,
        operators.inv,
        operators.sqrt,
        operators.sigmoid,
        operators.log1p,
        operators.tanh,
        operators.erf,
        operators.gelu,
        operators.sin,
        operators.cos,
        operators.floor,
    ],
)
def test_functions_of_one_number_at_special_values(fn: Callable[[float], float]) -> None:
    edges = [0.0, -0.0, 1.0, -1.0, 800.0, -800.0, math.inf, -math.inf, math.nan]
    expected, *others = (
        where.to_numpy(where.map(fn, where.from_numpy(np.array(edges))))
        for where in (REFERENCE, DEVICE, TUNED)
    )
    for found in others:
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "fn",
    [
        operators.add,
        operators.mul,
        operators.lt,
        operators.eq,
        operators.max,
        operators.is_close,
        operators.log_back,
        operators.ln_back,
        operators.inv_back,
        operators.relu_back,
        operators.sigmoid_back,
        operators.sqrt_back,
        operators.div,
        operators.div_back,
        operators.power,
        operators.power_back,
        operators.power_log,
        operators.mod,
        operators.tanh_back,
        operators.erf_back,
        operators.gelu_back,
    ],
)
def test_functions_of_two_numbers_at_special_values(fn: Callable[[float, float], float]) -> None:
    edges = np.array([0.0, 1.0, 1.001, -2.0, math.inf, math.nan])
    expected, *others = (
        where.to_numpy(
            where.zip(fn, where.from_numpy(edges[:, None]), where.from_numpy(edges[None, :]))
        )
        for where in (REFERENCE, DEVICE, TUNED)
    )
    for found in others:
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_compiled_formula_is_accepted() -> None:
    compiled = device_function(operators.neg)
    agree(
        lambda where, a: where.map(operators.neg if where is REFERENCE else compiled, a),
        contiguous(3),
    )


def test_kernels_are_cached_by_formula() -> None:
    assert tensor_map(operators.neg) is tensor_map(operators.neg)
    assert tensor_map(operators.neg) is not tensor_map(operators.inv)


# Reduce


@given(st.data())
@settings(max_examples=25)
def test_reduce_in_any_layout(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(sizes, min_size=1, max_size=3), label="shape"))
    a = data.draw(layouts(shape), label="a")
    dim = data.draw(st.integers(-len(shape), len(shape) - 1), label="dim")
    agree(lambda where, a: where.reduce(operators.add, a, dim, 3.0), a)
    agree(lambda where, a: where.reduce(operators.max, a, dim, -math.inf), a)


@pytest.mark.parametrize("length", [1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3, 1100])
def test_reductions_use_start_and_elements_once(length: int) -> None:
    """For any number of threads, the start value and each element are used exactly once."""
    agree(lambda where, a: where.reduce(operators.add, a, 1, 100.0), contiguous(2, length))
    agree(lambda where, a: where.reduce(operators.mul, a, 0, -2.0), Layout((length, 2), (2, 1)))


@pytest.mark.parametrize("position", [0, 1, BLOCK, 2 * BLOCK])
def test_the_maximum_with_nan_is_nan(position: int) -> None:
    numbers = np.zeros(2 * BLOCK + 1)
    numbers[position] = np.nan
    for where in (DEVICE, TUNED):
        result = where.reduce(operators.max, where.from_numpy(numbers), 0, -math.inf)
        assert np.isnan(where.to_numpy(result)).all()


# Matrix multiplication


def matmul(where: Backend, a: TensorData, b: TensorData) -> TensorData:
    return where.matmul(a, b)


@given(st.data())
@settings(max_examples=12)
def test_matmul_in_any_layout(data: st.DataObject) -> None:
    rows, terms, columns = (data.draw(st.integers(0, TILE + 1)) for _ in range(3))
    batch = tuple(data.draw(st.lists(st.integers(1, 2), max_size=2), label="batch"))
    a = data.draw(layouts((*data.draw(broadcast(batch)), rows, terms)), label="a")
    b = data.draw(layouts((*data.draw(broadcast(batch)), terms, columns)), label="b")
    agree(matmul, a, b)


@pytest.mark.parametrize(
    ("rows", "terms", "columns"),
    [
        (TILE, TILE, TILE),
        (2 * TILE + 1, TILE - 1, 1),
        (1, 2 * TILE + 1, TILE + 1),
        (TILE - 1, TILE + 1, 2 * TILE),
    ],
)
def test_sizes_of_matrices_around_a_multiple_of_the_tile(
    rows: int, terms: int, columns: int
) -> None:
    agree(matmul, contiguous(rows, terms), contiguous(terms, columns))


def test_batch_dimensions_broadcast() -> None:
    agree(matmul, contiguous(2, 1, 2, 3), contiguous(3, 3, 2))
    agree(matmul, contiguous(2, 2, 3), Layout((2, 3, 2), (0, 1, 3)))


def test_more_matrices_and_columns_than_a_grid_has_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "MAX_GRID", 1)
    agree(matmul, contiguous(3, 2, TILE), contiguous(3, TILE, TILE + 1))


# Convolution


@given(st.data())
@settings(max_examples=12)
def test_conv1d_in_any_layout(data: st.DataObject) -> None:
    batch, channels, kernels = (data.draw(st.integers(0, 2)) for _ in range(3))
    input = data.draw(layouts((batch, channels, data.draw(sizes))), label="input")
    weight = data.draw(layouts((kernels, channels, data.draw(sizes))), label="weight")
    positions = st.none() | st.tuples(sizes)
    reverse, size = data.draw(st.booleans()), data.draw(positions, label="size")
    agree(lambda where, x, w: where.convolve(x, w, reverse, size), input, weight)


@given(st.data())
@settings(max_examples=12)
def test_conv2d_in_any_layout(data: st.DataObject) -> None:
    batch, channels, kernels = (data.draw(st.integers(1, 2)) for _ in range(3))
    small = st.tuples(st.integers(0, 3), st.integers(0, 3))
    input = data.draw(layouts((batch, channels, *data.draw(small))), label="input")
    weight = data.draw(layouts((kernels, channels, *data.draw(small))), label="weight")
    reverse, size = data.draw(st.booleans()), data.draw(st.none() | small, label="size")
    agree(lambda where, x, w: where.convolve(x, w, reverse, size), input, weight)


@pytest.mark.parametrize("reverse", [False, True])
def test_sizes_of_convolutions_around_a_multiple_of_the_tile(reverse: bool) -> None:
    """Outputs, channels and terms exceed a tile and are no multiples of its size."""
    agree(
        lambda where, x, w: where.convolve(x, w, reverse),
        contiguous(2, 3, TILE - 1),
        contiguous(TILE + 1, 3, 3),
    )
    agree(
        lambda where, x, w: where.convolve(x, w, reverse, (3, TILE - 1)),
        contiguous(1, 2, 3, 3),
        contiguous(TILE + 1, 2, 2, 2),
    )


def test_convolution_in_three_dimensions() -> None:
    agree(
        lambda where, x, w: where.convolve(x, w, True, (2, 3, 1)),
        contiguous(2, 2, 2, 3, 2),
        contiguous(3, 2, 2, 1, 2),
    )


def test_the_gradient_of_a_weight_is_a_convolution_of_views() -> None:
    """Images and channels are swapped, and the output is as large as the kernel."""
    agree(
        lambda where, x, d: where.convolve(x.permute(1, 0, 2), d.permute(1, 0, 2), size=(2,)),
        contiguous(3, 2, 5),
        contiguous(3, 4, 5),
    )
