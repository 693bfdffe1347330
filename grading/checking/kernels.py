"""Checks of bare kernels of map, zip and reduce: their output, their parallel loop, their races.

Tasks 3.1 and 3.3 call kernels without the functions of tensors around them.
"""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from grading.checking.compare import expect, expect_array
from grading.checking.sources import check_iterations
from grading.checking.strategies import arrays, broadcastable, laid_out, shapes
from grading.protocol.messages import Array, Plain, Subject

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
    check_iterations(subject, options, out, operands, expected)
    for threads in (1, None):
        answer = subject.call(
            "kernel.repeat", [out, *operands], {**options, "times": times, "threads": threads}
        )
        expect_array(answer, np.broadcast_to(expected, (times, *expected.shape)))


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
    """Fold by `add` and by `mul`, from an output that holds their start values."""
    x, dim, _ = case
    options = {"module": module, "kernel": "tensor_reduce", "more": [dim]}
    total, product = x.sum(axis=dim, keepdims=True), x.prod(axis=dim, keepdims=True)
    check_kernel(subject, {**options, "fn": "add"}, np.zeros(total.shape), [x], total)
    check_kernel(subject, {**options, "fn": "mul"}, np.ones(product.shape), [x], product)


def check_reduce_continues(subject: Subject, module: str, case: tuple[Array, int, Array]) -> None:
    """Fold by `add` from an output that holds other numbers, which are where folding begins."""
    x, dim, start = case
    options = {"module": module, "kernel": "tensor_reduce", "fn": "add", "more": [dim]}
    begin = np.ascontiguousarray(start)
    check_kernel(subject, options, begin, [x], begin + x.sum(axis=dim, keepdims=True))
