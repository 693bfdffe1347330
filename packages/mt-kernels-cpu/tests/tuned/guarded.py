"""Forms of the tuned backend against NumPy, in memory with guard pages on both sides.

Vectors are loaded and stored without bounds checks. Here every array (operands, results and
scratch) lies between two protected pages, at the very end of the accessible memory or at its very
beginning. A vector that reaches beyond stops the process. Elements that were never written are NaN.
Parts of a batch are processed from the last to the first, so an element written beyond a part is
not overwritten. `test_cpu_guarded.py` runs this file in separate processes.
"""

import ctypes
import mmap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import Verbosity, given, settings
from hypothesis import strategies as st

from mt_kernels_cpu.tuned import Tuned
from mt_kernels_cpu.tuned.buffers import Buffers
from mt_kernels_cpu.tuned.convolution import launch, max_over_time
from mt_kernels_cpu.tuned.convolution.form import Convolution
from mt_kernels_cpu.tuned.convolution.max_over_time import MaxOverTime
from mt_kernels_cpu.tuned.layers import pooling
from mt_kernels_cpu.tuned.layers.pooling import AvgPool2d, MaxPool2d
from mt_kernels_cpu.tuned.operations import elementwise
from mt_kernels_cpu.tuned.threads import Part
from mt_tensor import TensorData, operators

Array = npt.NDArray[Any]
Pair = tuple[int, int]

system: Any = ctypes.CDLL(None)


class GuardedBuffers(Buffers):
    """Memory between guard pages.

    Attributes:
        at_end: True if arrays fill the end of the accessible memory, False for its beginning.
    """

    def __init__(self, at_end: bool) -> None:
        super().__init__()
        self.at_end = at_end

    def empty(self, count: int, dtype: npt.DTypeLike) -> Array:
        """Return an array of NaN, or of -1 for an integer dtype."""
        page, size = mmap.PAGESIZE, count * np.dtype(dtype).itemsize
        middle = -(-max(size, 1) // page) * page
        memory = mmap.mmap(-1, middle + 2 * page)
        first = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for guard in (first, first + page + middle):
            assert system.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(page), 0) == 0
        start = page + (middle - size if self.at_end else 0)
        elements: Array = np.frombuffer(memory, dtype, count, start)
        elements.fill(np.nan if np.dtype(dtype).kind == "f" else -1)
        return elements


class Guarded(Tuned):
    """The tuned backend in memory between guard pages, and a source of operands there.

    Attributes:
        rng: The source of numbers and layouts.
    """

    def __init__(self, dtype: npt.DTypeLike, at_end: bool, seed: int) -> None:
        super().__init__(dtype)
        self.buffers, self.rng = GuardedBuffers(at_end), np.random.default_rng(seed)
        # Even the smallest array lies between guard pages.
        self._min_reused = 0

    def scratch(self, threads: int, elements: int) -> Array:
        """Return exactly the requested number of elements."""
        return self.storage(threads * elements).reshape(threads, elements)

    def numbers(self, *shape: int) -> TensorData:
        """Return small whole numbers, whose sums are exact, in any layout with any gaps."""
        strides, reach = [0] * len(shape), 1
        for dim in self.rng.permutation(len(shape)):
            strides[dim] = reach * int(self.rng.choice([0, 1, 1, 1, 1, 2]))
            reach = max(reach, strides[dim] * shape[dim])
        last = sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
        result = TensorData(self.storage(last + 1), shape, strides)
        elements = np.lib.stride_tricks.as_strided(
            result.storage, shape, [step * self.dtype.itemsize for step in strides]
        )
        elements[...] = self.rng.integers(-4, 5, shape)
        return result


backends = st.builds(
    Guarded,
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
small = st.integers(1, 6)
batches = st.integers(1, 5) | st.integers(1, 200)
widths = st.integers(1, 4) | st.integers(1, 70)
draws = st.data()
examples = settings(max_examples=1000, verbosity=Verbosity.verbose)


def partition_in_three(count: int, steps: int) -> list[Part]:
    """Divide a range into three parts, or fewer if it is shorter."""
    threads = max(1, min(3, count))
    return [(count * part // threads, count * (part + 1) // threads) for part in range(threads)]


def run_in_reverse(parts: list[Part], work: Callable[[int, int, int], object]) -> None:
    """Process parts as `run_parallel` does, the last one first."""
    for at, part in reversed(list(enumerate(parts))):
        work(at, *part)


@pytest.fixture(autouse=True, scope="module")
def parts() -> Iterator[None]:
    """Divide all work into three parts where possible."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "partition", partition_in_three)
        for module in (launch, pooling, max_over_time):
            patch.setattr(module, "partition_independent", partition_in_three)
            patch.setattr(module, "run_parallel", run_in_reverse)
        patch.setattr(elementwise, "BUFFERED_FROM", 0)
        yield


def same(received: TensorData | None, expected: Array | None) -> None:
    assert (received is None) == (expected is None)
    if received is not None:
        np.testing.assert_array_equal(array(received), expected)


def array(a: TensorData) -> Array:
    return Tuned(a.storage.dtype).to_numpy(a)


def zero_padded(x: Array, kernel: Pair, before: Pair, size: Pair) -> Array:
    """Return images with the zeros around them that kernels read.

    Shape:
        (N, C, H, W) → (N, C, rows, columns).
    """
    sides = [
        (first, max(0, outputs + taps - 1 - first - length))
        for first, outputs, taps, length in zip(before, size, kernel, x.shape[2:], strict=True)
    ]
    return np.pad(x, ((0, 0), (0, 0), *sides))


def convolved(x: Array, w: Array, before: Pair, size: Pair) -> Array:
    """Return the convolution of zero-padded images.

    Shape:
        x (N, C, H, W), w (O, C, KH, KW) → (N, O, *size).
    """
    (rows, columns), padded = size, zero_padded(x, w.shape[2:], before, size)
    result = np.zeros((len(x), len(w), *size), x.dtype)
    for i, j in np.ndindex(w.shape[2:]):
        part = padded[:, :, i : i + rows, j : j + columns]
        result += np.einsum("nchw,oc->nohw", part, w[:, :, i, j])
    return result


def convolution_gradients(x: Array, w: Array, before: Pair, g: Array) -> tuple[Array, Array, Array]:
    """Return the gradients of `convolved` by input and weight, and of a bias."""
    rows, columns = g.shape[2:]
    padded = zero_padded(x, w.shape[2:], before, (rows, columns))
    grad_padded, grad_weight = np.zeros_like(padded), np.zeros_like(w)
    for i, j in np.ndindex(w.shape[2:]):
        part = (slice(None), slice(None), slice(i, i + rows), slice(j, j + columns))
        grad_padded[part] += np.einsum("nohw,oc->nchw", g, w[:, :, i, j])
        grad_weight[:, :, i, j] = np.einsum("nohw,nchw->oc", g, padded[part])
    (top, left), (height, width) = before, x.shape[2:]
    grad_input = grad_padded[:, :, top : top + height, left : left + width]
    return grad_input, grad_weight, g.sum((0, 2, 3))


@examples
@given(backends, small, small, small, st.tuples(small, widths), st.tuples(small, widths), draws)
def test_convolution(
    backend: Guarded,
    count: int,
    channels: int,
    outputs: int,
    image: Pair,
    kernel: Pair,
    data: st.DataObject,
) -> None:
    """Any sizes. If the kernel is the larger one, the form computes the gradient of a weight."""
    kernel = (kernel[0], min(kernel[1], data.draw(st.sampled_from([3, 12, 70]))))
    size = (data.draw(small), data.draw(widths))
    reverse = data.draw(st.booleans())
    x, w = backend.numbers(count, channels, *image), backend.numbers(outputs, channels, *kernel)
    before = (kernel[0] - 1, kernel[1] - 1) if reverse else (0, 0)
    weights = array(w)[:, :, ::-1, ::-1] if reverse else array(w)
    same(backend.convolve(x, w, reverse, size), convolved(array(x), weights, before, size))


@st.composite
def convolutions(draw: Any, height: st.SearchStrategy[int]) -> tuple[Any, ...]:
    """Draw batch, channels, outputs, sizes of image and kernel, padding and output size."""
    width = draw(widths)
    count = draw(batches if width < 24 else small)
    channels, outputs = draw(small | st.integers(8, 40)), draw(small | st.integers(8, 40))
    rows = draw(height)
    kernel = (min(draw(small), 2 * rows), draw(st.integers(1, 4) | st.integers(1, 20)))
    if rows == 1:
        kernel = (1, kernel[1])
    before = tuple(draw(st.integers(0, taps - 1)) for taps in kernel)
    size = tuple(
        draw(st.integers(1, length + zeros) | st.just(length))
        for length, zeros in zip((rows, width), before, strict=True)
    )
    return count, channels, outputs, (rows, width), kernel, before, size


@examples
@given(backends, convolutions(small), st.booleans(), st.tuples(*[st.booleans()] * 3), st.booleans())
def test_fused_convolution(
    backend: Guarded, sizes: Any, with_bias: bool, requested: tuple[bool, bool, bool], relu: bool
) -> None:
    count, channels, outputs, image, kernel, before, size = sizes
    x, w = backend.numbers(count, channels, *image), backend.numbers(outputs, channels, *kernel)
    bias, needs_grad = (backend.numbers(outputs), requested) if with_bias else (None, requested[:2])
    result = Convolution.forward(backend, needs_grad, x, w, bias, before, size, (1, 1), relu)
    assert result is not None
    out, saved = result
    expected = convolved(array(x), array(w), before, size)
    if bias is not None:
        expected += array(bias)[:, None, None]
    same(out, np.maximum(expected, 0) if relu else expected)
    grad = backend.numbers(*out.shape)
    g = array(grad) * (expected > 0) if relu else array(grad)
    grads = convolution_gradients(array(x), array(w), before, g)
    for received, each, needed in zip(
        Convolution.backward(backend, saved, grad), grads, needs_grad, strict=False
    ):
        same(received, each if needed else None)


@examples
@given(backends, convolutions(st.just(1)), st.booleans(), st.tuples(*[st.booleans()] * 3))
def test_max_over_time(
    backend: Guarded, sizes: Any, with_bias: bool, requested: tuple[bool, bool, bool]
) -> None:
    count, channels, outputs, (_, width), (_, taps), before, size = sizes
    x, w = backend.numbers(count, channels, width), backend.numbers(outputs, channels, taps)
    bias, needs_grad = (backend.numbers(outputs), requested) if with_bias else (None, requested[:2])
    result = MaxOverTime.forward(backend, needs_grad, x, w, bias, before[1:], size[1:], (1,))
    assert result is not None
    out, saved = result
    images, kernels = array(x)[:, :, None], array(w)[:, :, None]
    activations = convolved(images, kernels, before, size)
    if bias is not None:
        activations += array(bias)[:, None, None]
    activations = np.maximum(activations, 0)
    argmax = activations.argmax(3, keepdims=True)
    maxima = np.take_along_axis(activations, argmax, 3)
    same(out, maxima[:, :, 0])
    grad = backend.numbers(*out.shape)
    g = np.zeros_like(activations)
    np.put_along_axis(g, argmax, array(grad)[:, :, None] * (maxima > 0), 3)
    grad_input, grad_weight, grad_bias = convolution_gradients(images, kernels, before, g)
    grads = (grad_input[:, :, 0], grad_weight[:, :, 0], grad_bias)
    received = MaxOverTime.backward(backend, saved, grad)
    for one, each, needed in zip(received, grads, needs_grad, strict=False):
        if needed:
            same(one, each)


@examples
@given(
    backends,
    st.sampled_from([(1, 1), (2, 2), (3, 1), (1, 3), (2, 5)]),
    st.tuples(small, small, small, widths),
)
def test_pooling(backend: Guarded, window: Pair, sizes: tuple[int, int, int, int]) -> None:
    (height, width), (count, channels, rows, columns) = window, sizes
    x = backend.numbers(count, channels, rows * height, columns * width)
    g = backend.numbers(*sizes)

    def windows(a: Array) -> Array:
        parts = a.reshape(count, channels, rows, height, columns, width)
        return parts.swapaxes(3, 4).reshape(*sizes, height * width)

    numbers, grads = windows(array(x)), array(g)[..., None]
    argmax = numbers.argmax(4, keepdims=True)
    maxima = MaxPool2d.forward(backend, (True,), x, window)
    assert maxima is not None
    same(maxima[0], numbers.max(4))
    (grad_input,) = MaxPool2d.backward(backend, maxima[1], g)
    assert grad_input is not None
    expected = np.where(np.arange(height * width) == argmax, grads, 0)
    np.testing.assert_array_equal(windows(array(grad_input)), expected)
    mean = AvgPool2d.forward(backend, (True,), x, window)
    assert mean is not None
    np.testing.assert_allclose(array(mean[0]), numbers.mean(4), rtol=1e-5, atol=1e-6)
    (grad_input,) = AvgPool2d.backward(backend, mean[1], g)
    assert grad_input is not None
    expected = np.broadcast_to(grads / (height * width), numbers.shape)
    np.testing.assert_allclose(windows(array(grad_input)), expected, rtol=1e-5)


@examples
@given(backends, batches, st.integers(1, 300))
def test_exp_and_sums(backend: Guarded, rows: int, columns: int) -> None:
    # A contiguous copy fills its memory exactly.
    x = backend.copy(backend.numbers(rows, columns))
    received = backend.map(operators.exp, x)
    np.testing.assert_allclose(array(received), np.exp(array(x)), rtol=1e-6)
    for dim in (0, 1):
        total = backend.reduce(operators.add, x, dim, 0.0)
        same(total, array(x).sum(dim, keepdims=True))
