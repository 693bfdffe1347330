"""One-dimensional convolution whose places in memory move on by strides."""

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
    for job in prange(out_shape[0] * out_shape[1]):
        n, o = divmod(job, out_shape[1])
        to = n * out_strides[0] + o * out_strides[1]
        for p in range(out_shape[2]):
            total = 0.0
            row = n * input_strides[0] + p * input_strides[2]
            taps = o * weight_strides[0]
            for _ in range(input_shape[1]):
                x, w, at = row, taps, p
                for _ in range(weight_shape[2]):
                    if 0 <= at < input_shape[2]:
                        total += input[x] * weight[w]
                    x += sign * input_strides[2]
                    w += weight_strides[2]
                    at += sign
                row += input_strides[1]
                taps += weight_strides[1]
            out[to] = total
            to += out_strides[2]
