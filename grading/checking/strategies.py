"""Strategies of hypothesis for numbers, shapes, arrays in all memory layouts, programs and graphs.

The elements of arrays are small multiples of 1/4: sums are exact, and a shrunk example can be
computed by hand.
"""

import functools
import itertools
import math
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from grading.checking import textbook
from grading.checking.oracles.programs import SMOOTH, Program, apply
from grading.protocol.messages import Array, Plain

QUARTERS = tuple(
    sorted((n / 4 for n in range(-16, 17)), key=lambda x: (x % 1 != 0, x == 0, x < 0, abs(x)))
)
"""Multiples of 1/4 from -4 to 4, the simplest first: 1, 2, 3, 4, -1, …, -4, 0, 1/4, …"""

NONZERO = tuple(x for x in QUARTERS if x)
"""Those without 0, for functions with a kink or a pole there."""

quarters = textbook.numbers(st.sampled_from(QUARTERS))
"""Draws one of `QUARTERS`."""

positive = textbook.numbers(st.integers(1, 24).map(lambda n: n / 4), lambda x: x > 0)
"""Draws positive multiples of 1/4, for the logarithm and the reciprocal."""

small_floats = textbook.numbers(st.floats(-100, 100, allow_nan=False))
"""Draws any float from -100 to 100."""


def away_from(kink: float, numbers: st.SearchStrategy[float]) -> st.SearchStrategy[float]:
    """Draw numbers at a distance above 0.1 from the kink of a function."""
    return numbers.filter(lambda x: abs(x - kink) > 0.1)


def columns(
    numbers: st.SearchStrategy[float], count: int = 1
) -> st.SearchStrategy[tuple[Array, ...]]:
    """Draw `count` arrays of equal length: a row holds the arguments of a `count`-ary function.

    Shape:
        (1 to 8,) each.
    """
    row = st.tuples(*[numbers] * count)
    return st.lists(row, min_size=1, max_size=8).map(
        lambda rows: tuple(np.array(column, np.float64) for column in zip(*rows, strict=True))
    )


def shapes(
    min_dims: int = 1, max_dims: int = 4, max_side: int = 4, min_side: int = 1
) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw shapes."""
    dims = st.integers(min_dims, max_dims)
    return dims.flatmap(lambda dims: textbook.sizes((max_side,) * dims, min_side))


@st.composite
def arrays(
    draw: st.DrawFn,
    shape: Sequence[int],
    numbers: Sequence[float] = QUARTERS,
    permuted: bool = True,
) -> Array:
    """Draw an array.

    The simplest array does not repeat a number before it has used all: hypothesis draws it often,
    and an array of equal elements hides most mistakes in indices.

    Args:
        draw: Draws from a strategy.
        shape: The shape.
        numbers: The values of elements; the simplest array begins with the first of them. Textbook
            examples have those integers among them that are not 0, if there are several.
        permuted: True if the dimensions may be in any order in memory.
    """
    integers = list(dict.fromkeys(x for x in numbers if x % 1 == 0 != x))
    if textbook.is_active() and numbers is QUARTERS:
        values = draw(textbook.values(shape))
    elif textbook.is_active() and len(integers) > 1:
        places = draw(textbook.values(shape)).astype(int) - 1
        values = np.array(integers, np.float64)[places % len(integers)]
    else:
        count = np.arange(math.prod(shape)).reshape(tuple(shape))
        values = np.array(numbers, np.float64)[(draw(_bytes(shape)) + count) % len(numbers)]
    return draw(laid_out(values)) if permuted else values


def _bytes(shape: Sequence[int]) -> st.SearchStrategy[Array]:
    """Draw an array of bytes with a single draw, because a draw for each element is much slower.

    Hypothesis still shrinks it element by element, towards 0.
    """
    size = math.prod(shape)
    drawn = st.binary(min_size=size, max_size=size)
    return drawn.map(lambda data: np.frombuffer(data, np.uint8).reshape(tuple(shape)))


@st.composite
def laid_out(draw: st.DrawFn, array: Array) -> Array:
    """Draw a copy of an array whose dimensions have another order in memory."""
    order = draw(_orders(array.ndim))
    inverse = np.argsort(order)
    return np.ascontiguousarray(array.transpose(order)).transpose(inverse)


@functools.cache
def _orders(dims: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw a permutation of dimensions; hypothesis shrinks towards the identity."""
    return st.sampled_from(tuple(itertools.permutations(range(dims))))


@st.composite
def distinct(draw: st.DrawFn, shape: Sequence[int]) -> Array:
    """Draw an array whose elements differ by at least 1/2."""
    if textbook.is_active():
        return draw(laid_out(draw(textbook.values(shape, equal=False))))
    size = math.prod(shape)
    ranks = np.argsort(draw(_bytes((size,))), kind="stable")
    values = (ranks.astype(np.float64) - size // 2) / 2
    return draw(laid_out(values.reshape(tuple(shape))))


@st.composite
def broadcastable(draw: st.DrawFn, max_dims: int = 4) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw two shapes that broadcast together."""
    common = draw(shapes(1, max_dims, 3))
    pair = []
    for _ in range(2):
        cut = common[draw(st.integers(0, len(common) - 1)) :]
        pair.append(tuple(1 if draw(st.booleans()) else size for size in cut))
    return pair[0], pair[1]


@st.composite
def programs(
    draw: st.DrawFn, names: Sequence[str] = tuple(SMOOTH), max_steps: int = 8
) -> tuple[Program, list[float]]:
    """Draw a program of scalars and its inputs; no step is near a kink or a pole.

    A step may use an input or an earlier result twice, or a plain number on either side. The left
    operand of a minus is never a number: no edition of the course defines ``number - Scalar``.
    """
    inputs = [draw(quarters) for _ in range(draw(st.integers(1, 3)))]
    nodes = list(inputs)
    program: Program = []
    for _ in range(draw(st.integers(1, max_steps))):
        name = draw(st.sampled_from(names))
        arity, fits = SMOOTH[name]
        operands: list[Plain] = [
            draw(st.integers(0, len(nodes) - 1) | quarters) for _ in range(arity)
        ]
        all_numbers = all(isinstance(operand, float) for operand in operands)
        if all_numbers or (name == "sub" and isinstance(operands[0], float)):
            operands[0] = len(nodes) - 1
        values = [nodes[o] if isinstance(o, int) else o for o in operands]
        if fits(*values):
            program.append([name, *operands])
            nodes.append(apply(name, *values))
    if not program:
        program.append(["neg", 0])
    return program, inputs


@st.composite
def graphs(draw: st.DrawFn, max_size: int = 8) -> Plain:
    """Draw a graph of variables with local derivatives; each edge leads to an earlier variable.

    The last variable is a result. Some of the others are constants, which have no edges.
    """
    size = draw(st.integers(2, max_size))
    constants = draw(st.lists(st.integers(0, size - 2), max_size=2, unique=True))
    edges: list[list[tuple[int, float]]] = []
    for number in range(size):
        fewest = 1 if number == size - 1 else 0
        most = 0 if number == 0 or number in constants else 3
        parents = draw(st.lists(st.integers(0, max(0, number - 1)), min_size=fewest, max_size=most))
        edges.append([(parent, draw(quarters)) for parent in parents])
    return {"edges": edges, "constants": constants}
