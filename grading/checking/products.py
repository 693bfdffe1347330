"""Checks of matrix products and convolutions, and inputs of pooling, for every backend."""

import numpy as np
from hypothesis import strategies as st

from grading.checking.compare import expect_array, expect_gradients
from grading.checking.oracles.convolution import conv, conv_gradients
from grading.checking.oracles.tensors import matmul_gradients
from grading.checking.strategies import arrays, distinct
from grading.protocol.messages import Array, Plain, Subject

Case = tuple[Array, Array, Array]
PoolingCase = tuple[Array, tuple[int, int], Array]


@st.composite
def matrices(draw: st.DrawFn, max_side: int = 4, max_batch: int = 2) -> Case:
    """Draw two batches of matrices with compatible shapes, and an upstream gradient."""
    m, k, n = (draw(st.integers(1, max_side)) for _ in range(3))
    batch = draw(st.lists(st.integers(1, 3), max_size=max_batch))
    a_batch, b_batch = (
        tuple(1 if draw(st.booleans()) else size for size in batch) for _ in range(2)
    )
    common = np.broadcast_shapes(a_batch, b_batch)
    return (
        draw(arrays((*a_batch, m, k))),
        draw(arrays((*b_batch, k, n))),
        draw(arrays((*common, m, n))),
    )


def check_matmul(subject: Subject, case: Case, options: Plain) -> None:
    """Compare a product and its gradients."""
    a, b, upstream = case
    response = subject.call("tensor.matmul", [a, b], options, upstream)
    expect_array(response, a @ b)
    expect_gradients(response, matmul_gradients(a, b, upstream))


@st.composite
def convolutions(draw: st.DrawFn, dims: int, max_image: int = 5, max_kernel: int = 3) -> Case:
    """Draw images, kernels and an upstream gradient, each in any memory layout.

    Images and kernels are rarely square, and a kernel may be larger than the image.
    """
    batch, channels, out_channels = (draw(st.integers(1, 2)) for _ in range(3))
    size = tuple(draw(st.integers(1, max_image)) for _ in range(dims))
    kernel = tuple(draw(st.integers(1, max_kernel)) for _ in range(dims))
    return (
        draw(arrays((batch, channels, *size))),
        draw(arrays((out_channels, channels, *kernel))),
        draw(arrays((batch, out_channels, *size))),
    )


def check_convolution(subject: Subject, operation: str, case: Case, options: Plain) -> None:
    """Compare a convolution and the gradients of its input and its weight."""
    x, weight, upstream = case
    response = subject.call(operation, [x, weight], options, upstream)
    expect_array(response, conv(x, weight))
    expect_gradients(response, conv_gradients(x, weight, upstream))


def random_case(shape: tuple[int, ...], weight: tuple[int, ...], seed: int = 0) -> Case:
    """Return images and kernels of given shapes, and an upstream gradient of their convolution."""
    rng = np.random.default_rng(seed)
    out = (shape[0], weight[0], *shape[2:])
    x, w, upstream = (rng.integers(-8, 9, s) / 4 for s in (shape, weight, out))
    return x, w, upstream


@st.composite
def images(draw: st.DrawFn, unequal: bool = False, permuted: bool = False) -> PoolingCase:
    """Draw images, a kernel whose sides divide theirs, and an upstream gradient.

    Args:
        draw: Draws from a strategy.
        unequal: True for images without equal elements.
        permuted: True for a gradient in any memory layout; the images always are.
    """
    batch, channels = (draw(st.integers(1, 2)) for _ in range(2))
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    shape = (batch, channels, rows * kernel[0], columns * kernel[1])
    x = draw(distinct(shape) if unequal else arrays(shape))
    return x, kernel, draw(arrays((batch, channels, rows, columns), permuted=permuted))
