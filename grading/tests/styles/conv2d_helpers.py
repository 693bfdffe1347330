"""Two-dimensional convolution with a helper function for what lies outside of an image."""

from numba import prange

from mt_kernels_cpu.compiling.jit import Kernel, helper
from mt_tensor.layout import Shape, Storage, Strides


@helper
def pixel(
    input: Storage, shape: Shape, strides: Strides, n: int, c: int, row: int, column: int
) -> float:
    if row < 0 or column < 0:
        return 0.0
    if row >= shape[2] or column >= shape[3]:
        return 0.0
    number: float = input[n * strides[0] + c * strides[1] + row * strides[2] + column * strides[3]]
    return number


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
    _, channels, kh, kw = weight_shape
    s = weight_strides
    turn = -1 if reverse else 1
    for n in prange(out_shape[0]):
        for o in range(out_shape[1]):
            for y in range(out_shape[2]):
                for x in range(out_shape[3]):
                    total = 0.0
                    for k in range(kh):
                        for j in range(kw):
                            row, column = y + turn * k, x + turn * j
                            if not 0 <= row < input_shape[2]:
                                continue
                            if not 0 <= column < input_shape[3]:
                                continue
                            for c in range(channels):
                                a = pixel(input, input_shape, input_strides, n, c, row, column)
                                total += a * weight[o * s[0] + c * s[1] + k * s[2] + j * s[3]]
                    to = n * out_strides[0] + o * out_strides[1]
                    out[to + y * out_strides[2] + x * out_strides[3]] = total
