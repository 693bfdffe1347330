"""Checks of kernels of map, zip and reduce: their output, their parallel loop, their races.

Tasks 3.1 and 3.3 call kernels directly, without the tensor functions that use them.
"""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from grading.checking.compare import expect, expect_array
from grading.checking.sources import check_iterations
from grading.checking.strategies import arrays, broadcastable, laid_out, shapes
from grading.protocol.messages import Array, Plain, Subject

GUARD = 777.0
"""Value of the elements around an output; the driver uses the same one (`driver/kernels.py`)."""

LAYOUTS: dict[str, tuple[Array, ...]] = {
    "one": (np.full((3, 2), 99.0).T, np.arange(1.0, 7.0).reshape(2, 3)),
    "two": (np.full((3, 2), 99.0).T, np.arange(1.0, 7.0).reshape(2, 3), np.arange(1.0, 4.0)),
}
"""Inputs of both kernels with an output that is not row-major, which few random ones are."""


def check_kernel(
    subject: Subject,
    options: Plain,
    out: Array,
    operands: Sequence[Array],
    expected: Array,
) -> None:
    """Call a kernel; require the right output, and that it writes nothing else."""
    response = subject.call("kernel.run", [out, *operands], options)
    expect_array(response, expected, which=0)
    intact = bool((response.arrays[1] == GUARD).all())
    expect(intact, "the kernel wrote to elements outside its output", response)
    for i, operand in enumerate(operands):
        unchanged = np.array_equal(response.arrays[2 + i], operand)
        expect(unchanged, f"the kernel wrote to operand {i}", response)


def check_races(
    subject: Subject,
    options: Plain,
    out: Array,
    operands: Sequence[Array],
    expected: Array,
    times: int,
) -> None:
    """Require that the iterations of a kernel's parallel loop have no data races.

    The accesses of a small call are recorded: no iteration may read or write an element that
    another one writes. Then the compiled kernel is called many times, on one thread and on all:
    every call has to return the right result.
    """
    check_iterations(subject, options, out, operands, expected)
    for threads in (1, None):
        response = subject.call(
            "kernel.repeat", [out, *operands], {**options, "times": times, "threads": threads}
        )
        expect_array(response, np.broadcast_to(expected, (times, *expected.shape)))


@st.composite
def map_kernels(draw: st.DrawFn, any_layout: bool = False) -> tuple[Array, Array]:
    """Draw an output, filled with 99, and an operand that broadcasts to it."""
    shape = draw(shapes(max_side=3))
    cut = shape[draw(st.integers(0, len(shape) - 1)) :]
    small = tuple(1 if draw(st.booleans()) else size for size in cut)
    out = np.full(shape, 99.0)
    if any_layout:
        out = draw(laid_out(out))
    return out, draw(arrays(small))


@st.composite
def zip_kernels(draw: st.DrawFn, any_layout: bool = False) -> tuple[Array, Array, Array]:
    """Draw an output, filled with 99, and two operands that broadcast to it."""
    first, second = draw(broadcastable())
    out = np.full(np.broadcast_shapes(first, second), 99.0)
    if any_layout:
        out = draw(laid_out(out))
    return out, draw(arrays(first)), draw(arrays(second))


def check_map_kernel(subject: Subject, module: str, case: tuple[Array, Array]) -> None:
    """Call `tensor_map` with `neg`."""
    out, x = case
    options = {"module": module, "kernel": "tensor_map", "fn": "neg"}
    check_kernel(subject, options, out, [x], np.broadcast_to(-x, out.shape))


def check_zip_kernel(subject: Subject, module: str, case: tuple[Array, Array, Array]) -> None:
    """Call `tensor_zip` with `mul`."""
    out, a, b = case
    options = {"module": module, "kernel": "tensor_zip", "fn": "mul"}
    check_kernel(subject, options, out, [a, b], a * b)


def check_reduce_kernel(subject: Subject, module: str, case: tuple[Array, int, Array]) -> None:
    """Reduce with `add` and with `mul`, from an output that holds their start values."""
    x, dim, _ = case
    options = {"module": module, "kernel": "tensor_reduce", "more": [dim]}
    total, product = x.sum(axis=dim, keepdims=True), x.prod(axis=dim, keepdims=True)
    check_kernel(subject, {**options, "fn": "add"}, np.zeros(total.shape), [x], total)
    check_kernel(subject, {**options, "fn": "mul"}, np.ones(product.shape), [x], product)


def check_reduce_continues(subject: Subject, module: str, case: tuple[Array, int, Array]) -> None:
    """Reduce with `add` from an output that holds other start values than 0."""
    x, dim, start = case
    options = {"module": module, "kernel": "tensor_reduce", "fn": "add", "more": [dim]}
    begin = np.ascontiguousarray(start)
    check_kernel(subject, options, begin, [x], begin + x.sum(axis=dim, keepdims=True))
