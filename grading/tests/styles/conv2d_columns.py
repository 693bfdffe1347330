"""Two-dimensional convolution that collects the numbers under the kernel in a row of memory."""

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
    _, channels, kh, kw = weight_shape
    turn = -1 if reverse else 1
    for n in prange(out_shape[0]):
        under = np.zeros(channels * kh * kw)
        for y in range(out_shape[2]):
            for x in range(out_shape[3]):
                at = 0
                for c in range(channels):
                    for k in range(kh):
                        for j in range(kw):
                            row, column = y + turn * k, x + turn * j
                            under[at] = 0.0
                            if 0 <= row < input_shape[2] and 0 <= column < input_shape[3]:
                                under[at] = input[
                                    n * s1[0] + c * s1[1] + row * s1[2] + column * s1[3]
                                ]
                            at += 1
                for o in range(out_shape[1]):
                    total, at = 0.0, 0
                    for c in range(channels):
                        for k in range(kh):
                            for j in range(kw):
                                total += (
                                    under[at]
                                    * weight[o * s2[0] + c * s2[1] + k * s2[2] + j * s2[3]]
                                )
                                at += 1
                    out[n * s0[0] + o * s0[1] + y * s0[2] + x * s0[3]] = total
