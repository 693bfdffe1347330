"""One-dimensional convolution of a kernel that is turned around where it ends at its anchor."""

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
    taps = weight_shape[2]
    for p in prange(out_shape[2]):
        begin = p - (taps - 1) if reverse else p
        for n in range(out_shape[0]):
            for o in range(out_shape[1]):
                total = 0.0
                for j in range(taps):
                    at = begin + j
                    k = taps - 1 - j if reverse else j
                    if at < 0:
                        continue
                    if at >= input_shape[2]:
                        break
                    for c in range(input_shape[1]):
                        total += (
                            input[n * s1[0] + c * s1[1] + at * s1[2]]
                            * weight[o * s2[0] + c * s2[1] + k * s2[2]]
                        )
                out[n * s0[0] + o * s0[1] + p * s0[2]] = total
