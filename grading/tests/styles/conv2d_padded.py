"""Two-dimensional convolution of images that are first copied between zeros."""

import numpy as np
from numba import prange

from mt_kernels_cpu.compiling.jit import Kernel
from mt_tensor.layout import Shape, Storage, Strides


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
    s0, s1, s2 = out_strides, input_strides, weight_strides
    _, channels, height, width = input_shape
    kh, kw = weight_shape[2], weight_shape[3]
    for n in prange(out_shape[0]):
        rows, columns = max(height, out_shape[2]) + 2 * kh, max(width, out_shape[3]) + 2 * kw
        padded = np.zeros((channels, rows, columns))
        for c in range(channels):
            for row in range(height):
                for column in range(width):
                    padded[c, kh + row, kw + column] = input[
                        n * s1[0] + c * s1[1] + row * s1[2] + column * s1[3]
                    ]
        for o in range(out_shape[1]):
            for y in range(out_shape[2]):
                for x in range(out_shape[3]):
                    total = 0.0
                    for c in range(channels):
                        for k in range(kh):
                            row = kh + (y - k if reverse else y + k)
                            for j in range(kw):
                                column = kw + (x - j if reverse else x + j)
                                total += (
                                    padded[c, row, column]
                                    * weight[o * s2[0] + c * s2[1] + k * s2[2] + j * s2[3]]
                                )
                    out[n * s0[0] + o * s0[1] + y * s0[2] + x * s0[3]] = total
