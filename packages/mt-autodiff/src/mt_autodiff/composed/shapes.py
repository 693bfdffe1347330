"""Operations that change the shape or the order of elements."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from mt_autodiff import functions
from mt_autodiff.basic_tensor import BasicTensor, T, sizes_of
from mt_autodiff.composed.apply import apply, constant
from mt_autodiff.composed.elementwise import where
from mt_tensor import ShapeError
from mt_tensor.layout import as_integers, infer_shape, normalize_dim, normalize_dims


def reshape(x: T, *shape: int | Sequence[int]) -> T:
    """Return the elements in another shape: a view if the tensor is contiguous, else a copy.

    Args:
        x: The tensor.
        *shape: The sizes, one by one or as a sequence; one of them may be -1.

    Raises:
        IndexingError: The sizes do not multiply up to the number of elements.
    """
    return x.contiguous().view(infer_shape(x.data.size, sizes_of(shape)))


def flatten(x: T, start_dim: int = 0, end_dim: int = -1) -> T:
    """Merge the dimensions from `start_dim` to `end_dim`, this one included.

    Shape:
        (..., a, ..., b, ...) → (..., a · … · b, ...); a tensor without dimensions → (1,).

    Raises:
        IndexingError: A dimension does not exist.
        ShapeError: The last dimension is before the first.
    """
    if x.dims == 0:
        return x.view(1)
    start = normalize_dim(start_dim, x.dims, "flatten")
    end = normalize_dim(end_dim, x.dims, "flatten")
    if end < start:
        raise ShapeError(
            f"flatten: start_dim {start_dim} is after end_dim {end_dim} for shape {x.shape}"
        )
    merged = math.prod(x.shape[start : end + 1])
    return reshape(x, *x.shape[:start], merged, *x.shape[end + 1 :])


def transpose(x: T, dim0: int, dim1: int) -> T:
    """Return a view with two dimensions exchanged; `permute` takes a whole order.

    Raises:
        IndexingError: A dimension does not exist.
    """
    order = list(range(x.dims))
    a, b = (normalize_dim(dim, x.dims, "transpose") for dim in (dim0, dim1))
    order[a], order[b] = b, a
    return x.permute(order)


def t(x: T) -> T:
    """Return the transposed matrix, a view; a vector unchanged.

    Raises:
        ShapeError: The tensor has more than two dimensions.
    """
    if x.dims > 2:
        raise ShapeError(
            f"t: shape {x.shape} is not a matrix; transpose(-2, -1) transposes each of a batch"
        )
    return x.permute(range(x.dims)[::-1])


def squeeze(x: T, dim: int | Iterable[int] | None = None) -> T:
    """Return a view without all dimensions of size 1, or without those of some dimensions.

    Raises:
        IndexingError: A dimension does not exist or is named twice.
    """
    dims = normalize_dims(dim, x.dims, "squeeze")
    # Slice directly: an index of numbers alone would return a number.
    key = tuple(0 if d in dims and n == 1 else slice(None) for d, n in enumerate(x.shape))
    return apply(functions.Slice, x, key)


def unsqueeze(x: T, dim: int) -> T:
    """Return a view with a new dimension of size 1 at a position.

    Raises:
        IndexingError: The position is not from -dims - 1 to dims.

    >>> from mt_autodiff import zeros
    >>> zeros(2, 3).unsqueeze(-1).shape
    (2, 3, 1)
    """
    at = normalize_dim(dim, x.dims + 1, "unsqueeze")
    view: T = x[(slice(None),) * at + (None, ...)]
    return view


def expand_as(x: T, other: BasicTensor) -> T:
    """Return a view that broadcasts this tensor to another's shape."""
    return x.expand(other.shape)


def repeat(x: T, *counts: int | Sequence[int]) -> T:
    """Repeat the tensor along each dimension; NumPy calls this ``tile``.

    Args:
        x: The tensor.
        *counts: A number for each dimension; more numbers add dimensions at the left.

    Shape:
        (a, b, …) → (count · a, count · b, …).

    Raises:
        ShapeError: There are fewer numbers than dimensions, or one is negative.
    """
    times = as_integers(sizes_of(counts), "repeat")
    if len(times) < x.dims or any(n < 0 for n in times):
        raise ShapeError(
            f"repeat: counts {times} for shape {x.shape}; pass one for each dimension, none "
            "negative"
        )
    own = (1,) * (len(times) - x.dims) + x.shape
    # Each dimension gets one of size 1 before it, which is expanded.
    apart = reshape(x, [n for size in own for n in (1, size)])
    wide = apart.expand([n for pair in zip(times, own, strict=True) for n in pair])
    return reshape(wide, [n * size for n, size in zip(times, own, strict=True)])


def split(x: T, sizes: int | Sequence[int], dim: int = 0) -> tuple[T, ...]:
    """Return views of consecutive parts along a dimension.

    Args:
        x: The tensor.
        sizes: The size of every part, of which the last may be smaller; or one size for each part.
            (NumPy's ``split`` takes the number of parts: that is `chunk`.)
        dim: The dimension.

    Raises:
        IndexingError: There is no such dimension.
        ShapeError: A size is not positive, or the sizes do not add up to the dimension.

    >>> from mt_autodiff import tensor
    >>> tensor([1, 2, 3, 4, 5]).split(2)
    (tensor([1., 2.]), tensor([3., 4.]), tensor([5.]))
    """
    at = normalize_dim(dim, x.dims, "split")
    total = x.shape[at]
    if isinstance(sizes, int):
        if sizes < 1:
            raise ShapeError(f"split: size {sizes}; the parts must have at least one element")
        ends = [*range(sizes, total, sizes), total]
    else:
        parts = as_integers(sizes, "split")
        if sum(parts) != total or any(n < 0 for n in parts):
            raise ShapeError(
                f"split: sizes {parts} add up to {sum(parts)}, and dimension {at} of shape "
                f"{x.shape} has {total}; they must be equal"
            )
        ends = [sum(parts[: i + 1]) for i in range(len(parts))]
    every = (slice(None),) * at
    return tuple(
        x[(*every, slice(start, end))] for start, end in zip([0, *ends], ends, strict=False)
    )


def chunk(x: T, chunks: int, dim: int = 0) -> tuple[T, ...]:
    """Return views of at most `chunks` parts of equal size along a dimension; the last is smaller.

    Raises:
        IndexingError: There is no such dimension.
        ShapeError: The number of parts is not positive.
    """
    if chunks < 1:
        raise ShapeError(f"chunk: {chunks} parts; there must be at least one")
    size = x.shape[normalize_dim(dim, x.dims, "chunk")]
    return split(x, max(1, -(-size // chunks)), dim)


def unbind(x: T, dim: int = 0) -> tuple[T, ...]:
    """Return views of the slices along a dimension, which each lacks.

    Raises:
        IndexingError: There is no such dimension.
    """
    at = normalize_dim(dim, x.dims, "unbind")
    every = (slice(None),) * at
    return tuple(apply(functions.Slice, x, (*every, i)) for i in range(x.shape[at]))


def flip(x: T, *dims: int | Sequence[int]) -> T:
    """Return a copy with the order along some dimensions reversed.

    Raises:
        IndexingError: A dimension does not exist or is named twice.
    """
    for dim in normalize_dims(sizes_of(dims), x.dims, "flip"):
        backward = np.arange(x.shape[dim])[::-1]
        x = apply(functions.Index, x, (slice(None),) * dim + (backward,))
    return x


def roll(x: T, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> T:
    """Move the elements along dimensions; those moved beyond the end are put at the beginning.

    Args:
        x: The tensor.
        shifts: The number of places, for each dimension.
        dims: The dimensions; None moves in row-major order through the whole tensor.

    Raises:
        ShapeError: The numbers of shifts and of dimensions differ.
        IndexingError: A dimension does not exist or is named twice.
    """
    if dims is None:
        return reshape(roll(reshape(x, -1), shifts, 0), x.shape)
    steps = (shifts,) if isinstance(shifts, int) else as_integers(shifts, "roll")
    along = normalize_dims(dims, x.dims, "roll")
    if len(steps) != len(along):
        raise ShapeError(
            f"roll: {len(steps)} shifts for {len(along)} dimensions; pass one shift for each"
        )
    for step, dim in zip(steps, along, strict=True):
        size = x.shape[dim]
        if size and step % size:
            head, tail = split(x, [size - step % size, step % size], dim)
            x = apply(functions.Concatenate, tail, head, dim)
    return x


def tril(x: T, diagonal: int = 0) -> T:
    """Return matrices with the elements above a diagonal replaced by 0.

    Args:
        x: The matrices.
        diagonal: The last diagonal that stays: 0 is the main one, positive ones are above it.

    Shape:
        (..., m, n) → (..., m, n).

    Raises:
        ShapeError: The tensor has fewer than two dimensions.
    """
    return where(_triangle(x, diagonal, "tril"), x, 0.0)


def triu(x: T, diagonal: int = 0) -> T:
    """Return matrices with the elements below a diagonal replaced by 0; see `tril`."""
    return where(_triangle(x, diagonal - 1, "triu"), 0.0, x)


def _triangle(x: T, diagonal: int, operation: str) -> T:
    """Return 1 on a diagonal and below it, else 0."""
    if x.dims < 2:
        raise ShapeError(f"{operation}: shape {x.shape} is not a matrix (..., m, n)")
    return constant(x, np.tri(x.shape[-2], x.shape[-1], k=diagonal))
