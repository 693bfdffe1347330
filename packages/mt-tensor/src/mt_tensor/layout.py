"""Memory layout of a tensor: strides, positions and broadcasting.

A tensor is a one-dimensional storage, a shape, and a stride for each dimension: the distance in
storage between neighbours along it. The element at index ``i`` has position
``sum(i[d] * strides[d])`` in storage. Strides and positions count elements, not bytes.

`index_to_position`, `to_index`, `broadcast_index` and `merge_dims` compile unchanged with numba;
the loops of the backends are built from them. The other functions run once per operation, in
Python.
"""

import math
import operator
from collections.abc import Iterable, MutableSequence, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

MAX_DIMS = 32
"""The largest number of dimensions of a tensor.

GPU kernels reserve an index array of this length in each thread: a larger value costs registers
and local memory.
"""

Storage: TypeAlias = npt.NDArray[Any]
Index: TypeAlias = npt.NDArray[np.integer[Any]] | Sequence[int]
OutIndex: TypeAlias = npt.NDArray[np.integer[Any]] | MutableSequence[int]
Shape: TypeAlias = npt.NDArray[np.integer[Any]] | Sequence[int]
Strides: TypeAlias = npt.NDArray[np.integer[Any]] | Sequence[int]
UserIndex: TypeAlias = Sequence[int]
UserShape: TypeAlias = Sequence[int]
UserStrides: TypeAlias = Sequence[int]


class IndexingError(IndexError, RuntimeError):
    """An index, a shape or strides do not fit a tensor."""


def index_to_position(index: Index, strides: Strides) -> int:
    r"""Return the position in storage of a multi-dimensional index: $\sum_d i_d s_d$.

    >>> index_to_position((1, 2), (3, 1))
    5
    """
    position = 0
    for dim in range(len(strides)):
        position += index[dim] * strides[dim]
    return position


def to_index(ordinal: int, shape: Shape, out_index: OutIndex) -> None:
    """Write the index of the ordinal-th element, in row-major order, into out_index.

    The ordinals 0 to size - 1 give every index of the shape exactly once.

    >>> index = [0, 0]
    >>> to_index(5, (2, 3), index)
    >>> index
    [1, 2]
    """
    rest = ordinal
    for dim in range(len(shape) - 1, -1, -1):
        out_index[dim] = rest % shape[dim]
        rest = rest // shape[dim]


def broadcast_index(big_index: Index, big_shape: Shape, shape: Shape, out_index: OutIndex) -> None:
    """Write the index of `shape` that broadcasting pairs with big_index into out_index.

    Dimensions are aligned at the right. A dimension of size 1 always gives index 0; dimensions
    that `shape` lacks are dropped.

    >>> index = [0, 0]
    >>> broadcast_index((4, 1, 2), (5, 2, 3), (2, 1), index)
    >>> index
    [1, 0]
    """
    offset = len(big_shape) - len(shape)
    for dim in range(len(shape)):
        out_index[dim] = big_index[offset + dim] if shape[dim] > 1 else 0


def shape_broadcast(
    shape1: UserShape, shape2: UserShape, operation: str = "broadcast"
) -> tuple[int, ...]:
    """Return the shape of two tensors combined element by element.

    Dimensions are aligned at the right; missing ones count as 1; a size of 1 stretches to the
    other size. These are NumPy's rules.

    Args:
        shape1: One shape.
        shape2: The other shape.
        operation: The name of the operation, for the error message.

    Raises:
        IndexingError: A pair of sizes differs and neither is 1.

    >>> shape_broadcast((2, 1), (5,))
    (2, 5)
    """
    dims = max(len(shape1), len(shape2))
    padded1 = (1,) * (dims - len(shape1)) + tuple(shape1)
    padded2 = (1,) * (dims - len(shape2)) + tuple(shape2)
    result = []
    for size1, size2 in zip(padded1, padded2, strict=True):
        if size1 != size2 and size1 != 1 and size2 != 1:
            raise IndexingError(
                f"{operation}: shapes {tuple(shape1)} and {tuple(shape2)} do not broadcast: "
                f"aligned at the right, sizes {size1} and {size2} differ and neither is 1; "
                "view or permute one of the tensors"
            )
        result.append(size2 if size1 == 1 else size1)
    return tuple(result)


def broadcasts_to(shape: UserShape, target: UserShape) -> bool:
    """Return whether a tensor of one shape broadcasts to another.

    >>> broadcasts_to((3, 1), (2, 3, 4)), broadcasts_to((2, 3, 4), (3, 1))
    (True, False)
    """
    missing = len(target) - len(shape)
    return missing >= 0 and all(
        size in (1, expected) for size, expected in zip(shape, target[missing:], strict=True)
    )


def broadcast_strides(
    shape: UserShape, own_shape: UserShape, strides: UserStrides
) -> tuple[int, ...]:
    """Return an operand's stride for each dimension of a shape, 0 where it is broadcast.

    Args:
        shape: A shape to which the operand broadcasts.
        own_shape: The operand's shape.
        strides: The operand's strides.

    >>> broadcast_strides((2, 3, 4), (3, 1), (1, 1))
    (0, 1, 0)
    """
    own = tuple(0 if size == 1 else stride for size, stride in zip(own_shape, strides, strict=True))
    return (0,) * (len(shape) - len(own)) + own


def merge_dims(sizes: OutIndex, strides: OutIndex) -> int:
    """Merge the dimensions of one or more layouts of the same shape, in place.

    Two neighbours become one where, in every layout, a step of the first is as long as all steps
    of the second together. Sizes of 1 are left out.

    Args:
        sizes: The shape.
        strides: The strides of all layouts, concatenated.

    Returns:
        The number of dimensions that are left. They are the first entries of `sizes` and of each
        layout's strides; the other entries have no meaning.

    >>> sizes, strides = [2, 3, 4], [12, 4, 1, 0, 4, 1]
    >>> merge_dims(sizes, strides), sizes, strides
    (2, [2, 12, 4], [12, 1, 1, 0, 1, 1])
    """
    dims = len(sizes)
    last = -1
    for dim in range(dims):
        size = sizes[dim]
        if size == 1:
            continue
        joins = last >= 0
        for layout in range(0, len(strides), dims):
            joins = joins and strides[layout + last] == strides[layout + dim] * size
        if joins:
            sizes[last] *= size
        else:
            last += 1
            sizes[last] = size
        for layout in range(0, len(strides), dims):
            strides[layout + last] = strides[layout + dim]
    return last + 1


def merged(
    shape: UserShape, *strides: UserStrides
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Return the same layouts with the fewest dimensions.

    Args:
        shape: The shape of all layouts.
        *strides: The strides of each; see `broadcast_strides`.

    Returns:
        The sizes, and the strides of each layout; no sizes at all for a single element.

    >>> merged((2, 3, 4), (12, 4, 1), (0, 4, 1))
    ((2, 12), ((12, 1), (0, 1)))
    """
    sizes = list(shape)
    steps = [stride for own in strides for stride in own]
    dims, width = merge_dims(sizes, steps), len(sizes)
    each = (steps[layout * width : layout * width + dims] for layout in range(len(strides)))
    return tuple(sizes[:dims]), tuple(tuple(own) for own in each)


def strides_from_shape(shape: UserShape) -> tuple[int, ...]:
    """Return the strides of a row-major tensor without gaps.

    >>> strides_from_shape((2, 3, 4))
    (12, 4, 1)
    """
    strides = [1] * len(shape)
    for dim in range(len(shape) - 2, -1, -1):
        strides[dim] = strides[dim + 1] * shape[dim + 1]
    return tuple(strides)


def is_contiguous(shape: UserShape, strides: UserStrides) -> bool:
    """Return whether elements in row-major order are adjacent in storage.

    The stride of a dimension of size 1 is never used and is ignored. A tensor without elements is
    contiguous.
    """
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size == 0:
            return True
        if size != 1 and stride != expected:
            # A later dimension of size 0 would still make the tensor empty.
            return 0 in shape
        expected *= size
    return True


def span(shape: UserShape, strides: UserStrides) -> int:
    """Return the number of storage elements that a tensor spans, gaps included.

    >>> span((2, 3), (4, 1))
    7
    """
    if 0 in shape:
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


def normalize_dim(dim: int, dims: int, operation: str) -> int:
    """Return a dimension counted from the left; negative ones count from the right.

    Raises:
        IndexingError: The tensor has no such dimension.
        TypeError: The dimension is not an integer.

    >>> normalize_dim(-1, 3, "sum")
    2
    """
    try:
        dim = operator.index(dim)
    except TypeError as error:
        raise TypeError(f"{operation}: dimension {dim!r} must be an integer") from error
    if not -dims <= dim < dims:
        allowed = f"{-dims} to {dims - 1}" if dims else "none: the tensor has no dimensions"
        raise IndexingError(f"{operation}: no dimension {dim}; allowed: {allowed}")
    return dim % dims


def normalize_dims(dim: int | Iterable[int] | None, dims: int, operation: str) -> tuple[int, ...]:
    """Return dimensions as non-negative numbers: all of them for None.

    Raises:
        IndexingError: A dimension does not exist or is named twice.
        TypeError: A dimension is not an integer.
    """
    if dim is None:
        return tuple(range(dims))
    named = as_integers(dim if isinstance(dim, Iterable) else (dim,), operation)
    result = tuple(normalize_dim(d, dims, operation) for d in named)
    if len(set(result)) != len(result):
        raise IndexingError(
            f"{operation}: dimensions {named} contain a dimension twice; list each once"
        )
    return result


def check_shape(shape: UserShape, operation: str) -> tuple[int, ...]:
    """Return a shape as a tuple of ints.

    Raises:
        IndexingError: A size is negative, or there are more than `MAX_DIMS` of them.
        TypeError: It is not a sequence of integers.
    """
    result = as_integers(shape, operation)
    if result and min(result) < 0:
        raise IndexingError(f"{operation}: shape {result} has a negative size; sizes count from 0")
    if len(result) > MAX_DIMS:
        raise IndexingError(
            f"{operation}: {len(result)} dimensions; a tensor has at most {MAX_DIMS}"
        )
    return result


def as_integers(values: Iterable[int], operation: str) -> tuple[int, ...]:
    """Return sizes, strides or dimensions as a tuple of ints.

    Raises:
        TypeError: `values` is a single number, or one of them is a float, even 2.0.
    """
    try:
        return tuple(map(operator.index, values))
    except TypeError as error:
        raise TypeError(
            f"{operation}: {values!r} must be a sequence of integers, such as (2, 3)"
        ) from error


def infer_shape(size: int, shape: UserShape) -> tuple[int, ...]:
    """Return a shape of `size` elements: replace -1, if it occurs, by the size that is missing.

    Raises:
        IndexingError: The product of the sizes is not `size`.

    >>> infer_shape(12, (3, -1))
    (3, 4)
    """
    result = as_integers(shape, "view")
    if result.count(-1) == 1:
        known = math.prod(n for n in result if n != -1)
        if known > 0 and size % known == 0:
            result = tuple(size // known if n == -1 else n for n in result)
    if any(n < 0 for n in result) or math.prod(result) != size:
        raise IndexingError(
            f"view: {size} elements do not fit into shape {tuple(shape)}; the sizes must "
            "multiply up to the number of elements, and one of them may be -1"
        )
    return check_shape(result, "view")
