"""Checks of map, zip, reduce and the functions that use them, for every backend.

Tasks 2.3, 2.4, 3.1 and 3.3 check the same properties of different code.
"""

from collections.abc import Sequence

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from grading.checking.compare import expect_any_array, expect_any_gradients, expect_array
from grading.checking.oracles.programs import SMOOTH
from grading.checking.oracles.tensors import elementwise_forms, elementwise_gradient_forms
from grading.checking.strategies import NONZERO, QUARTERS, arrays, broadcastable, shapes
from grading.protocol.messages import Array, Plain, Subject

UNARY = ("neg", "relu", "sigmoid", "exp", "log")
BINARY = ("add", "sub", "mul", "div", "lt", "gt", "eq")

SAFE: dict[str, tuple[float, ...]] = {
    # Ordered: hypothesis shrinks towards the first number.
    "div": NONZERO,
    "exp": tuple(x for x in QUARTERS if abs(x) < 3),
    "log": tuple(sorted((n / 4 for n in range(1, 25)), key=lambda x: (x % 1 != 0, x))),
    "relu": NONZERO,
}
"""Operands at which a function is smooth, the simplest first; others draw from `QUARTERS`."""


@st.composite
def one_tensor(draw: st.DrawFn, name: str, max_side: int = 4) -> tuple[Array, Array]:
    """Draw an operand of a function and an upstream gradient, each in any memory layout."""
    shape = draw(shapes(max_side=max_side))
    return draw(arrays(shape, SAFE.get(name, QUARTERS))), draw(arrays(shape))


@st.composite
def two_tensors(draw: st.DrawFn, name: str) -> tuple[Array, Array, Array]:
    """Draw two operands that broadcast, and an upstream gradient."""
    first, second = draw(broadcastable())
    a = draw(arrays(first))
    b = draw(arrays(second, SAFE.get(name, QUARTERS)))
    return a, b, draw(arrays(np.broadcast_shapes(first, second)))


def check_map(subject: Subject, name: str, x: Array, options: Plain) -> None:
    """Compare the result of a function of one operand."""
    response = subject.call(f"tensor.{name}", [x], options)
    expect_any_array(response, elementwise_forms(name, x))


def check_zip(subject: Subject, name: str, a: Array, b: Array, options: Plain) -> None:
    """Compare the result of a function of two operands."""
    response = subject.call(f"tensor.{name}", [a, b], options)
    expect_any_array(response, elementwise_forms(name, a, b))


def check_elementwise_gradients(
    subject: Subject, name: str, operands: Sequence[Array], upstream: Array, options: Plain
) -> None:
    """Compare the result and the gradients of a function at points where it is smooth."""
    _, fits = SMOOTH[name]
    assume(
        all(
            fits(*map(float, xs))
            for xs in zip(*map(np.ravel, np.broadcast_arrays(*operands)), strict=True)
        )
    )
    response = subject.call(f"tensor.{name}", operands, options, upstream)
    expect_any_array(response, elementwise_forms(name, *operands))
    expect_any_gradients(response, elementwise_gradient_forms(name, upstream, *operands))


@st.composite
def reductions(draw: st.DrawFn, max_side: int = 4) -> tuple[Array, int, Array]:
    """Draw a tensor, one of its dimensions, and an upstream gradient of a reduction over it."""
    shape = draw(shapes(max_side=max_side))
    dim = draw(st.integers(0, len(shape) - 1))
    reduced = (*shape[:dim], 1, *shape[dim + 1 :])
    return draw(arrays(shape)), dim, draw(arrays(reduced))


def check_sum(subject: Subject, x: Array, dim: int, options: Plain) -> None:
    """Compare a sum over a dimension, which keeps size 1."""
    response = subject.call("tensor.sum", [x], {**options, "dim": dim})
    expect_array(response, x.sum(axis=dim, keepdims=True))
