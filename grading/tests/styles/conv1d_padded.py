"""One-dimensional convolution of images that are first copied between zeros."""

import numpy as np
from numba import prange

from mt_kernels_cpu.compiling.jit import Kernel
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
    s0, s1, s2 = out_strides, input_strides, weight_strides
    width, taps = input_shape[2], weight_shape[2]
    for n in prange(out_shape[0]):
        padded = np.zeros((input_shape[1], max(width, out_shape[2]) + 2 * taps))
        for c in range(input_shape[1]):
            for at in range(width):
                padded[c, taps + at] = input[n * s1[0] + c * s1[1] + at * s1[2]]
        for o in range(out_shape[1]):
            for p in range(out_shape[2]):
                total = 0.0
                for c in range(input_shape[1]):
                    for k in range(taps):
                        at = p - k if reverse else p + k
                        total += padded[c, taps + at] * weight[o * s2[0] + c * s2[1] + k * s2[2]]
                out[n * s0[0] + o * s0[1] + p * s0[2]] = total
