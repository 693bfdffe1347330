"""The tuned backend beyond the six operations: launches, errors, streams, random numbers."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import cuda

from mt_kernels_cuda import SIMULATED, Cuda, KernelError, Launch, TunedCuda
from mt_kernels_cuda.jit import kernel
from mt_kernels_cuda.tuned.gemm import tiles
from mt_kernels_cuda.tuned.gemm.tiles import FLAT, LARGE, MEDIUM, TALL, WORTH, choose_tiles
from mt_kernels_cuda.tuned.hardware.integers import parted
from mt_kernels_cuda.tuned.hardware.shapes import THREADS, parts_for
from mt_kernels_cuda.tuned.hardware.vec4 import aligned
from mt_kernels_cuda.tuned.layers import pcg64
from mt_kernels_cuda.tuned.layers.dropout import Dropout
from mt_kernels_cuda.tuned.operations.elementwise import merged
from mt_tensor import REFERENCE, TensorData, operators

SINGLE, DOUBLE = TunedCuda(), TunedCuda(np.float64)


def drawn(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 8 * THREADS + 3, 16 * THREADS])
@pytest.mark.parametrize("start", [0, 1, 4])
def test_pieces_of_four_and_what_is_left(size: int, start: int) -> None:
    """Single precision is fetched four numbers at a time, if it begins where pieces may."""
    numbers = drawn(start + size).astype(np.float32)
    data = TensorData(SINGLE.from_numpy(numbers).storage[start:], (size,))
    assert aligned(data.storage) == (start % 4 == 0)
    one = SINGLE.from_numpy(np.array(2.0))
    here = numbers[start:]
    for result, expected in [
        (SINGLE.map(operators.neg, data), -here),
        (SINGLE.zip(operators.add, data, data), here + here),
        (SINGLE.zip(operators.mul, data, one), here * 2),
        (SINGLE.zip(operators.mul, one, data), here * 2),
    ]:
        received = SINGLE.to_numpy(result)
        assert received.dtype == np.float32
        np.testing.assert_array_equal(received, expected)


@pytest.mark.parametrize("length", [1, 2, 3, THREADS, 4 * THREADS + 1, 40 * THREADS + 5])
@pytest.mark.parametrize("shape", [(1, -1), (3, -1), (-1, 1), (-1, 3), (2, -1, 2)])
def test_sums_in_several_passes(shape: tuple[int, ...], length: int) -> None:
    whole = tuple(length if size == -1 else size for size in shape)
    numbers, dim = drawn(*whole), shape.index(-1)
    result = DOUBLE.reduce(operators.add, DOUBLE.from_numpy(numbers), dim, 100.0)
    expected = numbers.sum(dim, keepdims=True) + 100.0
    np.testing.assert_allclose(DOUBLE.to_numpy(result), expected, rtol=1e-12)


@pytest.mark.parametrize("rows", [1, FLAT.rows + 1, LARGE.rows + 1, 2 * LARGE.rows])
@pytest.mark.parametrize("terms", [1, MEDIUM.terms + 1, 2 * WORTH + 1])
@pytest.mark.parametrize("turned", [False, True])
def test_products_of_all_tiles(rows: int, terms: int, turned: bool) -> None:
    columns = LARGE.columns + 1
    a, b = drawn(2, rows, terms), drawn(terms, columns)
    if turned:
        left = DOUBLE.from_numpy(a.transpose(0, 2, 1).copy()).permute(0, 2, 1)
        right = DOUBLE.from_numpy(b.T.copy()).permute(1, 0)
    else:
        left, right = DOUBLE.from_numpy(a), DOUBLE.from_numpy(b)
    result = DOUBLE.to_numpy(DOUBLE.matmul(left, right))
    np.testing.assert_allclose(result, a @ b, rtol=1e-12, atol=1e-13)


matrices = st.sampled_from([1, 3, 4, 8, LARGE.rows + 4, 2 * LARGE.columns + 4, 2 * LARGE.rows + 1])


def placed(numbers: Any, turned: bool, start: int) -> TensorData:
    """Return a matrix in single precision that begins at a cell, transposed in memory if wanted."""
    whole = numbers.swapaxes(-1, -2) if turned else numbers
    cells = np.concatenate([np.zeros(start), whole.reshape(-1)])
    data = TensorData(SINGLE.from_numpy(cells).storage[start:], whole.shape)
    return data.permute(*range(data.dims - 2), data.dims - 1, data.dims - 2) if turned else data


@given(st.data())
@settings(max_examples=40 if SIMULATED else 200)
def test_products_of_pieces_and_of_single_numbers(data: st.DataObject) -> None:
    """Sizes, layouts and beginnings that allow pieces of four, for either operand, or do not."""
    rows, columns = data.draw(matrices, "rows"), data.draw(matrices, "columns")
    terms = data.draw(st.sampled_from([1, 4, 7, 8, 2 * WORTH + 4]), "terms")
    batch = data.draw(st.sampled_from([(), (2,)]), "batch")
    a, b = drawn(*batch, rows, terms), drawn(terms, columns)
    left, right = (
        placed(each, data.draw(st.booleans()), data.draw(st.sampled_from([0, 1, 4])))
        for each in (a, b)
    )
    result = SINGLE.to_numpy(SINGLE.matmul(left, right))
    np.testing.assert_allclose(result, a @ b, rtol=1e-4, atol=1e-4)


@given(st.data())
@settings(max_examples=25 if SIMULATED else 200)
def test_convolutions_of_pieces_and_of_single_numbers(data: st.DataObject) -> None:
    outputs = data.draw(st.sampled_from([1, LARGE.rows + 1]), "outputs")
    channels = data.draw(st.sampled_from([1, 3, 4]), "channels")
    image, kernel = (
        data.draw(st.tuples(sizes, sizes), name)
        for name, sizes in [
            ("image", st.sampled_from([1, 3, 4, 8])),
            ("kernel", st.sampled_from([1, 2, 3])),
        ]
    )
    x, w = drawn(2, channels, *image), drawn(outputs, channels, *kernel)
    reverse = data.draw(st.booleans(), "reverse")
    size = data.draw(st.none() | st.just((4, 3)) | st.just((3, 4)), "size")
    found, expected = (
        where.to_numpy(where.conv2d(where.from_numpy(x), where.from_numpy(w), reverse, size))
        for where in (SINGLE, REFERENCE)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_tiles_are_as_large_as_the_result_deserves() -> None:
    many = 100 * LARGE.columns
    assert choose_tiles(many, many, 1, 8, quads=True) == LARGE
    assert choose_tiles(many, many, 1, 8, quads=False) == TALL
    # Not if tiles would be half empty, or too few for the device, unless there are many products.
    assert choose_tiles(MEDIUM.rows, many, 1, 8, quads=True) == MEDIUM
    assert choose_tiles(2 * LARGE.rows, LARGE.columns, 1, 8, quads=True) == MEDIUM
    assert choose_tiles(2 * LARGE.rows, LARGE.columns, 16, 8, quads=True) == LARGE
    assert choose_tiles(FLAT.rows, many, 1, 8, quads=True) == FLAT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "terms", "columns"), [(132, 12, 136), (133, 9, 131), (65, 8, 64), (7, 17, 132)]
)
def test_tiles_as_large_as_on_a_gpu(
    rows: int, terms: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, each in zip(("LARGE", "TALL", "MEDIUM", "FLAT"), tiles.ON_A_GPU, strict=True):
        monkeypatch.setattr(tiles, name, each)
    for batch in ((), (3,)):
        a, b = drawn(*batch, rows, terms), drawn(terms, columns)
        for turned in (False, True):
            left, right = placed(a, turned, 0), placed(b, turned, 0)
            result = SINGLE.to_numpy(SINGLE.matmul(left, right))
            np.testing.assert_allclose(result, a @ b, rtol=1e-5, atol=1e-5)
    x, w = drawn(1, 3, 12, columns // 8), drawn(rows, 3, 3, 3)
    found, expected = (
        where.to_numpy(where.conv2d(where.from_numpy(x), where.from_numpy(w)))
        for where in (SINGLE, REFERENCE)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_batches_of_any_layout() -> None:
    for shape, other in [((2, 1, 3, 2, 2), (4, 1, 2, 3)), ((2, 1, 2, 1, 1, 2), (3, 1, 2, 2, 1))]:
        a, b = drawn(*shape), drawn(*other)
        result = DOUBLE.to_numpy(DOUBLE.matmul(DOUBLE.from_numpy(a), DOUBLE.from_numpy(b)))
        np.testing.assert_allclose(result, a @ b, rtol=1e-12, atol=1e-13)


def test_layouts_of_many_dimensions_are_computed_by_the_other_kernels() -> None:
    shape = (2,) * 6
    a = DOUBLE.from_numpy(drawn(*shape)).permute(5, 3, 1, 4, 2, 0)
    out = DOUBLE.from_numpy(np.zeros(shape)).permute(1, 0, 3, 2, 5, 4)
    expected = DOUBLE.to_numpy(a)
    assert merged(out.shape, out.strides, a.strides) is None
    np.testing.assert_array_equal(DOUBLE.to_numpy(DOUBLE.map(operators.neg, a, out)), -expected)
    total = DOUBLE.zip(operators.add, a, DOUBLE.from_numpy(drawn(2)), out)
    np.testing.assert_allclose(DOUBLE.to_numpy(total), expected + drawn(2))


@given(st.data())
@settings(max_examples=100)
def test_merged_layouts_are_the_same_walk(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 3), max_size=4)))
    walks = [tuple(data.draw(st.integers(0, 12)) for _ in shape) for _ in range(2)]
    answer = merged(shape, *walks)
    assert answer is not None
    dims, numbers = answer
    sizes, steps = numbers[:dims], [numbers[dims * k : dims * (k + 1)] for k in (1, 2)]
    for before, after in zip(walks, steps, strict=True):
        expected = [np.dot(index, before) if index else 0 for index in np.ndindex(*shape)]
        assert [np.dot(index, after) for index in np.ndindex(*sizes)] == expected


@pytest.mark.parametrize("backend", [SINGLE, DOUBLE], ids=repr)
@pytest.mark.parametrize("size", [1, 7, 40 * THREADS + 3])
def test_dropout_draws_what_the_generator_would_have_drawn(backend: TunedCuda, size: int) -> None:
    ours, theirs = np.random.default_rng(5), np.random.default_rng(5)
    for generator in (ours, theirs):
        generator.integers(9, dtype=np.int32)  # Half a word is left over.
    answer = Dropout.forward(
        backend, (True,), backend.from_numpy(np.ones(size)), 0.4, False, ours, 2.0, None
    )
    assert answer is not None
    kept = theirs.random(size) >= 0.4
    np.testing.assert_array_equal(backend.to_numpy(answer[0]), kept * 2.0)
    assert ours.bit_generator.state == theirs.bit_generator.state


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**127 - 1), st.integers(0, 2**40))
@settings(max_examples=50)
def test_a_jump_is_so_many_steps(state: int, half: int, count: int) -> None:
    increment = 2 * half + 1
    m, c = pcg64.steps(increment, count)
    with np.errstate(over="ignore"):
        jump = getattr(pcg64.jump, "fn", pcg64.jump)
        high, low = _plain(jump, pcg64.halves(state), pcg64.halves(increment), count)
    assert (int(high) << 64) + int(low) == (m * state + c) & pcg64.MASK


@given(st.integers(0, 2**60), st.integers(1, 2**40))
def test_quotient_and_rest(number: int, size: int) -> None:
    assert _plain(parted, number, size) == divmod(number, size)


def _plain(jump: Any, *arguments: Any) -> Any:
    """Call a function of the device on the host, where that is possible."""
    if not SIMULATED:
        pytest.skip("functions of the device run on the device alone")
    return jump(*arguments)


def test_a_generator_of_another_kind_is_up_to_the_definition() -> None:
    a = DOUBLE.zeros((3,))
    generator = np.random.Generator(np.random.MT19937(0))
    before = str(generator.bit_generator.state)
    assert Dropout.forward(DOUBLE, (True,), a, 0.5, False, generator, 1.0, None) is None
    assert str(generator.bit_generator.state) == before


@kernel
def fail(out: Any, position: int) -> None:
    """Write outside of an array, which the simulator notices."""
    out[position] = 1.0


@pytest.mark.skipif(not SIMULATED, reason="a GPU does not notice")
def test_an_error_of_a_kernel_names_what_it_was_launched_with() -> None:
    backend = Cuda(np.float32, debug=True)
    out = backend.zeros((2, 3))
    expected = "fail[grid (1, 2), block 3](float32(6,), 99) failed: IndexError"
    with pytest.raises(KernelError, match=re.escape(expected)):
        backend.run(Launch(fail, (1, 2), 3, (out.storage, 99)))
    with pytest.raises(IndexError):
        Cuda(np.float32).run(Launch(fail, 1, 1, (out.storage, 99)))


def test_a_description_has_shapes_and_strides() -> None:
    data = DOUBLE.zeros((2, 3)).permute(1, 0)
    assert "(float64(3, 2) strides (1, 3), 4)" in str(Launch(fail, 1, 1, (data, 4)))


@pytest.mark.parametrize("kind", [Cuda, TunedCuda])
def test_streams(kind: type[Cuda]) -> None:
    stream = cuda.stream()
    backend, usual = kind(np.float32, stream=stream), kind(np.float32)
    assert backend != usual
    assert backend == kind(np.float32, stream=stream)
    a = backend.from_numpy(drawn(3, 4))
    total = backend.reduce(operators.add, backend.matmul(a, a.permute(1, 0)), 0, 0.0)
    numbers = drawn(3, 4)
    expected = (numbers @ numbers.T).sum(0, keepdims=True)
    np.testing.assert_allclose(backend.to_numpy(total), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", [Cuda, TunedCuda])
def test_copies_queue_up_where_the_kernels_do(
    kind: type[Cuda], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that does not wait for the device's own must wait for no copy made there."""
    streams: list[Any] = []
    to_device, memory = cuda.to_device, type(SINGLE.cells(1))
    copy_to_host, chosen = memory.copy_to_host, type(fail).__getitem__

    def sent(array: Any, stream: Any = 0, **options: Any) -> Any:
        streams.append(stream)
        return to_device(array, stream=stream, **options)

    def fetched(storage: Any, ary: Any = None, stream: Any = 0) -> Any:
        streams.append(stream)
        return copy_to_host(storage, ary, stream)

    def launched(made: Any, configuration: Any) -> Any:
        streams.append(configuration[2] if len(configuration) > 2 else 0)
        return chosen(made, configuration)

    monkeypatch.setattr(cuda, "to_device", sent)
    monkeypatch.setattr(memory, "copy_to_host", fetched)
    monkeypatch.setattr(type(fail), "__getitem__", launched)
    # The layout of the strided operands, which are arrays for the course's kernels, comes twice:
    # neither stream may use the other's copy.
    for stream in (cuda.stream(), cuda.stream(), 0):
        backend = kind(np.float32, stream=stream)
        a = backend.from_numpy(drawn(2, 3, 4, 5)).permute(3, 1, 2, 0)
        total = backend.reduce(operators.add, backend.zip(operators.add, a, a), 0, 0.0)
        product = backend.matmul(total, total.permute(0, 1, 3, 2))
        images = backend.conv2d(product, backend.full((2, 3, 2, 2), 1.0))
        backend.to_numpy(backend.map(operators.neg, images.permute(1, 0, 3, 2)))
        assert streams
        assert all(each is stream for each in streams), streams
        streams.clear()


def test_parts_are_worth_their_blocks() -> None:
    assert parts_for(1, 1000, 100, 8) == 8
    assert parts_for(1, 300, 100, 8) == 3
    assert parts_for(100, 1000, 100, 8) == 1
    assert parts_for(1, 1, 100, 8) == 1


def test_numbers_keep_their_precision() -> None:
    """Sums of many floats: the error is that of single precision, not of half of it."""
    numbers = np.full(20_000 if not SIMULATED else 500, 0.1, np.float32)
    total = SINGLE.reduce(operators.add, SINGLE.from_numpy(numbers), 0, 0.0)
    expected = math.fsum(numbers)
    assert abs(SINGLE.to_numpy(total)[0] - expected) < 1e-5 * expected


def test_results_are_those_of_the_reference_in_single_precision() -> None:
    a, b = drawn(5, 6), drawn(6, 7)
    operations: list[Callable[..., TensorData]] = [
        lambda where, x, y: where.matmul(x, y),
        lambda where, x, y: where.map(operators.sigmoid, x),
        lambda where, x, y: where.zip(operators.mul, x, x),
    ]
    for operation in operations:
        received, expected = (
            where.to_numpy(operation(where, where.from_numpy(a), where.from_numpy(b)))
            for where in (SINGLE, REFERENCE)
        )
        assert received.dtype == np.float32
        np.testing.assert_allclose(received, expected, rtol=2e-6, atol=2e-6)
