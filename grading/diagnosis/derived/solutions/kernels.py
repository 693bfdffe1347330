"""Right kernels of matrix products and convolutions: tasks 3.2, 4.1 and 4.2.

The kernels work on the memory of tensors, as those of the course do.
"""

from functools import partial

import numpy as np

from grading.checking.oracles.tensors import unbroadcast
from grading.diagnosis.derived.solution import Solution
from grading.diagnosis.derived.solutions.memory import (
    Memory,
    Shape,
    Strides,
    run,
    unwritten,
    written,
)
from grading.diagnosis.mistakes import UNPREDICTED
from grading.protocol.messages import Array, Request, Response


def tensor_matrix_multiply(
    out: Memory,
    out_shape: Shape,
    out_strides: Strides,
    a: Memory,
    a_shape: Shape,
    a_strides: Strides,
    b: Memory,
    b_shape: Shape,
    b_strides: Strides,
) -> None:
    """Write the products of two batches of matrices."""
    matrices = 1  # the number of matrices in the batch
    for size in out_shape[:-2]:  # the number of matrices in the batch
        matrices *= size  # the number of matrices in the batch
    for ordinal in range(matrices):  # the loop over the matrices of the batch
        rest = ordinal  # the index in the batch
        out_start = 0  # the position of the matrix in the result
        a_start = 0  # the position of the first matrix
        b_start = 0  # the position of the second matrix
        for dim in range(3, len(out_shape) + 1):  # the loop over the dimensions of the batch
            entry = rest % out_shape[-dim]  # the index in the batch
            rest = rest // out_shape[-dim]  # the index in the batch
            out_start += entry * out_strides[-dim]  # the position of the matrix in the result
            if dim <= len(a_shape) and a_shape[-dim] > 1:  # the test if the first batch advances
                a_start += entry * a_strides[-dim]  # the position of the first matrix
            if dim <= len(b_shape) and b_shape[-dim] > 1:  # the test if the second batch advances
                b_start += entry * b_strides[-dim]  # the position of the second matrix
        for row in range(out_shape[-2]):  # the loop over the rows of the result
            for column in range(out_shape[-1]):  # the loop over the columns of the result
                total = 0.0  # the start of each sum
                for k in range(a_shape[-1]):  # the loop over the terms of a sum
                    x = a[  # the position in the first matrix
                        a_start + row * a_strides[-2] + k * a_strides[-1]
                    ]
                    y = b[  # the position in the second matrix
                        b_start + k * b_strides[-2] + column * b_strides[-1]
                    ]
                    total += x * y  # the sum of the products
                to = (  # the position in the result
                    out_start + row * out_strides[-2] + column * out_strides[-1]
                )
                out[to] = total  # the position in the result


def tensor_conv1d(
    out: Memory,
    out_shape: Shape,
    out_strides: Strides,
    input: Memory,
    input_shape: Shape,
    input_strides: Strides,
    weight: Memory,
    weight_shape: Shape,
    weight_strides: Strides,
    reverse: bool,
) -> None:
    """Write a convolution of rows of numbers."""
    batch, out_channels, out_width = out_shape  # the shape of the result
    _, channels, width = input_shape  # the shape of the input
    kernel_width = weight_shape[2]  # the width of the kernel
    size = batch * out_channels * out_width  # the number of elements of the result
    for ordinal in range(size):  # the loop over the elements of the result
        column = ordinal % out_width  # the column of the result
        out_channel = ordinal // out_width % out_channels  # the channel of the result
        image = ordinal // (out_width * out_channels)  # the image in the batch
        total = 0.0  # the start of each sum
        for channel in range(channels):  # the loop over the channels of the input
            for k in range(kernel_width):  # the loop over the columns of the kernel
                at = column - k if reverse else column + k  # the column of the input
                if at >= 0 and at < width:  # the test of the borders
                    x = input[  # the position in the input
                        image * input_strides[0]
                        + channel * input_strides[1]
                        + at * input_strides[2]
                    ]
                    w = weight[  # the position in the weight
                        out_channel * weight_strides[0]
                        + channel * weight_strides[1]
                        + k * weight_strides[2]
                    ]
                    total += x * w  # the sum of the products
        to = (  # the position in the result
            image * out_strides[0] + out_channel * out_strides[1] + column * out_strides[2]
        )
        out[to] = total  # the position in the result


def tensor_conv2d(
    out: Memory,
    out_shape: Shape,
    out_strides: Strides,
    input: Memory,
    input_shape: Shape,
    input_strides: Strides,
    weight: Memory,
    weight_shape: Shape,
    weight_strides: Strides,
    reverse: bool,
) -> None:
    """Write a convolution of images."""
    batch, out_channels, out_height, out_width = out_shape  # the shape of the result
    _, channels, height, width = input_shape  # the shape of the input
    kernel_height, kernel_width = weight_shape[2], weight_shape[3]  # the shape of the kernel
    size = batch * out_channels * out_height * out_width  # the number of elements of the result
    for ordinal in range(size):  # the loop over the elements of the result
        column = ordinal % out_width  # the column of the result
        row = ordinal // out_width % out_height  # the row of the result
        out_channel = (  # the channel of the result
            ordinal // (out_width * out_height) % out_channels
        )
        image = ordinal // (out_width * out_height * out_channels)  # the image in the batch
        total = 0.0  # the start of each sum
        for channel in range(channels):  # the loop over the channels of the input
            for i in range(kernel_height):  # the loop over the rows of the kernel
                y = row - i if reverse else row + i  # the row of the input
                for j in range(kernel_width):  # the loop over the columns of the kernel
                    x = column - j if reverse else column + j  # the column of the input
                    if 0 <= y < height and 0 <= x < width:  # the test of the borders
                        a = input[  # the position in the input
                            image * input_strides[0]
                            + channel * input_strides[1]
                            + y * input_strides[2]
                            + x * input_strides[3]
                        ]
                        w = weight[  # the position in the weight
                            out_channel * weight_strides[0]
                            + channel * weight_strides[1]
                            + i * weight_strides[2]
                            + j * weight_strides[3]
                        ]
                        total += a * w  # the sum of the products
        to = (  # the position in the result
            image * out_strides[0]
            + out_channel * out_strides[1]
            + row * out_strides[2]
            + column * out_strides[3]
        )
        out[to] = total  # the position in the result


def _product(a: Array, b: Array) -> Array:
    shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
    if len(shape) == 2:
        a, b = a[None], b[None]  # The backend multiplies batches only.
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    out = written(tensor_matrix_multiply, unwritten((*batch, *shape[-2:])), a, b)
    return out.reshape(shape)


def respond_to_product(request: Request) -> Response | None:
    """Return the response of a matrix product; the gradients are products with transposes."""
    if request.operation == "kernel.run":
        if request.options["kernel"] != "tensor_matrix_multiply":
            return None
        return run(tensor_matrix_multiply, request)
    a, b = request.arrays
    result = (_product(a, b),)
    if request.upstream is None:
        return Response(request, result)
    of_a = _product(request.upstream, b.swapaxes(-1, -2))
    of_b = _product(a.swapaxes(-1, -2), request.upstream)
    return Response(request, result, (_added_up(of_a, a.shape), _added_up(of_b, b.shape)))


def _added_up(gradient: Array, shape: tuple[int, ...]) -> Array:
    """Return a gradient, added up over broadcast dimensions; a sum needs all its elements."""
    found = unbroadcast(gradient, shape)
    missing = unbroadcast(1.0 * (gradient == UNPREDICTED), shape)
    return np.where(missing > 0, UNPREDICTED, found)


def _convolved(out: Array, x: Array, weight: Array, reverse: bool) -> Array:
    kernel = tensor_conv1d if x.ndim == 3 else tensor_conv2d
    return written(partial(kernel, reverse=reverse), out, x, weight)


def respond_to_convolution(request: Request) -> Response | None:
    """Return the response of a convolution; the gradients are convolutions, too.

    The gradient of the images is the upstream gradient, convolved with `reverse`. The gradient of
    the weights is the images, convolved with the upstream gradient.
    """
    if request.operation == "kernel.run":
        if not request.options["kernel"].startswith("tensor_conv"):
            return None
        convolve = tensor_conv1d if request.arrays[1].ndim == 3 else tensor_conv2d
        return run(partial(convolve, reverse=request.options["more"][0]), request)
    x, weight = request.arrays
    (n, c, *size), (o, _, *kernel) = x.shape, weight.shape
    result = (_convolved(unwritten((n, o, *size)), x, weight, False),)
    up = request.upstream
    if up is None:
        return Response(request, result)
    dx = _convolved(unwritten(x.shape), up, weight.swapaxes(0, 1), True)
    swapped = x.swapaxes(0, 1), up.swapaxes(0, 1)
    dw = _convolved(unwritten((c, o, *kernel)), *swapped, False).swapaxes(0, 1)
    return Response(request, result, (dx, dw))


SOLUTIONS = (
    Solution(
        ("3.2",), r"tensor\.matmul|kernel\.run", respond_to_product, (tensor_matrix_multiply,)
    ),
    Solution(("4.1",), r"tensor\.conv1d|kernel\.run", respond_to_convolution, (tensor_conv1d,)),
    Solution(("4.2",), r"tensor\.conv2d|kernel\.run", respond_to_convolution, (tensor_conv2d,)),
)
"""Right solutions of the products."""
