"""Map, zip and reduce with indices in buffers, as the course's guide describes them."""

from collections.abc import Callable

import numpy as np
from numba import prange

from mt_kernels_cpu.compiling.jit import Kernel, formula, helper, once_per_formula
from mt_tensor import layout
from mt_tensor.layout import Shape, Storage, Strides

to_index = helper(layout.to_index)
broadcast_index = helper(layout.broadcast_index)
index_to_position = helper(layout.index_to_position)


@helper
def number_of_elements(shape: Shape) -> int:
    size = 1
    for n in shape:
        size *= n
    return size


@helper
def aligned(shape: Shape, strides: Strides, a_shape: Shape, a_strides: Strides) -> bool:
    if len(shape) != len(a_shape):
        return False
    for dim in range(len(shape)):
        if shape[dim] != a_shape[dim]:
            return False
        if strides[dim] != a_strides[dim]:
            return False
    return True


@once_per_formula
def tensor_map(fn: Callable[[float], float]) -> Kernel:
    fn = formula(fn)

    @Kernel
    def kernel(
        out: Storage,
        out_shape: Shape,
        out_strides: Strides,
        a: Storage,
        a_shape: Shape,
        a_strides: Strides,
    ) -> None:
        size = number_of_elements(out_shape)
        if aligned(out_shape, out_strides, a_shape, a_strides):
            for i in prange(size):
                out[i] = fn(a[i])
            return
        for ordinal in prange(size):
            out_index = np.zeros(len(out_shape), np.int64)
            a_index = np.zeros(len(a_shape), np.int64)
            to_index(ordinal, out_shape, out_index)
            broadcast_index(out_index, out_shape, a_shape, a_index)
            to = index_to_position(out_index, out_strides)
            out[to] = fn(a[index_to_position(a_index, a_strides)])

    return kernel


@once_per_formula
def tensor_zip(fn: Callable[[float, float], float]) -> Kernel:
    fn = formula(fn)

    @Kernel
    def kernel(
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
        size = number_of_elements(out_shape)
        a_aligned = aligned(out_shape, out_strides, a_shape, a_strides)
        b_aligned = aligned(out_shape, out_strides, b_shape, b_strides)
        if a_aligned and b_aligned:
            for i in prange(size):
                out[i] = fn(a[i], b[i])
            return
        for ordinal in prange(size):
            out_index = np.zeros(len(out_shape), np.int64)
            a_index = np.zeros(len(a_shape), np.int64)
            b_index = np.zeros(len(b_shape), np.int64)
            to_index(ordinal, out_shape, out_index)
            broadcast_index(out_index, out_shape, a_shape, a_index)
            broadcast_index(out_index, out_shape, b_shape, b_index)
            x = a[index_to_position(a_index, a_strides)]
            y = b[index_to_position(b_index, b_strides)]
            out[index_to_position(out_index, out_strides)] = fn(x, y)

    return kernel


@once_per_formula
def tensor_reduce(fn: Callable[[float, float], float]) -> Kernel:
    fn = formula(fn)

    @Kernel
    def kernel(
        out: Storage,
        out_shape: Shape,
        out_strides: Strides,
        a: Storage,
        a_shape: Shape,
        a_strides: Strides,
        reduce_dim: int,
    ) -> None:
        size = number_of_elements(out_shape)
        length, step = a_shape[reduce_dim], a_strides[reduce_dim]
        for ordinal in prange(size):
            out_index = np.zeros(len(out_shape), np.int64)
            to_index(ordinal, out_shape, out_index)
            to = index_to_position(out_index, out_strides)
            first = index_to_position(out_index, a_strides)
            result = out[to]
            for k in range(length):
                result = fn(result, a[first + k * step])
            out[to] = result

    return kernel
