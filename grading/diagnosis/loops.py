"""Mistakes in map, zip and reduce, on every backend: tasks 2.3, 3.1 and 3.3."""

from collections.abc import Callable, Sequence

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles.programs import VALUES
from grading.checking.oracles.tensors import unbroadcast
from grading.diagnosis.backward import COMPOSITIONS, SLOPES, values
from grading.diagnosis.formulas import WRONG_VALUES
from grading.diagnosis.memory import (
    contiguous_strides,
    in_memory_order,
    paired,
    read,
    strides,
    without_strides,
)
from grading.diagnosis.mistakes import Mistake, modelled, result
from grading.protocol.messages import Array, Request, Response

TASKS = ("2.3", "3.1", "3.3")
OF_VALUES = ("sigmoid", "exp")
"""Functions whose gradient is computed from their value."""

COMPOSITE = ("sub", "div", "gt")
"""Functions that a solution may compose of others, with intermediate results."""

Index = tuple[int, ...]
Positions = Callable[[Index, list[int], list[Array]], int]
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
        if name in COMPOSITE:
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
        if request.upstream is None or name not in ("relu", "log", "mul", "inv", *OF_VALUES):
            return None
        if name == "mul":
            gradients: list[Array | None] = []
            for own, other in (request.arrays, request.arrays[::-1]):
                x, up = wrong(other, request.upstream)
                gradients.append(unbroadcast(x * up, own.shape))
            return Response(request, gradients=tuple(gradients))
        x, up = wrong(request.arrays[0], request.upstream)
        if name in OF_VALUES:
            x = request.arrays[0]  # The loop reads the saved value, which is contiguous.
        slope = np.vectorize(lambda number: SLOPES[name](number)[0], otypes=[np.float64])
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
    return _with_index_of(0, request)


def with_second_index(request: Request) -> Response | None:
    """Read the first operand at the index of the second."""
    return _with_index_of(1, request)


def _with_index_of(number: int, request: Request) -> Response | None:
    called = _called(request)
    if called is None or len(called[1]) != 2 or called[0] in COMPOSITE:
        return None
    name, arrays, shape = called
    own, other = arrays[number], arrays[1 - number]
    out = np.empty(shape)
    for index in np.ndindex(*shape):
        at = paired(index, own.shape)
        if len(at) < other.ndim:
            raise IndexError("the index of the operand is too short")
        out[index] = VALUES[name](*(read(array, at) for array in arrays))
    return result(request, out)


def laid_out(cause: str, wrong: Positions, operands: int) -> Mistake:
    """Return a mistake in the positions at which a loop reads its last operand.

    Args:
        cause: The likely cause, see `Mistake`.
        operands: Number of operands of the loop.
        wrong: Returns the position in memory of the last operand for an index of the result, from
            the index, the strides of the result, and all operands.
    """

    def model(request: Request) -> Response | None:
        called = _called(request)
        if called is None or called[0] in COMPOSITE or len(called[1]) != operands:
            return None
        name, arrays, shape = called
        *others, last = arrays
        memory = in_memory_order(last)
        out = np.empty(shape)
        given = request.operation == "kernel.run"
        steps = strides(request.arrays[0]) if given else contiguous_strides(shape)
        for index in np.ndindex(*shape):
            position = wrong(index, steps, arrays)
            if not 0 <= position < memory.size:
                raise IndexError(f"position {position} of {memory.size}")
            numbers = [_right(index, array) for array in others]
            out[index] = VALUES[name](*numbers, float(memory[position]))
        return result(request, out)

    return modelled(TASKS, cause, r"tensor\..*|kernel\.run", model)


def _position(index: Sequence[int], steps: Sequence[int]) -> int:
    return sum(i * step for i, step in zip(index, steps, strict=False))


def _by_first_strides(index: Index, steps: list[int], arrays: list[Array]) -> int:
    """Return the position by the strides of the first operand, its last ones."""
    first, last = arrays[0], arrays[-1]
    if first.ndim < last.ndim:
        raise IndexError("the first operand has fewer dimensions")
    return _position(paired(index, last.shape), strides(first)[first.ndim - last.ndim :])


def _with_first_layout(index: Index, steps: list[int], arrays: list[Array]) -> int:
    """Return the position in the first operand, within the size of the second."""
    first, last = arrays
    return _position(paired(index, first.shape), strides(first)) % max(1, last.size)


def _by_output_strides(index: Index, steps: list[int], arrays: list[Array]) -> int:
    """Return the position by the strides of the result, its last ones."""
    last = arrays[-1]
    return _position(paired(index, last.shape), steps[len(steps) - last.ndim :])


def _aligned_by_strides(index: Index, steps: list[int], arrays: list[Array]) -> int:
    """Return the position if operands with the strides of the result count as aligned."""
    last = arrays[-1]
    if all(strides(array) == steps for array in arrays):
        return _position(index, steps)
    return _position(paired(index, last.shape), strides(last))


def by_shape(request: Request) -> Response | None:
    """Read operands in memory order if all shapes equal that of the result."""
    called = _called(request)
    if called is None or called[0] in COMPOSITE:
        return None
    name, arrays, shape = called
    if any(array.shape != shape for array in arrays):
        return result(request, np.vectorize(VALUES[name], otypes=[np.float64])(*arrays))
    read_as = [without_strides(array) for array in arrays]
    return result(request, np.vectorize(VALUES[name], otypes=[np.float64])(*read_as))


def formula(
    name: str, cause: str, wrong: Callable[..., float], composed: frozenset[str]
) -> Mistake:
    """Return a mistake in the value of one function of tensors.

    Args:
        name: The function.
        cause: The likely cause, see `Mistake`.
        wrong: The function with the mistake.
        composed: The functions that the solution composes of others.
    """

    def model(request: Request) -> Response | None:
        called = _called(request)
        if called is None or request.operation == "kernel.run":
            return None
        own, arrays, shape = called
        full = [array.reshape(-1).tolist() for array in np.broadcast_arrays(*arrays)]
        program = [[own, *range(len(arrays))]]
        rows = [values(program, xs, {name: wrong}, composed)[-1] for xs in zip(*full, strict=True)]
        return result(request, np.array(rows).reshape(shape))

    return modelled(("2.3",), cause, r"tensor\..*", model)


def reduced_in_memory(
    cause: str, wrong: Callable[[Sequence[int], Sequence[int], int], tuple[list[int], int]]
) -> Mistake:
    """Return a mistake in the positions that a reduction reads.

    Args:
        cause: The likely cause, see `Mistake`.
        wrong: Returns the wrong strides of the first element and the wrong step, from the shape
            and the strides of the tensor and the dimension.
    """

    def model(request: Request) -> Response | None:
        options = request.options
        if request.upstream is not None:
            return None
        if request.operation == "kernel.run":
            if options["kernel"] != "tensor_reduce":
                return None
            start, x = request.arrays
            (dim,), adds = options["more"], options.get("fn") != "mul"
        elif request.operation == "tensor.sum" and "dim" in options:
            (x,), dim, adds = request.arrays, options["dim"], True
            start = np.zeros((*x.shape[:dim], 1, *x.shape[dim + 1 :]))
        else:
            return None
        memory = in_memory_order(x)
        steps, step = wrong(x.shape, strides(x), dim)
        out = np.empty(start.shape)
        for index in np.ndindex(*start.shape):
            first = _position(index, steps)
            positions = [first + k * step for k in range(x.shape[dim])]
            if positions and not 0 <= min(positions) <= max(positions) < memory.size:
                raise IndexError(f"positions {positions} of {memory.size}")
            out[index] = _fold(memory[positions], float(start[index]), adds)
        return result(request, out)

    return modelled(TASKS, cause, r"tensor\.sum|kernel\.run", model)


def _ordinal(index: tuple[int, ...], shape: tuple[int, ...], operand: Array) -> float:
    memory = np.ascontiguousarray(without_strides(operand)).reshape(-1)
    return float(memory[int(np.ravel_multi_index(index, shape)) % memory.size])


def by_ordinal(request: Request) -> Response | None:
    """Read every operand in memory order, without its shape and strides."""
    called = _called(request)
    if called is None or called[0] in COMPOSITE:
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
            adds = options.get("fn") != "mul"
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


def writes_in_order(finding: Finding) -> bool | None:
    """Return whether a kernel wrote the right results to an output as if it were contiguous."""
    request, response = finding.request, finding.response
    if request.operation != "kernel.run" or response is None or not response.arrays:
        return None
    out = request.arrays[0]
    if (
        out.flags.c_contiguous
        or finding.expected is None
        or np.shape(finding.expected) != out.shape
    ):
        return None
    written = np.asarray(finding.expected).reshape(-1)
    received = in_memory_order(_like(response.arrays[0], out))
    return bool(np.allclose(received, written, rtol=1e-6, atol=1e-8))


def _like(array: Array, layout: Array) -> Array:
    """Return an array in the memory layout of another one."""
    copy = np.empty_like(layout, dtype=array.dtype)
    copy[...] = array
    return copy


def writes_part(finding: Finding) -> bool | None:
    """Return whether a kernel wrote as many elements of the output as the operand has."""
    request, response = finding.request, finding.response
    if request.operation != "kernel.run" or response is None or finding.expected is None:
        return None
    out, *operands = request.arrays
    if len(operands) != 1 or request.options["kernel"] != "tensor_map":
        return None
    written = response.arrays[0].reshape(-1) != out.reshape(-1)
    size = operands[0].size
    right = np.asarray(finding.expected).reshape(-1)
    if size >= out.size or right.size != out.size:
        return None
    done = np.allclose(response.arrays[0].reshape(-1)[:size], right[:size])
    return bool(done and not written[size:].any())


def writes_out_of_bounds(finding: Finding) -> bool | None:
    """Return whether a kernel wrote to elements around its output."""
    if finding.request.operation != "kernel.run" or finding.response is None:
        return None
    return "outside its output" in finding.sentence or None


def not_parallel(finding: Finding) -> bool | None:
    """Return whether the main loop is not parallel."""
    return "the main loop of the kernel is not parallel" in finding.sentence or None


def differs_from_call_to_call(finding: Finding) -> bool | None:
    """Return whether the same call returned different results."""
    if finding.request.operation != "kernel.repeat" or finding.response is None:
        return None
    outputs = finding.response.arrays[0]
    return not np.array_equal(outputs, np.broadcast_to(outputs[:1], outputs.shape), equal_nan=True)


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
        "You compute the position in the second operand with the strides of the result.",
        lambda x, up: (x, without_strides(up)),
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
    modelled(
        TASKS,
        "Where the shapes of operands and result are equal, the operands' strides are ignored. "
        "Compare the strides, too.",
        r"tensor\..*|kernel\.run",
        by_shape,
    ),
    laid_out(
        "You compute the position in the second operand with the strides of the first.",
        _by_first_strides,
        operands=2,
    ),
    laid_out(
        "You compute the position in the second operand with shape and strides of the first.",
        _with_first_layout,
        operands=2,
    ),
    *(
        laid_out(
            "Tensors with equal strides and different shapes count as aligned. Compare the shapes, "
            "too.",
            _aligned_by_strides,
            operands,
        )
        for operands in (1, 2)
    ),
    laid_out(
        "You compute the position in the second operand with the strides of the result.",
        _by_output_strides,
        operands=2,
    ),
    laid_out(
        "You compute the position in the operand with the strides of the result.",
        _by_output_strides,
        operands=1,
    ),
    modelled(
        TASKS,
        "You read the first operand at the index of the second.",
        r"tensor\..*|kernel\.run",
        with_second_index,
    ),
    elementwise(
        "You align dimensions at the left. Align them at the right.",
        _aligned_left,
        _aligned_left,
        operands=2,
    ),
    *(
        formula(name, cause, wrong, composed)
        for name, cause, wrong in WRONG_VALUES
        for composed in COMPOSITIONS
    ),
    reduced_in_memory(
        "You step along the last dimension. Step along the dimension that is reduced.",
        lambda shape, steps, dim: (list(steps), steps[-1]),
    ),
    reduced_in_memory(
        "You step along the first dimension. Step along the dimension that is reduced.",
        lambda shape, steps, dim: (list(steps), steps[0]),
    ),
    reduced_in_memory(
        "You step by 1 in memory. Step by the stride of the dimension that is reduced.",
        lambda shape, steps, dim: (list(steps), 1),
    ),
    reduced_in_memory(
        "You compute the position in the tensor with the strides of the result.",
        lambda shape, steps, dim: (
            contiguous_strides([*shape[:dim], 1, *shape[dim + 1 :]]),
            steps[dim],
        ),
    ),
    reduction(
        "The first element of the dimension is counted twice.",
        lambda xs, start, adds: _fold(np.append(xs, xs[:1]), start, adds),
    ),
    reduction(
        "The last element of the dimension is counted twice.",
        lambda xs, start, adds: _fold(np.append(xs, xs[-1:]), start, adds),
    ),
    reduction(
        "The reduction begins with 1. Begin with the value in the output.",
        lambda xs, start, adds: _fold(xs, 1.0, adds),
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
        "The strides of the output are ignored: you write the results in row-major order.",
        writes_in_order,
    ),
    Mistake(
        TASKS,
        "The loop covers the elements of the operand. Cover those of the output.",
        writes_part,
    ),
    Mistake(
        (*TASKS, "3.2", "4.1", "4.2"),
        "The kernel writes outside its output. Check the bounds of the loop "
        "and the indices of the output.",
        writes_out_of_bounds,
    ),
]
