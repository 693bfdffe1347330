"""Two-dimensional convolution in which each pixel is added to where it counts."""

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
    for job in prange(out_shape[0] * out_shape[1]):
        n, o = divmod(job, out_shape[1])
        sums = np.zeros((out_shape[2], out_shape[3]))
        for c in range(input_shape[1]):
            for row in range(input_shape[2]):
                for column in range(input_shape[3]):
                    a = input[n * s1[0] + c * s1[1] + row * s1[2] + column * s1[3]]
                    for k in range(weight_shape[2]):
                        y = row + k if reverse else row - k
                        if not 0 <= y < out_shape[2]:
                            continue
                        for j in range(weight_shape[3]):
                            x = column + j if reverse else column - j
                            if 0 <= x < out_shape[3]:
                                sums[y, x] += (
                                    a * weight[o * s2[0] + c * s2[1] + k * s2[2] + j * s2[3]]
                                )
        for y in range(out_shape[2]):
            for x in range(out_shape[3]):
                out[n * s0[0] + o * s0[1] + y * s0[2] + x * s0[3]] = sums[y, x]
