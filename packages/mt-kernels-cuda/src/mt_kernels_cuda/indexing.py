"""Positions of elements in memory, for kernels."""

from mt_kernels_cuda.jit import device_function
from mt_tensor.layout import Shape, Strides


@device_function
def position_of(ordinal: int, big_shape: Shape, shape: Shape, strides: Strides) -> int:
    """Return where broadcasting finds the number for the ordinal-th element of big_shape.

    In one pass, and without an index in memory, this is `mt_tensor.layout.to_index` for
    big_shape, `broadcast_index` from there to `shape`, and `index_to_position` with `strides`.
    With the same shape twice, it is the place of a tensor's own element.
    """
    position = 0
    missing = len(big_shape) - len(shape)
    for dim in range(len(big_shape) - 1, missing - 1, -1):
        if shape[dim - missing] > 1:
            position += ordinal % big_shape[dim] * strides[dim - missing]
        ordinal = ordinal // big_shape[dim]
    return position
