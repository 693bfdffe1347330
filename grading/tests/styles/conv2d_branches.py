"""Two-dimensional convolution with one set of loops for each way of anchoring."""

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
    for o in prange(out_shape[1]):
        for n in range(out_shape[0]):
            for y in range(out_shape[2]):
                for x in range(out_shape[3]):
                    total = 0.0
                    if reverse:
                        for c in range(channels):
                            for k in range(min(weight_shape[2], y + 1)):
                                for j in range(min(weight_shape[3], x + 1)):
                                    row, column = y - k, x - j
                                    if row < height and column < width:
                                        a = input[
                                            n * s1[0] + c * s1[1] + row * s1[2] + column * s1[3]
                                        ]
                                        total += (
                                            a
                                            * weight[o * s2[0] + c * s2[1] + k * s2[2] + j * s2[3]]
                                        )
                    else:
                        for c in range(channels):
                            for k in range(min(weight_shape[2], height - y)):
                                for j in range(min(weight_shape[3], width - x)):
                                    row, column = y + k, x + j
                                    a = input[n * s1[0] + c * s1[1] + row * s1[2] + column * s1[3]]
                                    total += (
                                        a * weight[o * s2[0] + c * s2[1] + k * s2[2] + j * s2[3]]
                                    )
                    out[n * s0[0] + o * s0[1] + y * s0[2] + x * s0[3]] = total
