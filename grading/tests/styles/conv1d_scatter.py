"""One-dimensional convolution in which each number of the input is added to where it counts."""

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
    for job in prange(out_shape[0] * out_shape[1]):
        n = job // out_shape[1]
        o = job - n * out_shape[1]
        start = n * s0[0] + o * s0[1]
        for p in range(out_shape[2]):
            out[start + p * s0[2]] = 0.0
        for c in range(input_shape[1]):
            for at in range(input_shape[2]):
                x = input[n * s1[0] + c * s1[1] + at * s1[2]]
                for k in range(weight_shape[2]):
                    p = at + k if reverse else at - k
                    if p >= 0 and p < out_shape[2]:
                        out[start + p * s0[2]] += x * weight[o * s2[0] + c * s2[1] + k * s2[2]]
