"""Mistakes in matrix products: tasks 3.2 and 3.4."""

from collections.abc import Callable

import numpy as np

from grading.checking.oracles.tensors import unbroadcast
from grading.diagnosis.memory import in_memory_order, strides, without_strides
from grading.diagnosis.mistakes import Mistake, modelled
from grading.protocol.messages import Array, Request, Response

TASKS = ("3.2", "3.4")
Product = Callable[[Array, Array], Array]
Gradients = tuple[Array | None, Array | None]


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


def gradients(cause: str, wrong: Callable[[Array, Array, Array], Gradients]) -> Mistake:
    """Return a mistake in one gradient; `wrong` gets both operands and the upstream gradient."""

    def model(request: Request) -> Response | None:
        if request.upstream is None:
            return None
        a, b = request.arrays
        return Response(request, gradients=wrong(a, b, request.upstream))

    return modelled(TASKS, cause, r"tensor\.matmul", model)


def exchanged_strides(array: Array) -> Array:
    """Return the matrices that a loop reads if the last two strides are exchanged.

    Raises:
        IndexError: An element lies outside the memory.
    """
    memory, steps = in_memory_order(array), strides(array)
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
    """Return the part that a loop reads of a zero-padded tile whose indices are exchanged."""
    rows, columns = b.shape[-2:]
    side = max(rows, columns)
    tile = np.zeros((*b.shape[:-2], side, side))
    tile[..., :rows, :columns] = b
    return tile.swapaxes(-1, -2)[..., :rows, :columns]


MISTAKES = [
    product(
        "The strides of the second matrix are ignored: you read it as if it were contiguous.",
        lambda a, b: a @ without_strides(b),
    ),
    product(
        "The strides of the first matrix are ignored: you read it as if it were contiguous.",
        lambda a, b: without_strides(a) @ b,
    ),
    product(
        "The strides of both matrices are ignored: you read them as if they were contiguous.",
        lambda a, b: without_strides(a) @ without_strides(b),
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
    product("You multiply only the first matrix of the batch.", _first_of_batch),
    product("You multiply the first matrices for every entry of the batch.", _of_first_matrices),
    product(
        "You read the second matrix transposed: its rows and columns are exchanged.",
        lambda a, b: a @ b.swapaxes(-1, -2),
    ),
    product(
        "You read the second tile with its row and column exchanged.",
        lambda a, b: a @ _transposed_tile(b),
    ),
    product(
        "Only the first tile of 32 terms is added up. The loop over tiles ends too early.",
        lambda a, b: a[..., :32] @ b[..., :32, :],
    ),
    product(
        "Only the first tile of 16 terms is added up. The loop over tiles ends too early.",
        lambda a, b: a[..., :16] @ b[..., :16, :],
    ),
    gradients(
        "The second matrix is not transposed in the gradient of the first.",
        lambda a, b, up: (unbroadcast(up @ b, a.shape), None),
    ),
    gradients(
        "The first matrix is not transposed in the gradient of the second.",
        lambda a, b, up: (None, unbroadcast(a @ up, b.shape)),
    ),
]
