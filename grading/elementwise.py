"""Checks of map, zip, reduce and the functions made of them, for whichever backend.

Tasks 2.3, 2.4, 3.1 and 3.3 check the same laws of different code.
"""

from collections.abc import Sequence

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from grading.checking.races import check_iterations
from grading.compare import expect, expect_array, expect_gradients
from grading.oracles.programs import SMOOTH
from grading.oracles.tensors import elementwise, elementwise_gradients
from grading.strategies import QUARTERS, arrays, broadcastable, laid_out, shapes
from grading.subject import Array, Plain, Subject

UNARY = ("neg", "relu", "sigmoid", "exp", "log")
BINARY = ("add", "sub", "mul", "div", "lt", "gt", "eq")

SAFE: dict[str, tuple[float, ...]] = {
    # Numbers at which a function is smooth, the simplest first.
    "div": (1.0, 0.5, 0.25, 3.0, -0.5, -1.0, -2.5, -4.0),
    "exp": tuple(x for x in QUARTERS if abs(x) < 3),
    "log": tuple(n / 4 for n in range(1, 25)),
    "relu": tuple(x + 0.125 for x in QUARTERS),
}


@st.composite
def one_tensor(draw: st.DrawFn, name: str, max_side: int = 4) -> tuple[Array, Array]:
    """Draw an operand of a function and a gradient of its result, each in any layout."""
    shape = draw(shapes(max_side=max_side))
    return draw(arrays(shape, SAFE.get(name, QUARTERS))), draw(arrays(shape))


@st.composite
def two_tensors(draw: st.DrawFn, name: str) -> tuple[Array, Array, Array]:
    """Draw two operands that broadcast, and a gradient of the result."""
    first, second = draw(broadcastable())
    a = draw(arrays(first))
    b = draw(arrays(second, SAFE.get(name, QUARTERS)))
    return a, b, draw(arrays(np.broadcast_shapes(first, second)))


def check_map(subject: Subject, name: str, x: Array, options: Plain) -> None:
    answer = subject.call(f"tensor.{name}", [x], options)
    expect_array(answer, elementwise(name, x))


def check_zip(subject: Subject, name: str, a: Array, b: Array, options: Plain) -> None:
    answer = subject.call(f"tensor.{name}", [a, b], options)
    expect_array(answer, elementwise(name, a, b))


def check_elementwise_gradients(
    subject: Subject, name: str, operands: Sequence[Array], upstream: Array, options: Plain
) -> None:
    _, fits = SMOOTH[name]
    assume(
        all(
            fits(*map(float, xs))
            for xs in zip(*map(np.ravel, np.broadcast_arrays(*operands)), strict=True)
        )
    )
    answer = subject.call(f"tensor.{name}", operands, options, upstream)
    expect_array(answer, elementwise(name, *operands))
    expect_gradients(answer, elementwise_gradients(name, upstream, *operands))


@st.composite
def reductions(draw: st.DrawFn, max_side: int = 4) -> tuple[Array, int, Array]:
    """Draw a tensor, a dimension of it, and a gradient of its reduction."""
    shape = draw(shapes(max_side=max_side))
    dim = draw(st.integers(0, len(shape) - 1))
    reduced = (*shape[:dim], 1, *shape[dim + 1 :])
    return draw(arrays(shape)), dim, draw(arrays(reduced))


def check_sum(subject: Subject, x: Array, dim: int, options: Plain) -> None:
    answer = subject.call("tensor.sum", [x], {**options, "dim": dim})
    expect_array(answer, x.sum(axis=dim, keepdims=True))


GUARD = 777.0
"""What the driver puts around an output."""


def check_kernel(
    subject: Subject,
    options: Plain,
    out: Array,
    operands: Sequence[Array],
    expected: Array,
) -> None:
    """Call a bare kernel: the output is right, nothing else has changed."""
    answer = subject.call("kernel.run", [out, *operands], options)
    expect_array(answer, expected, which=0)
    intact = bool((answer.arrays[1] == GUARD).all())
    expect(intact, "cells beside the output were written to", answer)
    for i, operand in enumerate(operands):
        unchanged = np.array_equal(answer.arrays[2 + i], operand)
        expect(unchanged, f"operand {i} was written to", answer)


def check_races(
    subject: Subject,
    options: Plain,
    out: Array,
    operands: Sequence[Array],
    expected: Array,
    times: int,
) -> None:
    """Demand that the iterations of a kernel's parallel loop do not disturb each other.

    The accesses of a small call are recorded: no two iterations touch one cell that one of them
    writes. Then the compiled kernel is called many times, on one thread and on all: it always gives
    the right answer.
    """
    check_iterations(subject, options, out, operands)
    for threads in (1, None):
        answer = subject.call(
            "kernel.repeat", [out, *operands], {**options, "times": times, "threads": threads}
        )
        expect_array(answer, np.broadcast_to(expected, (times, *expected.shape)))


def check_is_parallel(
    subject: Subject, options: Plain, out: Array, operands: Sequence[Array]
) -> None:
    """Demand that numba runs the main loop of a kernel on all threads, by its own diagnosis."""
    answer = subject.call("kernel.parallel", [out, *operands], options)
    loops = answer.plain["parallel loops"]
    # None: numba is switched off, so that there is nothing to be said.
    expect(loops is None or loops > 0, "the main loop of the kernel is not parallel", answer)


@st.composite
def map_kernels(draw: st.DrawFn, any_layout: bool = False) -> tuple[Array, Array]:
    """Draw an output, filled with junk, and an operand that broadcasts to it."""
    shape = draw(shapes(max_side=3))
    cut = shape[draw(st.integers(0, len(shape) - 1)) :]
    small = tuple(1 if draw(st.booleans()) else size for size in cut)
    out = np.full(shape, 99.0)
    if any_layout:
        out = draw(laid_out(out))
    return out, draw(arrays(small))


@st.composite
def zip_kernels(draw: st.DrawFn, any_layout: bool = False) -> tuple[Array, Array, Array]:
    """Draw an output, filled with junk, and two operands that broadcast to it."""
    first, second = draw(broadcastable())
    out = np.full(np.broadcast_shapes(first, second), 99.0)
    if any_layout:
        out = draw(laid_out(out))
    return out, draw(arrays(first)), draw(arrays(second))


def check_map_kernel(subject: Subject, module: str, case: tuple[Array, Array]) -> None:
    out, x = case
    options = {"module": module, "kernel": "tensor_map", "fn": "neg"}
    check_kernel(subject, options, out, [x], np.broadcast_to(-x, out.shape))


def check_zip_kernel(subject: Subject, module: str, case: tuple[Array, Array, Array]) -> None:
    out, a, b = case
    options = {"module": module, "kernel": "tensor_zip", "fn": "mul"}
    check_kernel(subject, options, out, [a, b], a * b)


def check_reduce_kernel(subject: Subject, module: str, case: tuple[Array, int, Array]) -> None:
    x, dim, start = case
    options = {"module": module, "kernel": "tensor_reduce", "fn": "add", "more": [dim]}
    # What the output holds beforehand is where folding begins.
    begin = np.ascontiguousarray(start)
    check_kernel(subject, options, begin, [x], begin + x.sum(axis=dim, keepdims=True))
