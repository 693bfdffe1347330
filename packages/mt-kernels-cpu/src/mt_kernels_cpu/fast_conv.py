"""One- and two-dimensional convolution as compiled parallel loops.

One pass of the outer loop computes one row of the output, here with a kernel of 2 × 2::

    input                   kernel     four sums of row y of the output
    row y      x x x x x    w00 w01    w00 · x[y, 0 … 3] + w01 · x[y, 1 … 4]
    row y + 1  x x x x x    w10 w11    + w10 · x[y + 1, 0 … 3] + w11 · x[y + 1, 1 … 4]

A kernel slides over an input that is zero outside of its width and height. The output may have
any size, and the kernel may be wider than the input. So the same loops compute gradients: the
gradient of a weight, for example, is a convolution whose kernel is as large as an image and whose
output is as small as the weight.

Each pass of the outer loop computes one row of the output in a separate array. Positions are
computed once for each row of the input. The limits of loops leave out everything outside of the
input.
"""

import numpy as np
from numba import prange

from mt_kernels_cpu.compiling.jit import Kernel
from mt_kernels_cpu.row_sums import correlate, write_row
from mt_tensor.layout import Shape, Storage, Strides


@Kernel
def tensor_conv1d(
    out: Storage,
    out_shape: Shape,
    out_strides: Strides,
    out_size: int,
    input: Storage,
    input_shape: Shape,
    input_strides: Strides,
    weight: Storage,
    weight_shape: Shape,
    weight_strides: Strides,
    reverse: bool,
) -> None:
    r"""Write a one-dimensional convolution into `out`.

    $out_{n,o,p} = \sum_{c,k} input_{n,c,p+k}\, weight_{o,c,k}$: the kernel is anchored at its left
    end. With `reverse` it is anchored at its right end: $input_{n,c,p-k}$.

    The parameters are the storage, shape and strides of each tensor, and the number of elements of
    `out`.

    Shape:
        input (N, C, W), weight (O, C, K), out (N, O, any).
    """
    _, out_channels, out_width = out_shape
    _, channels, width = input_shape
    _, _, taps = weight_shape
    x_n, x_c, x_step = input_strides
    w_o, w_c, w_step = weight_strides
    to_n, to_o, to_step = out_strides
    for row in prange(out_size // max(1, out_width)):
        n, o = divmod(np.int64(row), out_channels)
        total = np.zeros(out_width, out.dtype)
        for c in range(channels):
            x_row = (input, n * x_n + c * x_c, x_step, width)
            w_row = (weight, o * w_o + c * w_c, w_step, taps)
            correlate(total, x_row, w_row, reverse)
        write_row(out, n * to_n + o * to_o, to_step, total)


@Kernel
def tensor_conv2d(
    out: Storage,
    out_shape: Shape,
    out_strides: Strides,
    out_size: int,
    input: Storage,
    input_shape: Shape,
    input_strides: Strides,
    weight: Storage,
    weight_shape: Shape,
    weight_strides: Strides,
    reverse: bool,
) -> None:
    r"""Write a two-dimensional convolution into `out`.

    $out_{n,o,y,x} = \sum_{c,k,l} input_{n,c,y+k,x+l}\, weight_{o,c,k,l}$: the kernel is anchored
    at its top left. With `reverse` it is anchored at its bottom right: $input_{n,c,y-k,x-l}$.

    The parameters are the storage, shape and strides of each tensor, and the number of elements of
    `out`.

    Shape:
        input (N, C, H, W), weight (O, C, KH, KW), out (N, O, any, any).
    """
    _, out_channels, out_height, out_width = out_shape
    _, channels, height, width = input_shape
    _, _, tap_rows, taps = weight_shape
    x_n, x_c, x_y, x_step = input_strides
    w_o, w_c, w_k, w_step = weight_strides
    to_n, to_o, to_y, to_step = out_strides
    for row in prange(out_size // max(1, out_width)):
        plane, y = divmod(np.int64(row), out_height)
        n, o = divmod(plane, out_channels)
        total = np.zeros(out_width, out.dtype)
        # For the rows k of the kernel in this range, row y + k, or y - k, is inside the input.
        first = max(0, y - height + 1) if reverse else 0
        stop = min(tap_rows, y + 1 if reverse else height - y)
        for c in range(channels):
            for k in range(first, stop):
                x_y_k = y - k if reverse else y + k
                x_row = (input, n * x_n + c * x_c + x_y_k * x_y, x_step, width)
                w_row = (weight, o * w_o + c * w_c + k * w_k, w_step, taps)
                correlate(total, x_row, w_row, reverse)
        write_row(out, n * to_n + o * to_o + y * to_y, to_step, total)
