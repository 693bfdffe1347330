"""One-dimensional convolution, one pass of the parallel loop for each number of the output."""

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
    _, out_channels, out_width = out_shape
    _, channels, width = input_shape
    _, _, taps = weight_shape
    s1, s2 = input_strides, weight_strides
    for ordinal in prange(out_size):
        p = ordinal % out_width
        o = ordinal // out_width % out_channels
        n = ordinal // (out_width * out_channels)
        total = 0.0
        for c in range(channels):
            for k in range(taps):
                at = p - k if reverse else p + k
                if at >= 0 and at < width:
                    x = input[n * s1[0] + c * s1[1] + at * s1[2]]
                    w = weight[o * s2[0] + c * s2[1] + k * s2[2]]
                    total += x * w
        out[n * out_strides[0] + o * out_strides[1] + p * out_strides[2]] = total
