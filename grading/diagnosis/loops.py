"""Mistakes in map, zip and arithmetic with numbers, on every backend: tasks 2.3, 3.1 and 3.3."""

from collections.abc import Callable
from functools import partial

import numpy as np

from grading.checking.oracles.programs import VALUES
from grading.checking.oracles.tensors import unbroadcast
from grading.diagnosis.backward import COMPOSITIONS, SLOPES, values
from grading.diagnosis.formulas import SIGNS, WRONG_VALUES
from grading.diagnosis.memory import (
    OutsideMemoryError,
    contiguous_strides,
    in_memory_order,
    paired,
    position_of,
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


def loop_of(request: Request) -> tuple[str, list[Array], tuple[int, ...]] | None:
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


def _is_row_major(request: Request) -> bool:
    """Return whether the output is row-major, as models assume that ignore its strides."""
    return request.operation != "kernel.run" or request.arrays[0].flags.c_contiguous


def _looped(request: Request, operands: int) -> tuple[str, list[Array], tuple[int, ...]] | None:
    """Return the parts of a call that is one loop over a number of operands; None if it is none."""
    called = loop_of(request)
    if called is None or called[0] in COMPOSITE or len(called[1]) != operands:
        return None
    return called


def elementwise(cause: str, *readers: Reader, operands: int) -> Mistake:
    """Return a mistake in the positions at which a loop reads its operands.

    Args:
        cause: The likely cause, see `Mistake`.
        *readers: A reader for each operand.
        operands: Number of operands of the loop.
    """

    def model(request: Request) -> Response | None:
        called = _looped(request, operands)
        if called is None:
            return None
        if not _is_row_major(request):
            return None
        name, arrays, shape = called
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


def _with_index_of(number: int, request: Request) -> Response | None:
    """Read both operands at the index of the one with a number."""
    called = _looped(request, 2)
    if called is None:
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
        called = _looped(request, operands)
        if called is None:
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
                raise OutsideMemoryError(position, memory.size)
            numbers = [_right(index, array) for array in others]
            out[index] = VALUES[name](*numbers, float(memory[position]))
        return result(request, out)

    return modelled(TASKS, cause, r"tensor\..*|kernel\.run", model)


def _by_first_strides(index: Index, steps: list[int], arrays: list[Array]) -> int:
    """Return the position by the strides of the first operand, its last ones."""
    first, last = arrays[0], arrays[-1]
    if first.ndim < last.ndim:
        raise IndexError("the first operand has fewer dimensions")
    return position_of(paired(index, last.shape), strides(first)[first.ndim - last.ndim :])


def _with_first_layout(index: Index, steps: list[int], arrays: list[Array]) -> int:
    """Return the position in the first operand, within the size of the second."""
    first, last = arrays
    return position_of(paired(index, first.shape), strides(first)) % max(1, last.size)


def _by_output_strides(index: Index, steps: list[int], arrays: list[Array]) -> int:
    """Return the position by the strides of the result, its last ones."""
    last = arrays[-1]
    return position_of(paired(index, last.shape), steps[len(steps) - last.ndim :])


def _aligned_by_strides(index: Index, steps: list[int], arrays: list[Array]) -> int:
    """Return the position if operands with the strides of the result count as aligned."""
    last = arrays[-1]
    if all(strides(array) == steps for array in arrays):
        return position_of(index, steps)
    return position_of(paired(index, last.shape), strides(last))


def by_shape(request: Request) -> Response | None:
    """Read operands in memory order if all shapes equal that of the result."""
    called = loop_of(request)
    if called is None or called[0] in COMPOSITE or not _is_row_major(request):
        return None
    name, arrays, shape = called
    if all(array.shape == shape for array in arrays):
        arrays = [without_strides(array) for array in arrays]
    return result(request, np.vectorize(VALUES[name], otypes=[np.float64])(*arrays))


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
        called = loop_of(request)
        if called is None or request.operation == "kernel.run":
            return None
        own, arrays, shape = called
        program = [[own, *range(len(arrays))]]

        def computed(operands: list[Array]) -> Array:
            full = [array.reshape(-1).tolist() for array in np.broadcast_arrays(*operands)]
            rows = [
                values(program, xs, {name: wrong}, composed)[-1] for xs in zip(*full, strict=True)
            ]
            return np.array(rows).reshape(shape)

        found = computed(arrays)
        if own in SIGNS and arrays[0].shape != arrays[1].shape:
            for ignored, used in ((0, 1), (1, 0)):
                count = np.arange(arrays[ignored].size).reshape(arrays[ignored].shape)
                # Infinity and large numbers do not change if 1 is added to them.
                others = (arrays[ignored] + 1.0, 0.5 - count)
                pairs = [(other, arrays[used])[:: 1 - 2 * ignored] for other in others]
                if all(np.array_equal(computed([*p]), found, equal_nan=True) for p in pairs):
                    # The result has the shape of the only operand that it depends on.
                    own_part: tuple[int | slice, ...] = (
                        *(0,) * (len(shape) - arrays[used].ndim),
                        *map(slice, arrays[used].shape),
                    )
                    return result(request, found[own_part])
        return result(request, found)

    return modelled(("2.3",), cause, r"tensor\..*", model, composed=composed)


def _ordinal(index: tuple[int, ...], shape: tuple[int, ...], operand: Array) -> float:
    memory = np.ascontiguousarray(without_strides(operand)).reshape(-1)
    return float(memory[int(np.ravel_multi_index(index, shape)) % memory.size])


def by_ordinal(request: Request) -> Response | None:
    """Read every operand in memory order, without its shape and strides."""
    called = loop_of(request)
    if called is None or called[0] in COMPOSITE or not _is_row_major(request):
        return None
    name, arrays, shape = called
    out = np.empty(shape)
    for index in np.ndindex(*shape):
        out[index] = VALUES[name](*(_ordinal(index, shape, array) for array in arrays))
    return result(request, out)


def number(operation: str, cause: str, wrong: Callable[[Array, float], Array]) -> Mistake:
    """Return a mistake in arithmetic with plain numbers."""

    def model(request: Request) -> Response:
        return result(request, wrong(request.arrays[0], request.options["number"]))

    return modelled(("2.3",), cause, rf"tensor\.{operation}", model)


MISTAKES = [
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
        partial(_with_index_of, 0),
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
        partial(_with_index_of, 1),
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
    number("sub_number", "The operands of `-` are exchanged.", lambda x, number: number - x),
]
