"""Matrix multiplication with one pass of the parallel loop for each matrix."""

from numba import prange

from mt_kernels_cpu.compiling.jit import Kernel
from mt_tensor.layout import Shape, Storage, Strides


@Kernel
def tensor_matrix_multiply(
    out: Storage,
    out_shape: Shape,
    out_strides: Strides,
    a: Storage,
    a_shape: Shape,
    a_strides: Strides,
    b: Storage,
    b_shape: Shape,
    b_strides: Strides,
) -> None:
    matrices = 1
    for size in out_shape[:-2]:
        matrices *= size
    for n in prange(matrices):
        rest = n
        to, a_at, b_at = 0, 0, 0
        for from_right in range(3, len(out_shape) + 1):
            i = rest % out_shape[-from_right]
            rest = rest // out_shape[-from_right]
            to += i * out_strides[-from_right]
            if from_right <= len(a_shape) and a_shape[-from_right] > 1:
                a_at += i * a_strides[-from_right]
            if from_right <= len(b_shape) and b_shape[-from_right] > 1:
                b_at += i * b_strides[-from_right]
        for row in range(out_shape[-2]):
            for column in range(out_shape[-1]):
                total = 0.0
                for k in range(a_shape[-1]):
                    x = a[a_at + row * a_strides[-2] + k * a_strides[-1]]
                    y = b[b_at + k * b_strides[-2] + column * b_strides[-1]]
                    total += x * y
                out[to + row * out_strides[-2] + column * out_strides[-1]] = total
