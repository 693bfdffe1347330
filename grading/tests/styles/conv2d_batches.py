"""Two-dimensional convolution, parallel over images, adding up in the output itself."""

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
    sign = -1 if reverse else 1
    for n in prange(out_shape[0]):
        for o in range(out_shape[1]):
            for y in range(out_shape[2]):
                for x in range(out_shape[3]):
                    out[n * s0[0] + o * s0[1] + y * s0[2] + x * s0[3]] = 0.0
            for c in range(input_shape[1]):
                for k in range(weight_shape[2]):
                    for j in range(weight_shape[3]):
                        w = weight[o * s2[0] + c * s2[1] + k * s2[2] + j * s2[3]]
                        for y in range(out_shape[2]):
                            row = y + sign * k
                            if row < 0 or row >= input_shape[2]:
                                continue
                            for x in range(out_shape[3]):
                                column = x + sign * j
                                if column < 0 or column >= input_shape[3]:
                                    continue
                                a = input[n * s1[0] + c * s1[1] + row * s1[2] + column * s1[3]]
                                out[n * s0[0] + o * s0[1] + y * s0[2] + x * s0[3]] += w * a
