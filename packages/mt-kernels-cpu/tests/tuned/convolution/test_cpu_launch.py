"""Convolution on the tuned backend against the reference, in any layout."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_kernels_cpu import Tuned
from mt_kernels_cpu.tuned import threads
from mt_tensor import Reference, TensorData
from tools.layouts import operand

SPECIALS = [np.nan, np.inf, -np.inf, 0.0, -0.0]

few = st.integers(0, 4)
reverses = st.booleans()
draws = st.data()


@pytest.fixture(params=["one thread", "several threads"])
def thread_counts(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Run everything on one thread, or on three threads if there are as many images."""
    several = 3 if request.param == "several threads" else 1
    for name in ("partition", "partition_independent"):
        monkeypatch.setattr(
            f"mt_kernels_cpu.tuned.convolution.launch.{name}",
            lambda count, steps: equal_parts(count, min(several, count)),
        )
    yield


def same(received: TensorData, expected: TensorData, dtype: Any) -> None:
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(
        Tuned(dtype).to_numpy(received),
        Reference(dtype).to_numpy(expected),
        rtol=tolerance,
        atol=tolerance,
        strict=True,
    )


def equal_parts(count: int, several: int) -> list[threads.Part]:
    ends = [count * part // several for part in range(several + 1)]
    return list(pairwise(ends))


dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])

# Each test runs four times: for two dtypes, on one thread and on several.
few_examples = settings(max_examples=15)


@pytest.mark.usefixtures("thread_counts")
@dtypes
@few_examples
@given(st.tuples(few, few, few), st.integers(0, 36), st.integers(0, 9), reverses, draws)
def test_conv1d(
    dtype: Any,
    sizes: tuple[int, int, int],
    width: int,
    taps: int,
    reverse: bool,
    data: st.DataObject,
) -> None:
    count, channels, outputs = sizes
    size = data.draw(st.integers(0, 36))
    x = operand(data, dtype, count, channels, width)
    w = operand(data, dtype, outputs, channels, taps)
    same(
        Tuned(dtype).convolve(x, w, reverse, (size,)),
        Reference(dtype).convolve(x, w, reverse, (size,)),
        dtype,
    )


@pytest.mark.usefixtures("thread_counts")
@dtypes
@few_examples
@given(st.integers(1, 8), st.integers(1, 36), st.integers(1, 36), st.integers(1, 4), draws)
def test_sequences_of_vectors(
    dtype: Any, count: int, width: int, channels: int, taps: int, data: st.DataObject
) -> None:
    """Sequences such as word vectors: channels are contiguous in memory."""
    x = operand(data, dtype, count, width, channels).permute(0, 2, 1)
    w = operand(data, dtype, 2, channels, taps)
    size = (data.draw(st.integers(1, 36)),)
    same(
        Tuned(dtype).convolve(x, w, False, size),
        Reference(dtype).convolve(x, w, False, size),
        dtype,
    )


@pytest.mark.usefixtures("thread_counts")
@dtypes
@few_examples
@given(
    st.tuples(few, few, st.integers(0, 6)),
    st.tuples(st.integers(0, 4), st.integers(0, 20)),
    st.tuples(st.integers(0, 3), st.integers(0, 5)),
    reverses,
    draws,
)
def test_conv2d(
    dtype: Any,
    sizes: tuple[int, int, int],
    image: tuple[int, int],
    kernel: tuple[int, int],
    reverse: bool,
    data: st.DataObject,
) -> None:
    count, channels, outputs = sizes
    size = (data.draw(st.integers(0, 4)), data.draw(st.integers(0, 36)))
    x = operand(data, dtype, count, channels, *image)
    w = operand(data, dtype, outputs, channels, *kernel)
    same(
        Tuned(dtype).convolve(x, w, reverse, size),
        Reference(dtype).convolve(x, w, reverse, size),
        dtype,
    )


@pytest.mark.usefixtures("thread_counts")
@dtypes
@few_examples
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 6)),
    st.tuples(st.integers(1, 4), st.integers(1, 12)),
    st.tuples(st.integers(1, 5), st.integers(1, 12)),
    draws,
)
def test_gradient_of_a_weight(
    dtype: Any,
    sizes: tuple[int, int, int],
    image: tuple[int, int],
    gradient: tuple[int, int],
    data: st.DataObject,
) -> None:
    """The kernel is as large as an image, and the output as small as a kernel."""
    channels, count, outputs = sizes
    size = (data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3)))
    x = operand(data, dtype, channels, count, *image)
    g = operand(data, dtype, outputs, count, *gradient)
    same(
        Tuned(dtype).convolve(x, g, False, size),
        Reference(dtype).convolve(x, g, False, size),
        dtype,
    )


@pytest.mark.usefixtures("thread_counts")
@dtypes
@given(st.integers(1, 200), st.integers(8, 24), st.integers(1, 8))
def test_gradient_of_a_weight_of_many_sequences(
    dtype: Any, count: int, width: int, taps: int
) -> None:
    """More sequences than a tile holds: the last tile still contains earlier ones."""
    rng = np.random.default_rng(count)
    x = rng.integers(-9, 9, (2, count, width + taps - 1)).astype(dtype)
    g = rng.integers(-9, 9, (3, count, width)).astype(dtype)
    backend = Tuned(dtype)
    received = backend.convolve(backend.from_numpy(x), backend.from_numpy(g), False, (taps,))
    windows = np.lib.stride_tricks.sliding_window_view(x, width, axis=2)
    expected = np.tensordot(windows, g, ((1, 3), (1, 2))).transpose(0, 2, 1)
    np.testing.assert_array_equal(backend.to_numpy(received), expected)


@pytest.mark.usefixtures("thread_counts")
@dtypes
@few_examples
@given(
    st.tuples(st.integers(16, 35), st.integers(1, 5), st.integers(1, 13)),
    st.tuples(st.integers(1, 6), st.integers(1, 20)),
    st.tuples(st.integers(1, 3), st.integers(1, 4)),
    draws,
)
def test_gradient_of_a_weight_of_many_channels(
    dtype: Any,
    sizes: tuple[int, int, int],
    gradient: tuple[int, int],
    kernel: tuple[int, int],
    data: st.DataObject,
) -> None:
    channels, count, outputs = sizes
    # The image may end before the last window, or behind it.
    image = [max(1, n + data.draw(st.integers(-2, 3))) for n in gradient]
    kernel_size = tuple(min(pair) for pair in zip(kernel, gradient, strict=True))
    if np.prod(kernel_size) == np.prod(gradient):
        gradient = gradient[0], gradient[1] + 1
    x = operand(data, dtype, channels, count, *image)
    g = operand(data, dtype, outputs, count, *gradient)
    backend = Tuned(dtype)
    received = backend.to_numpy(backend.convolve(x, g, False, kernel_size))
    (height, width), (rows, columns) = gradient, kernel_size
    padded = np.zeros((channels, count, height + rows + 3, width + columns + 3), dtype)
    padded[:, :, : image[0], : image[1]] = backend.to_numpy(x)
    windows = np.lib.stride_tricks.sliding_window_view(padded, gradient, axis=(2, 3))
    expected = np.einsum("cnklpq,onpq->cokl", windows[:, :, :rows, :columns], backend.to_numpy(g))
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(received, expected, rtol=tolerance, atol=20 * tolerance)


@dtypes
@pytest.mark.parametrize("number", SPECIALS)
@pytest.mark.parametrize("location", ["image", "kernel"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("size", [(4, 9), (2, 3), (9, 12)])
@pytest.mark.parametrize("kernel", [(2, 3), (4, 8)])
def test_special_numbers_are_not_multiplied_by_padding_zeros(
    dtype: Any,
    number: float,
    location: str,
    reverse: bool,
    size: tuple[int, int],
    kernel: tuple[int, int],
) -> None:
    rng = np.random.default_rng(0)
    image, weight = rng.normal(size=(2, 2, 4, 9)), rng.normal(size=(3, 2, *kernel))
    target = image if location == "image" else weight
    target[1, 0, 0, -1] = target[0, 1, -1, 0] = number
    tuned, reference = Tuned(dtype), Reference(dtype)
    x, w = tuned.from_numpy(image), tuned.from_numpy(weight)
    same(tuned.convolve(x, w, reverse, size), reference.convolve(x, w, reverse, size), dtype)


@dtypes
@pytest.mark.parametrize("number", SPECIALS)
@pytest.mark.parametrize("location", [(0, 0, 0, 0), (1, 0, 4, 19), (0, 1, 2, 18)])
@pytest.mark.parametrize("channels", [2, 17])
def test_special_numbers_change_only_the_gradients_of_their_weights(
    dtype: Any, number: float, location: tuple[int, ...], channels: int
) -> None:
    """Without padding, planes still have zeros beside the gradient."""
    rng = np.random.default_rng(0)
    image, grad = rng.normal(size=(2, channels, 5, 20)), rng.normal(size=(2, 3, 3, 18))
    image[location] = number
    tuned, reference = Tuned(dtype), Reference(dtype)
    received, expected = (
        each.convolve(
            each.from_numpy(image).permute(1, 0, 2, 3),
            each.from_numpy(grad).permute(1, 0, 2, 3),
            size=(3, 3),
        )
        for each in (tuned, reference)
    )
    same(received, expected, dtype)


@pytest.mark.parametrize(("channels", "count"), [(1, 512), (16, 64)])
def test_gradient_of_a_large_batch_is_accurate(channels: int, count: int) -> None:
    """Sums in float32 over many products are close to sums in float64."""
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(channels, count, 28, 28)), rng.normal(size=(4, count, 28, 28))
    single, double = (
        Tuned(dtype)
        .convolve(Tuned(dtype).from_numpy(x), Tuned(dtype).from_numpy(g), size=(3, 3))
        .storage
        for dtype in (np.float32, np.float64)
    )
    assert np.abs(single - double).max() < 1e-2 * np.abs(double).mean()
