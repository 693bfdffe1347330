"""Products of matrices and vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mt_autodiff import functions
from mt_autodiff.basic_tensor import BasicTensor, T, TensorLike
from mt_autodiff.composed.apply import apply
from mt_autodiff.composed.shapes import reshape, squeeze, unsqueeze
from mt_tensor import ShapeError


def matmul(a: T, b: TensorLike) -> T:
    """Multiply matrices, or batches of matrices that broadcast, or vectors.

    A vector on the left is a row, one on the right a column; the result lacks this dimension.

    Shape:
        (..., m, k), (..., k, n) → (..., m, n); (k,), (k,) → ().

    Raises:
        ShapeError: An operand has no dimensions, or the inner sizes differ.
        IndexingError: The batch dimensions do not broadcast.
    """
    b = a._operand(b)
    if a.dims == 0 or b.dims == 0:
        raise ShapeError(f"matmul: shapes {a.shape} and {b.shape}; multiply by a number with *")
    left = unsqueeze(a, 0) if a.dims == 1 else a
    right = unsqueeze(b, 1) if b.dims == 1 else b
    product = apply(functions.MatMul, left, right)
    if b.dims == 1:
        product = squeeze(product, -1)
    return squeeze(product, -1 if b.dims == 1 else -2) if a.dims == 1 else product


def mm(a: T, b: T) -> T:
    """Multiply two matrices.

    Shape:
        (m, k), (k, n) → (m, n).

    Raises:
        ShapeError: An operand is not a matrix, or the inner sizes differ.
    """
    _check_dims("mm", 2, a, b)
    return apply(functions.MatMul, a, b)


def bmm(a: T, b: T) -> T:
    """Multiply two batches of matrices.

    Shape:
        (n, m, k), (n, k, p) → (n, m, p).

    Raises:
        ShapeError: An operand is not a batch of matrices, or sizes differ.
    """
    _check_dims("bmm", 3, a, b)
    if a.shape[0] != b.shape[0]:
        raise ShapeError(f"bmm: batches of {a.shape[0]} and {b.shape[0]} matrices; use a @ b")
    return apply(functions.MatMul, a, b)


def dot(a: T, b: T) -> T:
    """Return the sum of the products of two vectors' elements.

    Shape:
        (n,), (n,) → ().

    Raises:
        ShapeError: An operand is not a vector, or the sizes differ.
    """
    _check_dims("dot", 1, a, b)
    return matmul(a, b)


def outer(a: T, b: T) -> T:
    """Return the product of each element of one vector with each of another.

    Shape:
        (m,), (n,) → (m, n).

    Raises:
        ShapeError: An operand is not a vector.
    """
    _check_dims("outer", 1, a, b)
    return unsqueeze(a, 1) * b


def _check_dims(operation: str, dims: int, *operands: BasicTensor) -> None:
    if any(operand.dims != dims for operand in operands):
        shapes = " and ".join(str(operand.shape) for operand in operands)
        raise ShapeError(
            f"{operation}: shapes {shapes}; the operands must have {dims} dimension"
            f"{'s' if dims > 1 else ''}; a @ b multiplies batches of matrices that broadcast"
        )


def einsum(expression: str, *operands: T) -> T:
    """Return sums of products in Einstein's notation, composed of matrix products.

    Each letter names a dimension. A letter that the result lacks is summed over.

    Args:
        expression: The letters of the operands and of the result, ``"bij,bjk->bik"``. Without an
            arrow the result has the letters that occur once, in alphabetical order.
        *operands: One tensor for each group of letters.

    Raises:
        ValueError: The expression is invalid, repeats a letter within an operand (a diagonal) or
            contains an ellipsis.
        ShapeError: The operands do not fit the expression.

    >>> from mt_autodiff import tensor
    >>> a, b = tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([5.0, 6.0])
    >>> einsum("ij,j->i", a, b)
    tensor([17., 39.])
    """
    inputs, output = _parse(expression, operands)
    letters, total = inputs[0], operands[0]
    for position, operand in enumerate(operands[1:], 1):
        needed = set(output).union(*inputs[position + 1 :])
        letters, total = _contract(letters, total, inputs[position], operand, needed)
    total = _sum_over(letters, total, output)
    kept = [letter for letter in letters if letter in output]
    return total.permute([kept.index(letter) for letter in output])


def _parse(expression: str, operands: Sequence[BasicTensor]) -> tuple[list[str], str]:
    """Return the letters of each operand and of the result.

    Raises:
        ValueError: The expression is invalid.
        ShapeError: It does not fit the operands.
    """
    left, arrow, output = expression.replace(" ", "").partition("->")
    inputs = left.split(",")
    every = "".join(inputs)
    if not arrow:
        output = "".join(sorted(letter for letter in set(every) if every.count(letter) == 1))
    groups = [*inputs, output]
    if not all(group.isalpha() or not group for group in groups):
        raise ValueError(
            f"einsum: {expression!r}; use letters, commas and one arrow, as in 'ij,jk->ik'; "
            "name the dimensions that an ellipsis stands for"
        )
    if any(len(set(group)) != len(group) for group in groups):
        raise ValueError(
            f"einsum: {expression!r} repeats a letter within an operand or the result; "
            "take a diagonal with an index of arrays"
        )
    if not set(output) <= set(every):
        raise ValueError(f"einsum: {expression!r}: the result has a letter that no operand has")
    shapes = [operand.shape for operand in operands]
    if len(inputs) != len(shapes) or any(
        len(group) != len(shape) for group, shape in zip(inputs, shapes, strict=False)
    ):
        raise ShapeError(f"einsum: {expression!r} does not fit operands of shapes {shapes}")
    sizes: dict[str, int] = {}
    for group, shape in zip(inputs, shapes, strict=True):
        for letter, size in zip(group, shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ShapeError(
                    f"einsum: {expression!r}: dimension {letter} has sizes {sizes[letter]} and "
                    f"{size}; operands have shapes {shapes}"
                )
    return inputs, output


def _contract(a_letters: str, a: T, b_letters: str, b: T, needed: set[str]) -> tuple[str, T]:
    """Multiply two operands as batches of matrices, and sum over what is no longer needed.

    Returns:
        The letters of the result, and the result.
    """
    a, b = (
        _sum_over(own, x, needed.union(other))
        for own, x, other in ((a_letters, a, b_letters), (b_letters, b, a_letters))
    )
    a_letters, b_letters = (
        "".join(letter for letter in own if letter in needed or letter in other)
        for own, other in ((a_letters, b_letters), (b_letters, a_letters))
    )
    sizes = dict(zip(a_letters + b_letters, a.shape + b.shape, strict=True))
    common = [letter for letter in a_letters if letter in b_letters]
    batch = [letter for letter in common if letter in needed]
    inner = [letter for letter in common if letter not in needed]
    rows = [letter for letter in a_letters if letter not in common]
    columns = [letter for letter in b_letters if letter not in common]

    def matrices(letters: str, x: T, *groups: list[str]) -> T:
        order = [letters.index(letter) for group in (batch, *groups) for letter in group]
        shape = [math.prod(sizes[letter] for letter in group) for group in groups]
        return reshape(x.permute(order), [*(sizes[letter] for letter in batch), *shape])

    product = apply(
        functions.MatMul,
        matrices(a_letters, a, rows, inner),
        matrices(b_letters, b, inner, columns),
    )
    letters = "".join([*batch, *rows, *columns])
    return letters, reshape(product, [sizes[letter] for letter in letters])


def _sum_over(letters: str, x: T, kept: set[str] | str) -> T:
    """Sum over the dimensions whose letters are not kept."""
    dims = [dim for dim, letter in enumerate(letters) if letter not in kept]
    return x.sum(dims, keepdim=False) if dims else x
