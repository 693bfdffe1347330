"""Functions of several tensors, and of tensors and arrays."""

from collections.abc import Sequence

import numpy.typing as npt

from mt_autodiff import functions
from mt_autodiff.fusing import fused
from mt_autodiff.indexing import as_positions
from mt_autodiff.tensor import Tensor
from mt_tensor import ShapeError
from mt_tensor.fused import operations
from mt_tensor.layout import as_integers, normalize_dim


def concatenate(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Concatenate tensors along a dimension.

    Args:
        tensors: One tensor or more, with equal sizes in all other dimensions.
        dim: The dimension; negative ones count from the right.

    Shape:
        (..., a, ...), (..., b, ...), … → (..., a + b + …, ...).

    Raises:
        ShapeError: The sequence is empty, or sizes of other dimensions differ.
        TypeError: An item is not a tensor.
        IndexingError: There is no such dimension.

    >>> from mt_autodiff import ones, zeros
    >>> concatenate([zeros((2, 1)), ones((2, 2))], dim=1)
    tensor([[0., 1., 1.],
            [0., 1., 1.]])
    """
    for t in tensors:
        if not isinstance(t, Tensor):
            raise TypeError(
                f"concatenate: {type(t).__name__} is not a tensor; make one with "
                "mt_autodiff.tensor()"
            )
    if len(tensors) == 0:
        raise ShapeError("concatenate: the sequence is empty; pass at least one tensor")
    first = tensors[0].shape
    at = normalize_dim(dim, len(first), "concatenate")
    others = [(*t.shape[:at], *t.shape[at + 1 :]) for t in tensors]
    if any(len(t.shape) != len(first) for t in tensors) or len(set(others)) != 1:
        raise ShapeError(
            f"concatenate: shapes {[t.shape for t in tensors]} must be equal except in dimension "
            f"{at}"
        )
    result: Tensor = functions.Concatenate.apply(*tensors, at)
    return result


cat = concatenate


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Combine tensors of one shape along a new dimension.

    Args:
        tensors: One tensor or more.
        dim: The position of the new dimension.

    Shape:
        (..., ...), (..., ...), … → (..., count, ...).

    Raises:
        ShapeError: The sequence is empty, or the shapes differ.
        TypeError: An item is not a tensor.
        IndexingError: The position is not from -dims - 1 to dims.

    >>> from mt_autodiff import tensor
    >>> stack([tensor([1, 2]), tensor([3, 4])], dim=1)
    tensor([[1., 3.],
            [2., 4.]])
    """
    shapes = [t.shape for t in tensors if isinstance(t, Tensor)]
    if len(set(shapes)) > 1:
        raise ShapeError(f"stack: shapes {shapes} must be equal; concatenate joins along one")
    rows = [t.unsqueeze(dim) if isinstance(t, Tensor) else t for t in tensors]
    return concatenate(rows, dim)


def pad(x: Tensor, widths: Sequence[tuple[int, int]]) -> Tensor:
    """Add zeros before and after the elements.

    Args:
        x: The tensor.
        widths: For each dimension the number of zeros before and after.

    Shape:
        (a, b, …) → (before + a + after, …).

    Raises:
        ShapeError: The number of pairs is not the number of dimensions, or a width is negative.
        TypeError: A width is not an integer.
    """
    pairs = tuple(as_integers(pair, "pad: widths") for pair in widths)
    if (
        any(len(pair) != 2 for pair in pairs)
        or len(pairs) != x.dims
        or any(n < 0 for pair in pairs for n in pair)
    ):
        raise ShapeError(
            f"pad: widths {pairs} for shape {x.shape}; pass one pair (before, after) of widths "
            "for each dimension, none negative"
        )
    result: Tensor = functions.Pad.apply(x, pairs)
    return result


@fused(operations.TAKE)
def take(table: Tensor, indices: Tensor | npt.ArrayLike) -> Tensor:
    """Return rows of a table by index.

    Args:
        table: The rows.
        indices: Integers from 0 to rows - 1, of any shape; a tensor's are whole numbers.

    Shape:
        (rows, width), (...) → (..., width).

    Raises:
        ShapeError: The table does not have two dimensions.
        TypeError: The indices are not integers.
        IndexError: An index is out of range.
    """
    # A copy: the caller may change the array before the backward pass.
    numbers = as_positions(indices, "take")
    if table.dims != 2:
        raise ShapeError(f"take: shape {table.shape} is not a table (rows, width)")
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < table.shape[0]:
        raise IndexError(
            f"take: indices from {numbers.min()} to {numbers.max()}; "
            f"the table has rows 0 to {table.shape[0] - 1}"
        )
    result: Tensor = functions.Take.apply(table, numbers)
    return result


def conv1d(input: Tensor, weight: Tensor, reverse: bool = False, size: int | None = None) -> Tensor:
    """Convolve sequences with kernels, see `mt_tensor.Backend.convolve`.

    Shape:
        (N, C, W), (O, C, K) → (N, O, size), by default size = W.
    """
    sizes = None if size is None else (size,)
    result: Tensor = functions.Conv1dFun.apply(input, weight, reverse, sizes)
    return result


def conv2d(
    input: Tensor,
    weight: Tensor,
    reverse: bool = False,
    size: tuple[int, int] | None = None,
) -> Tensor:
    """Convolve images with kernels, see `mt_tensor.Backend.convolve`.

    Shape:
        (N, C, H, W), (O, C, KH, KW) → (N, O, *size), by default size = (H, W).
    """
    result: Tensor = functions.Conv2dFun.apply(input, weight, reverse, size)
    return result
