"""Mistakes in map, zip and reduce, on every backend: tasks 2.3, 3.1 and 3.3."""

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
"""Returns the element of an operand that a loop uses for an index of the result."""


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
    """Return a mistake in the positions at which a loop reads its operands.

    Args:
        cause: The likely cause, see `Mistake`.
        *readers: A reader for each operand.
        operands: Number of operands of the loop.
    """

    def model(request: Request) -> Response | None:
        called = _called(request)
        if called is None or len(called[1]) != operands:
            return None
        name, arrays, shape = called
        if name in ("sub", "div", "gt"):  # They compose other functions.
            return None
        out = np.empty(shape)
        for index in np.ndindex(*shape):
            numbers = [reader(index, array) for reader, array in zip(readers, arrays, strict=True)]
            out[index] = VALUES[name](*numbers)
        return result(request, out)

    return modelled(TASKS, cause, r"tensor\..*|kernel\.run", model)


def backward(cause: str, wrong: Callable[[Array, Array], tuple[Array, Array]]) -> Mistake:
    """Return a mistake in the zip of an operand and the upstream gradient.

    Args:
        cause: The likely cause, see `Mistake`.
        wrong: Returns both arrays as the loop reads them.
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
    """Read an operand at the index of the result."""
    return read(operand, index)


def _aligned_left(index: tuple[int, ...], operand: Array) -> float:
    """Read an operand whose dimensions are aligned with the result's at the left."""
    return read(operand, [0 if n == 1 else i for i, n in zip(index, operand.shape, strict=False)])


def with_first_index(request: Request) -> Response | None:
    """Read the second operand at the index of the first."""
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
    """Read every operand in memory order, without its shape and strides."""
    called = _called(request)
    if called is None or called[0] in ("sub", "div", "gt"):
        return None
    name, arrays, shape = called
    out = np.empty(shape)
    for index in np.ndindex(*shape):
        out[index] = VALUES[name](*(_ordinal(index, shape, array) for array in arrays))
    return result(request, out)


def reduction(cause: str, wrong: Callable[[Array, float, bool], float]) -> Mistake:
    """Return a mistake in a reduction.

    Args:
        cause: The likely cause, see `Mistake`.
        wrong: Returns the wrong result of the elements, the start value, and whether to add
            (else to multiply).
    """

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
    """Reduce a tensor as if it were contiguous."""
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


def writes_out_of_bounds(finding: Finding) -> bool | None:
    """Return whether a kernel wrote to elements around its output."""
    if finding.request.operation != "kernel.run" or finding.response is None:
        return None
    return "outside its output" in finding.sentence or None


def not_parallel(finding: Finding) -> bool | None:
    """Return whether the main loop is not parallel."""
    if finding.request.operation != "source.work":
        return None
    return True


def differs_from_call_to_call(finding: Finding) -> bool | None:
    """Return whether the same call returned different results."""
    if finding.request.operation != "kernel.repeat" or finding.response is None:
        return None
    outputs = finding.response.arrays[0]
    return bool((outputs != outputs[0]).any())


MISTAKES = [
    Mistake(
        ("3.1", "3.2", "4.1", "4.2"),
        "The main loop is a plain `range`. Write `prange`, and compile with `parallel=True`.",
        not_parallel,
    ),
    Mistake(
        ("3.1", "3.2", "4.1", "4.2"),
        "Several threads write to one array element (data race). Create index "
        "buffers inside the parallel loop.",
        differs_from_call_to_call,
    ),
    elementwise(
        "The operand's strides are ignored: you read it as if it were contiguous.",
        _contiguous,
        operands=1,
    ),
    elementwise(
        "The strides of the second operand are ignored: you read it as if it were contiguous.",
        _right,
        _contiguous,
        operands=2,
    ),
    elementwise(
        "The strides of the first operand are ignored: you read it as if it were contiguous.",
        _contiguous,
        _right,
        operands=2,
    ),
    elementwise(
        "The operands' strides are ignored: you read them as if they were contiguous.",
        _contiguous,
        _contiguous,
        operands=2,
    ),
    backward(
        "The strides of the second operand are ignored: you read it as if it were contiguous.",
        lambda x, up: (x, without_strides(up)),
    ),
    backward(
        "The strides of the first operand are ignored: you read it as if it were contiguous.",
        lambda x, up: (without_strides(x), up),
    ),
    backward(
        "The operands' strides are ignored: you read them as if they were contiguous.",
        lambda x, up: (without_strides(x), without_strides(up)),
    ),
    modelled(
        TASKS,
        "You read the second operand at the index of the first.",
        r"tensor\..*|kernel\.run",
        with_first_index,
    ),
    elementwise(
        "You read the operand at the index of the output. Compute its own index with "
        "`broadcast_index`.",
        _unbroadcast,
        operands=1,
    ),
    elementwise(
        "You read the operands at the index of the output. Compute their own indices with "
        "`broadcast_index`.",
        _unbroadcast,
        _unbroadcast,
        operands=2,
    ),
    modelled(
        TASKS,
        "You read the operands in memory order: their strides are ignored.",
        r"tensor\..*|kernel\.run",
        by_ordinal,
    ),
    elementwise(
        "You align dimensions at the left. Align them at the right.",
        _aligned_left,
        _aligned_left,
        operands=2,
    ),
    reduction(
        "The reduction begins with the first element. Begin with the value in the output.",
        lambda xs, start, adds: _fold(xs, 0.0 if adds else 1.0, adds),
    ),
    reduction(
        "The first element of the dimension is missing.",
        lambda xs, start, adds: _fold(xs[1:], start, adds),
    ),
    reduction(
        "The last element of the dimension is missing.",
        lambda xs, start, adds: _fold(xs[:-1], start, adds),
    ),
    reduction(
        "The reduction begins with 0. Begin with the value in the output.",
        lambda xs, start, adds: _fold(xs, 0.0, adds),
    ),
    reduction(
        "The result is overwritten by each element. Combine each element with the result so far.",
        lambda xs, start, adds: float(xs[-1]),
    ),
    reduction(
        "The start value is counted once for each element. Use it once.",
        lambda xs, start, adds: _fold(xs, start * len(xs), adds),
    ),
    modelled(
        TASKS,
        "The tensor's strides are ignored: you read it as if it were contiguous.",
        r"tensor\.sum",
        without_the_strides_of_reduce,
    ),
    average(
        "You divide the mean over a dimension by the number of all elements. Divide by the "
        "size of the dimension.",
        lambda x, dim: x.sum(axis=dim, keepdims=True) / x.size,
    ),
    average(
        "The mean is not divided by the number of elements.",
        lambda x, dim: x.sum(axis=dim, keepdims=True),
    ),
    number("sub_number", "The operands of `-` are exchanged.", lambda x, number: number - x),
    Mistake(
        (*TASKS, "3.2", "4.1", "4.2"),
        "The kernel writes outside its output. Check the bounds of the loop "
        "and the indices of the output.",
        writes_out_of_bounds,
    ),
]
