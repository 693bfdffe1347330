"""One-dimensional convolution with a helper function for one number of the output."""

from numba import prange

from mt_kernels_cpu.compiling.jit import Kernel, helper
from mt_tensor.layout import Shape, Storage, Strides


@helper
def products(
    a: Storage,
    a_start: int,
    a_step: int,
    width: int,
    b: Storage,
    b_start: int,
    b_step: int,
    taps: int,
    p: int,
    reverse: bool,
) -> float:
    total = 0.0
    for k in range(taps):
        at = p - k if reverse else p + k
        if at < 0 or at >= width:
            continue
        total += a[a_start + at * a_step] * b[b_start + k * b_step]
    return total


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
    for ordinal in prange(out_size):
        n, rest = divmod(ordinal, out_shape[1] * out_shape[2])
        o, p = divmod(rest, out_shape[2])
        total = 0.0
        for c in range(input_shape[1]):
            x, w = n * s1[0] + c * s1[1], o * s2[0] + c * s2[1]
            total += products(
                input, x, s1[2], input_shape[2], weight, w, s2[2], weight_shape[2], p, reverse
            )
        out[n * s0[0] + o * s0[1] + p * s0[2]] = total
