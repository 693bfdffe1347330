"""Checks of matrix products and convolutions, and inputs of pooling, for every backend."""

import numpy as np
from hypothesis import strategies as st

from grading.checking import textbook
from grading.checking.compare import expect_array, expect_gradients
from grading.checking.oracles.convolution import conv, conv_gradients
from grading.checking.oracles.tensors import matmul_gradients
from grading.checking.strategies import arrays, distinct, shapes
from grading.protocol.messages import Array, Plain, Subject

Case = tuple[Array, Array, Array]
PoolingCase = tuple[Array, tuple[int, int], Array]


@st.composite
def matrices(draw: st.DrawFn, max_side: int = 4, max_batch: int = 2) -> Case:
    """Draw two batches of matrices with compatible shapes, and an upstream gradient."""
    *batch, m, k, n = draw(shapes(3, 3 + max_batch, max_side))
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
    batch, out_channels, channels, *sides = draw(
        textbook.sizes((2, 2, 2, *(max_kernel, max_image) * dims))
    )
    kernel, size = sides[::2], sides[1::2]
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
    """Return images and kernels of given shapes, and an upstream gradient of their convolution.

    The elements of each are the integers from 1 on, in random order.
    """
    rng = np.random.default_rng(seed)
    out = (shape[0], weight[0], *shape[2:])
    x, w, upstream = (textbook.shuffled(rng, s) for s in (shape, weight, out))
    return x, w, upstream


@st.composite
def images(draw: st.DrawFn, unequal: bool = False, permuted: bool = False) -> PoolingCase:
    """Draw images, a kernel whose sides divide theirs, and an upstream gradient.

    Args:
        draw: Draws from a strategy.
        unequal: True for images without equal elements.
        permuted: True for a gradient in any memory layout; the images always are.
    """
    batch, channels, height, rows, width, columns = draw(textbook.sizes((2, 2, 3, 3, 3, 2)))
    kernel = height, width
    shape = (batch, channels, rows * height, columns * width)
    x = draw(distinct(shape) if unequal else arrays(shape))
    return x, kernel, draw(arrays((batch, channels, rows, columns), permuted=permuted))
