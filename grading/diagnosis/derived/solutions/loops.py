"""Right loops of map, zip and reduce: tasks 2.3 and 3.1."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from grading.checking.oracles.programs import VALUES
from grading.diagnosis.derived.solution import Solution
from grading.diagnosis.derived.solutions.memory import (
    Memory,
    Shape,
    Strides,
    run,
    unwritten,
    written,
)
from grading.diagnosis.loops import COMPOSITE, loop_of
from grading.diagnosis.reductions import reduction_of
from grading.protocol.messages import Request, Response

TASKS = ("2.3", "3.1")

Index: TypeAlias = list[int]


def size_of(shape: Shape) -> int:
    """Return the number of elements."""
    size = 1
    for n in shape:
        size *= n
    return size


def start(shape: Shape) -> Index:
    """Return the index of the first element."""
    return [0] * len(shape)


def to_index(ordinal: int, shape: Shape, index: Index) -> None:
    """Write the index of an ordinal."""
    for dim in range(len(shape) - 1, -1, -1):
        index[dim] = ordinal % shape[dim]
        ordinal //= shape[dim]


def broadcast_index(index: Index, shape: Shape, own_shape: Shape, own: Index) -> None:
    """Write the index of an operand.

    Raises:
        IndexError: The operand has more dimensions than the index.
    """
    lead = len(shape) - len(own_shape)
    if lead < 0:
        raise IndexError("the index is too short")
    for dim, n in enumerate(own_shape):
        own[dim] = 0 if n == 1 else index[lead + dim]


def position(index: Index, steps: Strides) -> int:
    """Return the position in memory.

    Raises:
        IndexError: There are more strides than indices.
    """
    return sum(index[dim] * step for dim, step in enumerate(steps))


def tensor_map(
    fn: Callable[[float], float],
    out: Memory,
    out_shape: Shape,
    out_strides: Strides,
    a: Memory,
    a_shape: Shape,
    a_strides: Strides,
) -> None:
    """Apply a function to every element."""
    if out_shape == a_shape and out_strides == a_strides:  # the test if the layouts are equal
        for i in range(size_of(out_shape)):  # the loop over tensors of equal layout
            out[i] = fn(a[i])  # the loop over tensors of equal layout
    else:
        for ordinal in range(size_of(out_shape)):  # the loop over the elements of the result
            index, own = start(out_shape), start(a_shape)
            to_index(ordinal, out_shape, index)  # the index in the result
            broadcast_index(index, out_shape, a_shape, own)  # the index in the operand
            at = position(own, a_strides)  # the position in the operand
            to = position(index, out_strides)  # the position in the result
            out[to] = fn(a[at])  # the element that is written


def tensor_zip(
    fn: Callable[[float, float], float],
    out: Memory,
    out_shape: Shape,
    out_strides: Strides,
    a: Memory,
    a_shape: Shape,
    a_strides: Strides,
    b: Memory,
    b_shape: Shape,
    b_strides: Strides,
) -> None:
    """Apply a function to the elements of two tensors."""
    first = out_shape == a_shape and out_strides == a_strides  # the test if the layouts are equal
    second = out_shape == b_shape and out_strides == b_strides  # the test if the layouts are equal
    if first and second:  # the test if the layouts are equal
        for i in range(size_of(out_shape)):  # the loop over tensors of equal layout
            out[i] = fn(a[i], b[i])  # the loop over tensors of equal layout
    else:
        for ordinal in range(size_of(out_shape)):  # the loop over the elements of the result
            index, of_a, of_b = start(out_shape), start(a_shape), start(b_shape)
            to_index(ordinal, out_shape, index)  # the index in the result
            broadcast_index(index, out_shape, a_shape, of_a)  # the index in the first operand
            broadcast_index(index, out_shape, b_shape, of_b)  # the index in the second operand
            x = a[position(of_a, a_strides)]  # the position in the first operand
            y = b[position(of_b, b_strides)]  # the position in the second operand
            to = position(index, out_strides)  # the position in the result
            out[to] = fn(x, y)  # the element that is written


def tensor_reduce(
    fn: Callable[[float, float], float],
    out: Memory,
    out_shape: Shape,
    out_strides: Strides,
    a: Memory,
    a_shape: Shape,
    a_strides: Strides,
    reduce_dim: int,
) -> None:
    """Combine the elements along a dimension."""
    for ordinal in range(size_of(out_shape)):  # the loop over the elements of the result
        index = start(out_shape)
        to_index(ordinal, out_shape, index)  # the index in the result
        to = position(index, out_strides)  # the position in the result
        first = position(index, a_strides)  # the position of the first element that is reduced
        result = out[to]  # the start of the reduction
        for k in range(a_shape[reduce_dim]):  # the loop over the elements that are reduced
            at = first + k * a_strides[reduce_dim]  # the position of the elements that are reduced
            result = fn(result, a[at])  # the step of the reduction
        out[to] = result  # the element that is written


def respond_to_loop(request: Request) -> Response | None:
    """Return the response of a map or a zip."""
    call = loop_of(request)
    if call is None or call[0] in COMPOSITE:
        return None
    name, operands, shape = call
    loop = partial(tensor_map if len(operands) == 1 else tensor_zip, VALUES[name])
    if request.operation == "kernel.run":
        return run(loop, request)
    return Response(request, (written(loop, unwritten(shape), *operands),))


def respond_to_reduction(request: Request) -> Response | None:
    """Return the response of a reduction."""
    call = reduction_of(request)
    if call is None:
        return None
    fn = VALUES["add" if call.adds else "mul"]
    loop = partial(tensor_reduce, fn, reduce_dim=call.dim)
    return Response(request, (written(loop, call.start, call.x),))


SOLUTIONS = (
    Solution(TASKS, r"tensor\..*|kernel\.run", respond_to_loop, (tensor_map, tensor_zip)),
    Solution(TASKS, r"tensor\.(sum|all)|kernel\.run", respond_to_reduction, (tensor_reduce,)),
)
"""Right solutions of the loops."""
