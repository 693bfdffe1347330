"""Matrix multiplication and convolution as the plainest loops over whole tensors.

They read and write through `TensorData.index`, which checks every index. They are the
specification of the compiled kernels.
"""

import itertools

from mt_tensor.tensor_data import TensorData


def matrix_multiply(out: TensorData, a: TensorData, b: TensorData) -> None:
    """Write the product of (batches of) matrices into `out`.

    Shape:
        a (..., m, k), b (..., k, n), out (..., m, n); the batch dimensions broadcast.
    """
    batch = out.shape[:-2]
    left = a.expand((*batch, *a.shape[-2:]))
    right = b.expand((*batch, *b.shape[-2:]))
    for *outer, row, column in out.indices():
        total = out.storage.dtype.type(0)
        for k in range(a.shape[-1]):
            x = left.storage[left.index((*outer, row, k))]
            y = right.storage[right.index((*outer, k, column))]
            total += x * y
        out.storage[out.index((*outer, row, column))] = total


def convolve(out: TensorData, input: TensorData, weight: TensorData, reverse: bool) -> None:
    """Write the correlation of `input` with `weight` into `out`, for any number of dimensions.

    Shape:
        input (N, C, *spatial), weight (O, C, *kernel), out (N, O, *any).
    """
    sign = -1 if reverse else 1
    channels, *kernel = weight.shape[1:]
    spatial = input.shape[2:]
    for batch, out_channel, *position in out.indices():
        total = out.storage.dtype.type(0)
        for channel, *offset in itertools.product(range(channels), *map(range, kernel)):
            point = [p + sign * k for p, k in zip(position, offset, strict=True)]
            if all(0 <= i < size for i, size in zip(point, spatial, strict=True)):
                x = input.storage[input.index((batch, channel, *point))]
                w = weight.storage[weight.index((out_channel, channel, *offset))]
                total += x * w
        out.storage[out.index((batch, out_channel, *position))] = total
