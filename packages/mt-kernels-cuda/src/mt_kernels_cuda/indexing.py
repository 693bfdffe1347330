"""The position of an element in memory, for kernels."""

from mt_kernels_cuda.jit import device_function
from mt_tensor.layout import Shape, Strides


@device_function
def position_of(ordinal: int, big_shape: Shape, shape: Shape, strides: Strides) -> int:
    """Return the position of the element that broadcasts to the ordinal-th element of big_shape.

    The function combines three functions of `mt_tensor.layout` in one pass, without an array for
    the index: `to_index` for big_shape, `broadcast_index` to `shape`, and `index_to_position` with
    `strides`. If both shapes are equal, the result is the position of the tensor's element.
    """
    position = 0
    missing = len(big_shape) - len(shape)
    for dim in range(len(big_shape) - 1, missing - 1, -1):
        if shape[dim - missing] > 1:
            position += ordinal % big_shape[dim] * strides[dim - missing]
        ordinal = ordinal // big_shape[dim]
    return position
