"""Mistakes in matrix products: tasks 3.2 and 3.4."""

from collections.abc import Callable

import numpy as np

from grading.checking.oracles.tensors import unbroadcast
from grading.diagnosis.memory import cells, strides, without_strides
from grading.diagnosis.mistakes import Mistake, modelled
from grading.protocol.messages import Array, Request, Response

TASKS = ("3.2", "3.4")
Product = Callable[[Array, Array], Array]


def product(cause: str, wrong: Product) -> Mistake:
    """Return a mistake in the kernel: it is made again in both gradients."""

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


def gradients(cause: str, wrong: Callable[[Array, Array, Array], tuple[Array, Array]]) -> Mistake:
    """Return a mistake in the gradients alone: of both operands and what arrives."""

    def model(request: Request) -> Response | None:
        if request.upstream is None:
            return None
        a, b = request.arrays
        return Response(request, gradients=wrong(a, b, request.upstream))

    return modelled(TASKS, cause, r"tensor\.matmul", model)


def exchanged_strides(array: Array) -> Array:
    """Return what is read of matrices when the steps to the right and down are exchanged.

    Raises:
        IndexError: An element lies outside of the memory.
    """
    memory, steps = cells(array), strides(array)
    steps[-1], steps[-2] = steps[-2], steps[-1]
    positions = sum(
        np.arange(size).reshape(-1, *(1,) * (array.ndim - dim - 1)) * step
        for dim, (size, step) in enumerate(zip(array.shape, steps, strict=True))
    )
    read: Array = memory[np.broadcast_to(positions, array.shape)]
    return read


def _first_of_batch(a: Array, b: Array) -> Array:
    out = np.zeros((a[..., :1] @ b[..., :1, :]).shape)
    first = (0,) * (out.ndim - 2)
    a_first = a[(0,) * (a.ndim - 2)]
    b_first = b[(0,) * (b.ndim - 2)]
    out[first] = a_first @ b_first
    return out


def _of_first_matrices(a: Array, b: Array) -> Array:
    right = np.asarray(a @ b)
    return np.broadcast_to(a[(0,) * (a.ndim - 2)] @ b[(0,) * (b.ndim - 2)], right.shape)


def _transposed_tile(b: Array) -> Array:
    """Return what a tile, filled up with zeros, holds when its indices are exchanged."""
    rows, columns = b.shape[-2:]
    side = max(rows, columns)
    tile = np.zeros((*b.shape[:-2], side, side))
    tile[..., :rows, :columns] = b
    return tile.swapaxes(-1, -2)[..., :rows, :columns]


MISTAKES = [
    product(
        "the strides of the second matrix are ignored, as if it were contiguous",
        lambda a, b: a @ without_strides(b),
    ),
    product(
        "the strides of the first matrix are ignored, as if it were contiguous",
        lambda a, b: without_strides(a) @ b,
    ),
    product(
        "the strides of both matrices are ignored, as if they were contiguous",
        lambda a, b: without_strides(a) @ without_strides(b),
    ),
    product(
        "the strides of rows and columns of the second matrix are exchanged",
        lambda a, b: a @ exchanged_strides(b),
    ),
    product(
        "the strides of rows and columns of the first matrix are exchanged",
        lambda a, b: exchanged_strides(a) @ b,
    ),
    product("the last product of each sum is left out", lambda a, b: a[..., :-1] @ b[..., :-1, :]),
    product("the first product of each sum is left out", lambda a, b: a[..., 1:] @ b[..., 1:, :]),
    product(
        "only the last product of each sum counts: it is overwritten, not added",
        lambda a, b: a[..., -1:] @ b[..., -1:, :],
    ),
    product("only the first matrix of the batch is multiplied", _first_of_batch),
    product("every matrix of the batch is made of the first matrices", _of_first_matrices),
    product(
        "the second matrix is read transposed: its rows and columns are exchanged",
        lambda a, b: a @ b.swapaxes(-1, -2),
    ),
    product(
        "the second tile is read with its row and its column exchanged",
        lambda a, b: a @ _transposed_tile(b),
    ),
    product(
        "only the first tile of 32 terms is added up: the loop over tiles ends too early",
        lambda a, b: a[..., :32] @ b[..., :32, :],
    ),
    product(
        "only the first tile of 16 terms is added up: the loop over tiles ends too early",
        lambda a, b: a[..., :16] @ b[..., :16, :],
    ),
    gradients(
        "the second matrix is not transposed in the gradient of the first",
        lambda a, b, up: (unbroadcast(up @ b, a.shape), np.full(b.shape, np.nan)),
    ),
    gradients(
        "the first matrix is not transposed in the gradient of the second",
        lambda a, b, up: (np.full(a.shape, np.nan), unbroadcast(a @ up, b.shape)),
    ),
]
