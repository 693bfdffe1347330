"""Two-dimensional convolution with one loop over channels, rows and columns of the kernel."""

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
    for ordinal in prange(out_size):
        rest, x = divmod(ordinal, out_shape[3])
        rest, y = divmod(rest, out_shape[2])
        n, o = divmod(rest, out_shape[1])
        total = 0.0
        for term in range(channels * kh * kw):
            c = term // (kh * kw)
            k = term // kw % kh
            j = term % kw
            row, column = y + k, x + j
            if reverse:
                row, column = y - k, x - j
            inside = row >= 0 and row < input_shape[2]
            inside = inside and column >= 0 and column < input_shape[3]
            if inside:
                total += (
                    input[n * s1[0] + c * s1[1] + row * s1[2] + column * s1[3]]
                    * weight[o * s2[0] + c * s2[1] + k * s2[2] + j * s2[3]]
                )
        out[n * s0[0] + o * s0[1] + y * s0[2] + x * s0[3]] = total
