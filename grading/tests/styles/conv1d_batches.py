"""One-dimensional convolution, parallel over images, adding up in the output itself."""

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
    sign = -1 if reverse else 1
    for n in prange(out_shape[0]):
        for o in range(out_shape[1]):
            for p in range(out_shape[2]):
                to = n * out_strides[0] + o * out_strides[1] + p * out_strides[2]
                out[to] = 0.0
                for c in range(input_shape[1]):
                    row = n * input_strides[0] + c * input_strides[1]
                    taps = o * weight_strides[0] + c * weight_strides[1]
                    k = 0
                    while k < weight_shape[2]:
                        at = p + sign * k
                        if 0 <= at < input_shape[2]:
                            x = input[row + at * input_strides[2]]
                            out[to] += x * weight[taps + k * weight_strides[2]]
                        k += 1
