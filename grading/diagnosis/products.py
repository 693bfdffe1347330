"""Mistakes in matrix products: tasks 3.2 and 3.4."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles.tensors import unbroadcast
from grading.diagnosis.memory import (
    exchanged_strides,
    in_memory_order,
    strides,
    without_strides,
)
from grading.diagnosis.mistakes import Gradients, Mistake, gradients, modelled, raising
from grading.protocol.messages import Array, Request, Response

TASKS = ("3.2", "3.4")
MATMUL = r"tensor\.matmul"
Product = Callable[[Array, Array], Array]


def product(cause: str, wrong: Product) -> Mistake:
    """Return a mistake in the kernel, which affects the product and both gradients."""

    def model(request: Request) -> Response | None:
        if request.operation == "kernel.run":
            if request.options["kernel"] != "tensor_matrix_multiply":
                return None
            return Response(request, (wrong(*request.arrays[1:]),))
        a, b = request.arrays
        if request.upstream is None:
            return Response(request, (wrong(a, b),))
        upstream = request.upstream
        return Response(
            request,
            (wrong(a, b),),
            (
                unbroadcast(wrong(upstream, b.swapaxes(-1, -2)), a.shape),
                unbroadcast(wrong(a.swapaxes(-1, -2), upstream), b.shape),
            ),
        )

    return modelled(TASKS, cause, r"tensor\.matmul|kernel\.run", model)


def rows_in_a_row(array: Array) -> Array:
    """Return the array that a loop reads if each matrix of a batch counts as contiguous.

    Raises:
        IndexError: An element lies outside the memory.
    """
    memory, steps = in_memory_order(array), strides(array)
    steps[-2:] = array.shape[-1], 1
    positions = np.zeros(array.shape, int)
    for dim, step in enumerate(steps):
        shape = [1] * array.ndim
        shape[dim] = array.shape[dim]
        positions += np.arange(array.shape[dim]).reshape(shape) * step
    read: Array = memory[positions]
    return read


def only_first(finding: Finding) -> bool | None:
    """Return whether only the first matrix of a batch is right; the others are never written."""
    request, response = finding.request, finding.response
    if response is None or not response.arrays or "gradient" in finding.name:
        return None
    if request.operation not in ("tensor.matmul", "kernel.run"):
        return None
    right = np.asarray(request.arrays[-2] @ request.arrays[-1])
    received = response.arrays[0]
    if right.ndim < 3 or right.shape != received.shape or right[..., 0, 0].size < 2:
        return None
    close = np.isclose(received, right, rtol=1e-6, atol=1e-8).all(axis=(-1, -2)).reshape(-1)
    return bool(close[0] and not close[1:].any())


def _of_first_matrices(a: Array, b: Array) -> Array:
    right = np.asarray(a @ b)
    return np.broadcast_to(a[(0,) * (a.ndim - 2)] @ b[(0,) * (b.ndim - 2)], right.shape)


def _advancing_always(request: Request) -> bool:
    """Return whether a batch of one matrix is combined with a larger batch."""
    a, b = request.arrays[-2:]
    return a.shape[:-2] != b.shape[:-2] or 1 in (*a.shape[:-2], *b.shape[:-2])


def _running_sums(a: Array, b: Array) -> Array:
    """Add all earlier products of a row to each sum."""
    return np.cumsum(a @ b, axis=-1)


def _of_first(a: Array, b: Array, number: int) -> Array:
    """Use the first matrix of one operand for the whole batch."""
    operands = [a, b]
    shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    chosen = operands[number]
    first = chosen[(0,) * (chosen.ndim - 2)]
    operands[number] = np.broadcast_to(first, (*shape, *first.shape))
    return np.asarray(operands[0] @ operands[1])


def _by_first_batch(a: Array, b: Array) -> Array:
    """Advance the second batch only where the first operand has several matrices."""
    right = a @ b
    batch = right.shape[:-2]
    own = (1,) * (len(batch) - (a.ndim - 2)) + a.shape[:-2]
    chosen = b.reshape(*(1,) * (len(batch) - (b.ndim - 2)), *b.shape)
    for dim, size in enumerate(own):
        if size == 1:
            chosen = chosen.take([0], axis=dim)
        elif chosen.shape[dim] == 1 < size:
            raise IndexError("the batch of a single matrix advances")
    return np.broadcast_to(a @ chosen, right.shape)


def _exchanged_output(a: Array, b: Array) -> Array:
    """Write each matrix of the result with the strides of rows and columns exchanged."""
    right = np.asarray(a @ b)
    rows, columns = right.shape[-2:]
    if rows != columns:
        raise IndexError("the result is not square")
    return right.swapaxes(-1, -2)


def _short_sums(a: Array, b: Array) -> Array:
    """Add only as many products as the result has columns."""
    return a[..., : b.shape[-1]] @ b[..., : b.shape[-1], :]


def _short_sums_by_rows(a: Array, b: Array) -> Array:
    return a[..., : a.shape[-2]] @ b[..., : a.shape[-2], :]


def _repeated(array: Array, axis: int) -> Array:
    """Return the array whose first entry along an axis stands for all."""
    return np.repeat(array.take([0], axis=axis), array.shape[axis], axis=axis)


def _with(side: int, change: Callable[[Array], Array], a: Array, b: Array) -> Array:
    """Return the product after a change of the first or the second operand."""
    return np.asarray(change(a) @ b if side == 0 else a @ change(b))


def _families() -> Iterator[Mistake]:
    """Yield forgotten indices, wrong operations and wrong bounds of the loops of a product."""
    parts = ((0, -2, "row"), (0, -1, "column"), (1, -2, "row"), (1, -1, "column"))
    for side, axis, word in parts:
        which = "first" if side == 0 else "second"
        yield product(
            f"The {word} of the {which} matrix does not advance: the index is missing.",
            partial(_with, side, partial(_repeated, axis=axis)),
        )
        yield product(
            f"The {word}s of the {which} matrix are read in reverse order.",
            partial(_with, side, partial(np.flip, axis=axis)),
        )
    signs: tuple[tuple[str, Product], ...] = (
        ("The products are subtracted. Add them.", lambda a, b: -(a @ b)),
        ("You add the factors of each product. Multiply them.", _sums),
        ("You divide the factors of each product. Multiply them.", _quotients),
        ("You subtract the factors of each product. Multiply them.", _differences),
        ("Each sum begins with 1. Begin with 0.", lambda a, b: a @ b + 1.0),
        ("Each sum keeps only its first product. Add the products.", _first_products),
        ("Nothing is added: each sum stays 0.", lambda a, b: 0.0 * (a @ b)),
    )
    for cause, wrong in signs:
        yield product(cause, wrong)
    batches: tuple[tuple[str, Callable[[Array], Array]], ...] = (
        ("is read in reverse order", lambda x: x[::-1] if x.ndim > 2 else x),
        ("is transposed: its dimensions are exchanged", _batch_exchanged),
    )
    for words, change in batches:
        for side, which in enumerate(("first", "second")):
            cause = f"The batch of the {which} matrices {words}."
            yield product(cause, partial(_with, side, change))
    for words, part in UNWRITTEN.items():
        cause = f"The {words} of the result is not written: a loop is too short."
        yield Mistake(TASKS, cause, partial(_is_unwritten, part))


def _batch_exchanged(x: Array) -> Array:
    if x.ndim < 4 or x.shape[0] != x.shape[1]:
        return x
    return x.swapaxes(0, 1)


def _sums(a: Array, b: Array) -> Array:
    return np.asarray((a[..., :, :, None] + b[..., None, :, :]).sum(axis=-2))


def _differences(a: Array, b: Array) -> Array:
    return np.asarray((a[..., :, :, None] - b[..., None, :, :]).sum(axis=-2))


def _quotients(a: Array, b: Array) -> Array:
    return np.asarray((a[..., :, :, None] / b[..., None, :, :]).sum(axis=-2))


def _first_products(a: Array, b: Array) -> Array:
    return np.asarray(a[..., :1] @ b[..., :1, :])


UNWRITTEN: Mapping[str, tuple[int, int]] = {
    "last row": (-2, -1),
    "first row": (-2, 0),
    "last column": (-1, -1),
    "first column": (-1, 0),
}
"""Parts of a matrix: the dimension, and the index in it."""


def _is_unwritten(part: tuple[int, int], finding: Finding) -> bool | None:
    """Return whether only one row or column of the result is wrong, and all of it."""
    request, response = finding.request, finding.response
    if request.operation not in ("tensor.matmul", "kernel.run") or response is None:
        return None
    if not response.arrays or "gradient" in finding.name:
        return None
    received, right = response.arrays[0], np.asarray(request.arrays[-2] @ request.arrays[-1])
    axis, index = part
    if received.shape != right.shape or right.shape[axis] < 2:
        return None
    wrong = ~np.isclose(received, right, rtol=1e-6, atol=1e-8)
    inside = np.zeros(right.shape, bool)
    np.moveaxis(inside, axis, 0)[index] = True
    return bool(wrong[inside].any() and not wrong[~inside].any())


def _averaged(a: Array, b: Array, up: Array) -> Gradients:
    found = []
    for own, full in ((a, up @ b.swapaxes(-1, -2)), (b, a.swapaxes(-1, -2) @ up)):
        found.append(unbroadcast(np.asarray(full), own.shape) * own.size / full.size)
    return found[0], found[1]


SINGLE = "The batch index of a single matrix advances. Keep it at 0 where the batch has size 1."

MISTAKES = [
    product(
        "The strides of the second matrix are ignored: you read it as if it were contiguous.",
        lambda a, b: a @ without_strides(b),
    ),
    product(
        "The strides of the second matrix are ignored: you read it as if it were contiguous.",
        lambda a, b: a @ rows_in_a_row(b),
    ),
    product(
        "The strides of the first matrix are ignored: you read it as if it were contiguous.",
        lambda a, b: without_strides(a) @ b,
    ),
    product(
        "The strides of the first matrix are ignored: you read it as if it were contiguous.",
        lambda a, b: rows_in_a_row(a) @ b,
    ),
    product(
        "The strides of both matrices are ignored: you read them as if they were contiguous.",
        lambda a, b: without_strides(a) @ without_strides(b),
    ),
    product(
        "The strides of both matrices are ignored: you read them as if they were contiguous.",
        lambda a, b: rows_in_a_row(a) @ rows_in_a_row(b),
    ),
    product(
        "The strides of rows and columns of the second matrix are exchanged.",
        lambda a, b: a @ exchanged_strides(b),
    ),
    product(
        "The strides of rows and columns of the first matrix are exchanged.",
        lambda a, b: exchanged_strides(a) @ b,
    ),
    product("Each sum lacks its last product.", lambda a, b: a[..., :-1] @ b[..., :-1, :]),
    product("Each sum lacks its first product.", lambda a, b: a[..., 1:] @ b[..., 1:, :]),
    product(
        "Each sum keeps only its last product. Add the products.",
        lambda a, b: a[..., -1:] @ b[..., -1:, :],
    ),
    Mistake(TASKS, "You multiply only the first matrix of the batch.", only_first),
    product("You multiply the first matrices for every entry of the batch.", _of_first_matrices),
    raising(TASKS, SINGLE, MATMUL, "IndexError", _advancing_always),
    product(
        "You use the first matrix of the first batch for every entry of the result.",
        lambda a, b: _of_first(a, b, 0),
    ),
    product(
        "You use the first matrix of the second batch for every entry of the result.",
        lambda a, b: _of_first(a, b, 1),
    ),
    product(
        "The batch of the second matrix advances only where the first one has a batch.",
        _by_first_batch,
    ),
    product("The sum continues from column to column. Begin each sum with 0.", _running_sums),
    product(
        "Each sum ends with the number of columns of the result. End it with the number of terms.",
        _short_sums,
    ),
    product(
        "Each sum ends with the number of rows of the result. End it with the number of terms.",
        _short_sums_by_rows,
    ),
    product(
        "The result is written transposed: the strides of its rows and columns are exchanged.",
        _exchanged_output,
    ),
    product(
        "You read the second matrix transposed: its rows and columns are exchanged.",
        lambda a, b: a @ b.swapaxes(-1, -2),
    ),
    *_families(),
    gradients(
        TASKS,
        "The gradient of a matrix that is broadcast is averaged over the batch. Add it up.",
        MATMUL,
        _averaged,
    ),
    gradients(
        TASKS,
        "The second matrix is not transposed in the gradient of the first.",
        MATMUL,
        lambda a, b, up: (unbroadcast(up @ b, a.shape), None),
    ),
    gradients(
        TASKS,
        "The first matrix is not transposed in the gradient of the second.",
        MATMUL,
        lambda a, b, up: (None, unbroadcast(a @ up, b.shape)),
    ),
]
