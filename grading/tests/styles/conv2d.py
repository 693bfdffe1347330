"""Two-dimensional convolution, one pass of the parallel loop for each number of the output."""

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
    _, out_channels, out_height, out_width = out_shape
    _, channels, height, width = input_shape
    _, _, kh, kw = weight_shape
    s1, s2, s3 = input_strides, weight_strides, out_strides
    for ordinal in prange(out_size):
        x = ordinal % out_width
        y = ordinal // out_width % out_height
        o = ordinal // (out_width * out_height) % out_channels
        n = ordinal // (out_width * out_height * out_channels)
        total = 0.0
        for c in range(channels):
            for k in range(kh):
                row = y - k if reverse else y + k
                for j in range(kw):
                    column = x - j if reverse else x + j
                    if 0 <= row < height and 0 <= column < width:
                        a = input[n * s1[0] + c * s1[1] + row * s1[2] + column * s1[3]]
                        w = weight[o * s2[0] + c * s2[1] + k * s2[2] + j * s2[3]]
                        total += a * w
        out[n * s3[0] + o * s3[1] + y * s3[2] + x * s3[3]] = total
