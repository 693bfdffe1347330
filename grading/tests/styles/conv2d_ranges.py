"""Two-dimensional convolution that visits only what lies on the image."""

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
    _, channels, height, width = input_shape
    kh, kw = weight_shape[2], weight_shape[3]
    s0, s1, s2 = out_strides, input_strides, weight_strides
    for n in prange(out_shape[0]):
        for o in range(out_shape[1]):
            for y in range(out_shape[2]):
                top, bottom = y, min(height, y + kh)
                if reverse:
                    top, bottom = max(0, y - kh + 1), min(height, y + 1)
                for x in range(out_shape[3]):
                    left, right = x, min(width, x + kw)
                    if reverse:
                        left, right = max(0, x - kw + 1), min(width, x + 1)
                    total = 0.0
                    for c in range(channels):
                        for row in range(top, bottom):
                            k = abs(row - y)
                            for column in range(left, right):
                                j = abs(column - x)
                                a = input[n * s1[0] + c * s1[1] + row * s1[2] + column * s1[3]]
                                total += a * weight[o * s2[0] + c * s2[1] + k * s2[2] + j * s2[3]]
                    out[n * s0[0] + o * s0[1] + y * s0[2] + x * s0[3]] = total
