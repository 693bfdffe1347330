"""Mistakes in reductions, on every backend, and in the mean: tasks 2.3, 3.1 and 3.3."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from grading.diagnosis.memory import (
    contiguous_strides,
    in_memory_order,
    position_of,
    strides,
    without_strides,
)
from grading.diagnosis.mistakes import Mistake, modelled, result
from grading.protocol.messages import Array, Request, Response

TASKS = ("2.3", "3.1", "3.3")


class Reduction(NamedTuple):
    """A reduction of a tensor.

    Attributes:
        x: The tensor.
        start: The values with which the result begins: the shape of `x`, with 1 for `dim`.
        dim: The dimension.
        adds: True to add the elements, False to multiply them.
    """

    x: Array
    start: Array
    dim: int
    adds: bool


def reduction_of(request: Request) -> Reduction | None:
    """Return the reduction of a request; None if it is none, or if it asks for a gradient.

    A reduction of all elements is that of a flat tensor.
    """
    options = request.options
    if request.upstream is not None:
        return None
    if request.operation == "kernel.run":
        if options["kernel"] != "tensor_reduce":
            return None
        start, x = request.arrays
        (dim,) = options["more"]
        return Reduction(x, start, dim, options.get("fn") != "mul")
    (x,), dim = request.arrays, options.get("dim")
    if dim is None:
        x, dim = x.reshape(-1), 0
    adds = request.operation != "tensor.all"
    start = np.full((*x.shape[:dim], 1, *x.shape[dim + 1 :]), 0.0 if adds else 1.0)
    return Reduction(x, start, dim, adds)


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
        called = reduction_of(request)
        if called is None:
            return None
        if request.operation == "tensor.sum" and "dim" not in request.options:
            return None
        x, start, dim, adds = called
        memory = in_memory_order(x)
        steps, step = wrong(x.shape, strides(x), dim)
        out = np.empty(start.shape)
        for index in np.ndindex(*start.shape):
            first = position_of(index, steps)
            positions = [first + k * step for k in range(x.shape[dim])]
            if positions and not 0 <= min(positions) <= max(positions) < memory.size:
                raise IndexError(f"positions {positions} of {memory.size}")
            out[index] = _fold(memory[positions], float(start[index]), adds)
        return result(request, out)

    return modelled(TASKS, cause, r"tensor\.sum|kernel\.run", model)


def reduction(cause: str, wrong: Callable[[Array, float, bool], float]) -> Mistake:
    """Return a mistake in a reduction.

    Args:
        cause: The likely cause, see `Mistake`.
        wrong: Returns the wrong result of the elements, the start value, and whether to add
            (else to multiply).
    """

    def model(request: Request) -> Response | None:
        called = reduction_of(request)
        if called is None:
            return None
        x, start, dim, adds = called
        rows = np.moveaxis(x, dim, -1)
        begin = np.moveaxis(start, dim, -1)[..., 0]
        out = np.empty(begin.shape)
        for index in np.ndindex(*begin.shape):
            out[index] = wrong(rows[index], float(begin[index]), adds)
        return result(request, np.expand_dims(out, dim))

    return modelled(TASKS, cause, r"tensor\.(sum|all)|kernel\.run", model)


def _fold(xs: Array, start: float, adds: bool) -> float:
    return float(start + xs.sum() if adds else start * xs.prod())


def _sum_along(x: Array, dim: int) -> Array:
    return np.asarray(x.sum(axis=dim, keepdims=True))


def _mean_along(x: Array, dim: int) -> Array:
    return np.asarray(x.mean(axis=dim, keepdims=True))


def _beside(reduced: Callable[[Array, int], Array], by: int, x: Array, dim: int) -> Array:
    """Reduce along a neighbouring dimension."""
    return reduced(x, (dim + by) % x.ndim)


def _of_all(wrong: Callable[[Array], float], request: Request) -> Response:
    return result(request, np.reshape(wrong(request.arrays[0]), 1))


def without_the_strides_of_reduce(request: Request) -> Response | None:
    """Reduce a tensor as if it were contiguous."""
    if request.operation != "tensor.sum" or "dim" not in request.options:
        return None
    x = without_strides(request.arrays[0])
    return result(request, x.sum(axis=request.options["dim"], keepdims=True))


def _divisors(x: Array, dim: int | None) -> Iterator[tuple[str, float]]:
    """Yield wrong divisors of a mean in words; `dim` is None for the mean of all elements."""
    if x.ndim:
        yield "size of the first dimension", x.shape[0]
        yield "size of the last dimension", x.shape[-1]
    yield "number of dimensions", x.ndim
    yield "number of all elements", x.size
    yield "number of elements of the result", 1 if dim is None else x.size / max(1, x.shape[dim])
    if dim is not None:
        yield "size of the next dimension", x.shape[(dim + 1) % x.ndim]
        yield "size of the previous dimension", x.shape[dim - 1]
    own = x.size if dim is None else x.shape[dim]
    yield "number of elements plus 1", own + 1
    yield "number of elements minus 1", own - 1
    yield "square of the number of elements", own**2


def divided_by(words: str, whole: bool) -> Mistake:
    """Return the mistake of a wrong divisor in the mean of a dimension or of the whole tensor."""

    def model(request: Request) -> Response | None:
        if request.upstream is not None or ("dim" in request.options) is whole:
            return None
        (x,), dim = request.arrays, request.options.get("dim")
        divisor = dict(_divisors(x, dim))[words]
        total = x.sum().reshape(1) if dim is None else x.sum(axis=dim, keepdims=True)
        return result(request, total / divisor)

    of, right = (
        ("the mean of all elements", "number of all elements")
        if whole
        else ("the mean over a dimension", "size of the dimension")
    )
    cause = f"You divide {of} by the {words}. Divide by the {right}."
    return modelled(("2.3",), cause, r"tensor\.mean", model)


DIVISORS = tuple(words for words, _ in _divisors(np.zeros((1, 1)), 0))


def ignoring_dim(operation: str, cause: str, wrong: Callable[[Array, int], Array]) -> Mistake:
    """Return a mistake in the dimension of a reduction."""

    def model(request: Request) -> Response | None:
        if request.upstream is not None or request.options.get("dim") is None:
            return None
        return result(request, wrong(request.arrays[0], request.options["dim"]))

    return modelled(("2.3",), cause, rf"tensor\.{operation}", model)


def average(cause: str, wrong: Callable[[Array, int], Array]) -> Mistake:
    """Return a mistake in the mean over a dimension."""

    def model(request: Request) -> Response | None:
        if "dim" not in request.options or request.upstream is not None:
            return None
        return result(request, wrong(request.arrays[0], request.options["dim"]))

    return modelled(("2.3",), cause, r"tensor\.mean", model)


MISTAKES = [
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
        "The elements are subtracted. Combine them with the function.",
        lambda xs, start, adds: float(start - xs.sum()),
    ),
    reduction(
        "Only the first element of the dimension is used.",
        lambda xs, start, adds: _fold(xs[:1], start, adds),
    ),
    reduction(
        "The first element is used for each step of the dimension.",
        lambda xs, start, adds: _fold(np.repeat(xs[:1], len(xs)), start, adds),
    ),
    reduction(
        "Nothing is added: the result keeps its start value.",
        lambda xs, start, adds: start,
    ),
    reduction(
        "Sums are computed as products, or products as sums.",
        lambda xs, start, adds: _fold(xs, start, not adds),
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
    *(
        divided_by(words, whole)
        for whole in (False, True)
        for words in DIVISORS
        if not whole or words not in ("number of all elements", *DIVISORS[5:7])
    ),
    *(
        ignoring_dim(
            operation,
            f"`{operation}` reduces along another dimension than `dim`.",
            partial(_beside, f, by),
        )
        for operation, f in (("sum", _sum_along), ("mean", _mean_along))
        for by in (1, -1)
    ),
    modelled(
        ("2.3",),
        "The mean of all elements is not divided by their number.",
        r"tensor\.mean",
        lambda request: (
            result(request, request.arrays[0].sum().reshape(1))
            if request.upstream is None and "dim" not in request.options
            else None
        ),
    ),
    *(
        modelled(
            ("2.3",),
            cause,
            r"tensor\.all",
            partial(_of_all, wrong),
        )
        for cause, wrong in (
            ("`all` tests whether any element is nonzero. Test all.", lambda x: float(x.any())),
            ("`all` returns the opposite.", lambda x: 1.0 - float(x.all())),
            ("`all` adds the elements. Multiply them.", np.sum),
            ("`all` always returns 0.", lambda x: 0.0),
            ("`all` always returns 1.", lambda x: 1.0),
            ("`all` tests only the first element.", lambda x: float(x.reshape(-1)[0] != 0)),
            ("`all` tests only the last element.", lambda x: float(x.reshape(-1)[-1] != 0)),
        )
    ),
    average(
        "The mean is not divided by the number of elements.",
        lambda x, dim: x.sum(axis=dim, keepdims=True),
    ),
]
