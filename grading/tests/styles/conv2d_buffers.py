"""Two-dimensional convolution with indices in buffers, made anew in each pass of the loop."""

import numpy as np
from numba import prange

from mt_kernels_cpu.compiling.jit import Kernel, helper
from mt_tensor import layout
from mt_tensor.layout import Shape, Storage, Strides

to_index = helper(layout.to_index)
index_to_position = helper(layout.index_to_position)


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
    for ordinal in prange(out_size):
        out_index = np.zeros(4, np.int64)
        in_index = np.zeros(4, np.int64)
        w_index = np.zeros(4, np.int64)
        to_index(ordinal, out_shape, out_index)
        in_index[0] = out_index[0]
        w_index[0] = out_index[1]
        total = 0.0
        for k in range(weight_shape[2]):
            w_index[2] = k
            in_index[2] = out_index[2] - k if reverse else out_index[2] + k
            if in_index[2] < 0 or in_index[2] >= input_shape[2]:
                continue
            for j in range(weight_shape[3]):
                w_index[3] = j
                in_index[3] = out_index[3] - j if reverse else out_index[3] + j
                if in_index[3] < 0 or in_index[3] >= input_shape[3]:
                    continue
                for c in range(weight_shape[1]):
                    w_index[1] = c
                    in_index[1] = c
                    x = input[index_to_position(in_index, input_strides)]
                    total += x * weight[index_to_position(w_index, weight_strides)]
        out[index_to_position(out_index, out_strides)] = total
