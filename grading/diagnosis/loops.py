"""Mistakes in map, zip and reduce, on whichever backend: tasks 2.3, 3.1 and 3.3."""

from collections.abc import Callable

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles.programs import PARTIALS, VALUES
from grading.checking.oracles.tensors import unbroadcast
from grading.diagnosis.memory import paired, read, without_strides
from grading.diagnosis.mistakes import Mistake, modelled, result
from grading.protocol.messages import Array, Request, Response

TASKS = ("2.3", "3.1", "3.3")
Reader = Callable[[tuple[int, ...], Array], float]
"""Reads what a loop takes from an operand for an index of the result."""


def _right(index: tuple[int, ...], operand: Array) -> float:
    return read(operand, paired(index, operand.shape))


def _called(request: Request) -> tuple[str, list[Array], tuple[int, ...]] | None:
    """Return the formula of a map or a zip, its operands, and the shape of the result."""
    if request.operation == "kernel.run":
        fn = request.options.get("fn")
        if fn not in VALUES or request.options["kernel"] == "tensor_reduce":
            return None
        return fn, list(request.arrays[1:]), request.arrays[0].shape
    name = request.operation.removeprefix("tensor.")
    if name not in VALUES or request.upstream is not None:
        return None
    arrays = list(request.arrays)
    return name, arrays, np.broadcast_shapes(*(array.shape for array in arrays))


def elementwise(cause: str, *readers: Reader, operands: int) -> Mistake:
    """Return a mistake in where a loop reads its operands.

    Args:
        cause: As in `Mistake`.
        *readers: How each operand is read.
        operands: How many operands the loop has.
    """

    def model(request: Request) -> Response | None:
        called = _called(request)
        if called is None or len(called[1]) != operands:
            return None
        name, arrays, shape = called
        if name in ("sub", "div", "gt"):  # They are made of other functions.
            return None
        out = np.empty(shape)
        for index in np.ndindex(*shape):
            numbers = [reader(index, array) for reader, array in zip(readers, arrays, strict=True)]
            out[index] = VALUES[name](*numbers)
        return result(request, out)

    return modelled(TASKS, cause, r"tensor\..*|kernel\.run", model)


def backward(cause: str, wrong: Callable[[Array, Array], tuple[Array, Array]]) -> Mistake:
    """Return a mistake in the zip of an operand and the gradient that arrives.

    Args:
        cause: As in `Mistake`.
        wrong: What the loop reads of both.
    """

    def model(request: Request) -> Response | None:
        name = request.operation.removeprefix("tensor.")
        if request.upstream is None or name not in ("relu", "log", "mul"):
            return None
        if name == "mul":
            gradients: list[Array | None] = []
            for own, other in (request.arrays, request.arrays[::-1]):
                x, up = wrong(other, request.upstream)
                gradients.append(unbroadcast(x * up, own.shape))
            return Response(request, gradients=tuple(gradients))
        x, up = wrong(request.arrays[0], request.upstream)
        slope = np.vectorize(lambda number: PARTIALS[name](number)[0], otypes=[np.float64])
        return Response(request, gradients=(slope(x) * up,))

    return modelled(TASKS, cause, r"tensor\..*", model)


def _contiguous(index: tuple[int, ...], operand: Array) -> float:
    """Read an operand as if it were contiguous."""
    return float(without_strides(operand)[tuple(paired(index, operand.shape))])


def _unbroadcast(index: tuple[int, ...], operand: Array) -> float:
    """Read an operand at the result's own index."""
    return read(operand, index)


def _first_elsewhere(index: tuple[int, ...], operand: Array) -> float:
    """Read an operand with the strides of all dimensions, lined up at the left."""
    return read(operand, [0 if n == 1 else i for i, n in zip(index, operand.shape, strict=False)])


def with_first_index(request: Request) -> Response | None:
    """Read the second operand where the first one is read."""
    called = _called(request)
    if called is None or len(called[1]) != 2 or called[0] in ("sub", "div", "gt"):
        return None
    name, (a, b), shape = called
    out = np.empty(shape)
    for index in np.ndindex(*shape):
        own = paired(index, a.shape)
        if len(own) < b.ndim:
            raise IndexError("the index of the first operand is too short")
        out[index] = VALUES[name](read(a, own), read(b, own))
    return result(request, out)


def _ordinal(index: tuple[int, ...], shape: tuple[int, ...], operand: Array) -> float:
    memory = np.ascontiguousarray(without_strides(operand)).reshape(-1)
    return float(memory[int(np.ravel_multi_index(index, shape)) % memory.size])


def by_ordinal(request: Request) -> Response | None:
    """Read every operand cell by cell, whatever its shape and strides."""
    called = _called(request)
    if called is None or called[0] in ("sub", "div", "gt"):
        return None
    name, arrays, shape = called
    out = np.empty(shape)
    for index in np.ndindex(*shape):
        out[index] = VALUES[name](*(_ordinal(index, shape, array) for array in arrays))
    return result(request, out)


def reduction(cause: str, wrong: Callable[[Array, float, bool], float]) -> Mistake:
    """Return a mistake in folding: of the elements, what folding begins with, whether it adds."""

    def model(request: Request) -> Response | None:
        options = request.options
        if request.upstream is not None:
            return None
        if request.operation == "kernel.run":
            if options["kernel"] != "tensor_reduce":
                return None
            start, x = request.arrays
            (dim,) = options["more"]
            adds = True
        elif request.operation in ("tensor.sum", "tensor.all"):
            adds = request.operation == "tensor.sum"
            x, dim = request.arrays[0], options.get("dim")
            if dim is None:
                folded = wrong(x.reshape(-1), 0.0 if adds else 1.0, adds)
                return result(request, np.array([folded]))
            start = np.full((*x.shape[:dim], 1, *x.shape[dim + 1 :]), 0.0 if adds else 1.0)
        else:
            return None
        rows = np.moveaxis(x, dim, -1)
        begin = np.moveaxis(start, dim, -1)[..., 0]
        out = np.empty(begin.shape)
        for index in np.ndindex(*begin.shape):
            out[index] = wrong(rows[index], float(begin[index]), adds)
        return result(request, np.expand_dims(out, dim))

    return modelled(TASKS, cause, r"tensor\.(sum|all)|kernel\.run", model)


def _fold(xs: Array, start: float, adds: bool) -> float:
    return float(start + xs.sum() if adds else start * xs.prod())


def without_the_strides_of_reduce(request: Request) -> Response | None:
    """Fold a tensor as if it were contiguous."""
    if request.operation != "tensor.sum" or "dim" not in request.options:
        return None
    x = without_strides(request.arrays[0])
    return result(request, x.sum(axis=request.options["dim"], keepdims=True))


def average(cause: str, wrong: Callable[[Array, int], Array]) -> Mistake:
    """Return a mistake in the mean over a dimension."""

    def model(request: Request) -> Response | None:
        if "dim" not in request.options or request.upstream is not None:
            return None
        return result(request, wrong(request.arrays[0], request.options["dim"]))

    return modelled(("2.3",), cause, r"tensor\.mean", model)


def number(operation: str, cause: str, wrong: Callable[[Array, float], Array]) -> Mistake:
    """Return a mistake in arithmetic with plain numbers."""

    def model(request: Request) -> Response:
        return result(request, wrong(request.arrays[0], request.options["number"]))

    return modelled(("2.3",), cause, rf"tensor\.{operation}", model)


def written_beside(finding: Finding) -> bool | None:
    """Return whether a kernel wrote to cells around its output."""
    if finding.request.operation != "kernel.run" or finding.answer is None:
        return None
    return "beside" in finding.sentence or None


def not_parallel(finding: Finding) -> bool | None:
    """Return whether the main loop is not parallel."""
    if finding.request.operation != "source.work":
        return None
    return True


def differs_from_call_to_call(finding: Finding) -> bool | None:
    """Return whether the same call gave several answers."""
    if finding.request.operation != "kernel.repeat" or finding.answer is None:
        return None
    outputs = finding.answer.arrays[0]
    return bool((outputs != outputs[0]).any())


MISTAKES = [
    Mistake(
        ("3.1", "3.2", "4.1", "4.2"),
        "the main loop is a plain `range`: write `prange`, and compile with `parallel=True`",
        not_parallel,
    ),
    Mistake(
        ("3.1", "3.2", "4.1", "4.2"),
        "threads share an array or a cell that each of them writes: make index buffers inside "
        "of the parallel loop",
        differs_from_call_to_call,
    ),
    elementwise(
        "the operand's strides are ignored, as if it were contiguous", _contiguous, operands=1
    ),
    elementwise(
        "the strides of the second operand are ignored, as if it were contiguous",
        _right,
        _contiguous,
        operands=2,
    ),
    elementwise(
        "the strides of the first operand are ignored, as if it were contiguous",
        _contiguous,
        _right,
        operands=2,
    ),
    elementwise(
        "the operands' strides are ignored, as if they were contiguous",
        _contiguous,
        _contiguous,
        operands=2,
    ),
    backward(
        "the strides of the second operand are ignored, as if it were contiguous",
        lambda x, up: (x, without_strides(up)),
    ),
    backward(
        "the strides of the first operand are ignored, as if it were contiguous",
        lambda x, up: (without_strides(x), up),
    ),
    backward(
        "the operands' strides are ignored, as if they were contiguous",
        lambda x, up: (without_strides(x), without_strides(up)),
    ),
    modelled(
        TASKS,
        "the second operand is read at the index of the first",
        r"tensor\..*|kernel\.run",
        with_first_index,
    ),
    elementwise(
        "the operand is read at the index of the output, without broadcasting it",
        _unbroadcast,
        operands=1,
    ),
    elementwise(
        "the operands are read at the index of the output, without broadcasting them",
        _unbroadcast,
        _unbroadcast,
        operands=2,
    ),
    modelled(
        TASKS,
        "operands are read cell by cell: their strides are ignored",
        r"tensor\..*|kernel\.run",
        by_ordinal,
    ),
    elementwise(
        "dimensions are lined up at the left, not at the right",
        _first_elsewhere,
        _first_elsewhere,
        operands=2,
    ),
    reduction(
        "the first element of the dimension is left out",
        lambda xs, start, adds: _fold(xs[1:], start, adds),
    ),
    reduction(
        "the last element of the dimension is left out",
        lambda xs, start, adds: _fold(xs[:-1], start, adds),
    ),
    reduction(
        "folding begins with 0, whatever the output holds",
        lambda xs, start, adds: _fold(xs, 0.0, adds),
    ),
    reduction(
        "only the last element counts: the result is overwritten, not folded",
        lambda xs, start, adds: float(xs[-1]),
    ),
    reduction(
        "what folding begins with counts once for each element",
        lambda xs, start, adds: _fold(xs, start * len(xs), adds),
    ),
    modelled(
        TASKS,
        "the tensor's strides are ignored, as if it were contiguous",
        r"tensor\.sum",
        without_the_strides_of_reduce,
    ),
    average(
        "the mean over a dimension is divided by the number of all elements",
        lambda x, dim: x.sum(axis=dim, keepdims=True) / x.size,
    ),
    average(
        "the mean is not divided by the number of elements",
        lambda x, dim: x.sum(axis=dim, keepdims=True),
    ),
    number("sub_number", "the operands of `-` are exchanged", lambda x, number: number - x),
    Mistake(
        (*TASKS, "3.2", "4.1", "4.2"),
        "the kernel writes beyond its output: is its size taken from the storage, or an index "
        "one too large?",
        written_beside,
    ),
]
