"""Textbook examples: inputs that a teacher would write on a board.

Their numbers are small integers: 1, 2, 3, and so on through all operands, so that each number shows
where it comes from. Their dimensions have different sizes, so that exchanged dimensions show. Some
have negative or equal numbers, zeros, or another layout in memory; if a check fails without these,
too, hypothesis removes them by shrinking.

The strategies of `grading.checking.strategies` draw such inputs inside `examples()`. The judge
searches them for a counterexample after a check has failed; they do not decide whether it fails.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from hypothesis import strategies as st

from grading.protocol.messages import Array

_active: ContextVar[bool] = ContextVar("_active", default=False)


@contextmanager
def examples() -> Iterator[None]:
    """Draw textbook examples in the body of a `with` statement."""
    token = _active.set(True)
    try:
        yield
    finally:
        _active.reset(token)


def is_active() -> bool:
    """Return whether strategies draw textbook examples."""
    return _active.get()


class _Count:
    """The count through the numbers of one example.

    Attributes:
        last: The last number; 0 before the first.
    """

    def __init__(self) -> None:
        self.last = 0

    def block(self, size: int) -> int:
        """Return the first of the next `size` numbers."""
        first = self.last + 1
        self.last += size
        return first

    def single(self) -> int:
        """Return the next number from 2 on: multiplication by 1 hides mistakes."""
        self.last = max(2, self.last + 1)
        return self.last


_counts = st.shared(st.builds(_Count), key="numbers of a textbook example")

SINGLES: tuple[Callable[[_Count], int], ...] = (
    _Count.single,
    lambda count: -count.single(),
    lambda count: count.last or count.single(),
    lambda count: 0,
)
"""Choices of a single number, the simplest first: the next, its negative, the last again, 0."""

UNEQUAL: tuple[Callable[[Array], Array], ...] = (
    lambda ranks: ranks,
    lambda ranks: np.random.default_rng(ranks.size).permutation(ranks),
    lambda ranks: ranks[::-1],
    lambda ranks: np.where(np.arange(ranks.size) % 2, -ranks, ranks),
    lambda ranks: -ranks,
)
"""Orders of increasing numbers, the simplest first; the elements remain unequal."""

ORDERS: tuple[Callable[[Array], Array], ...] = (
    *UNEQUAL,
    lambda ranks: np.repeat(ranks, 2)[: ranks.size],
    lambda ranks: np.where(np.arange(ranks.size) % 3, ranks, 0),
)
"""Those orders, one with pairs of equal numbers, and one with zeros."""


@st.composite
def numbers(
    draw: st.DrawFn,
    usual: st.SearchStrategy[float],
    allowed: Callable[[float], bool] = lambda x: True,
) -> float:
    """Draw a number.

    Args:
        draw: Draws from a strategy.
        usual: The strategy outside textbook examples.
        allowed: Returns whether a number is in the domain of the check; positive integers from 2 on
            have to be.
    """
    if not is_active():
        return draw(usual)
    count = draw(_counts)
    number = float(draw(st.sampled_from(SINGLES))(count))
    return number if allowed(number) else float(count.single())


@st.composite
def values(draw: st.DrawFn, shape: Sequence[int], *, equal: bool = True) -> Array:
    """Draw an array of integers, which continue the count of earlier operands.

    Args:
        draw: Draws from a strategy.
        shape: The shape.
        equal: True if elements may be equal.
    """
    size = math.prod(shape)
    first = draw(_counts).block(size)
    order = draw(st.sampled_from(ORDERS if equal else UNEQUAL))
    return order(np.arange(first, first + size)).astype(np.float64).reshape(tuple(shape))


def shuffled(rng: np.random.Generator, shape: Sequence[int]) -> Array:
    """Return an array of the integers from 1 on in random order, for checks of a single input."""
    return rng.permutation(np.arange(1.0, math.prod(shape) + 1)).reshape(tuple(shape))


@st.composite
def sizes(draw: st.DrawFn, maxima: Sequence[int], least: int = 1) -> tuple[int, ...]:
    """Draw a size for each dimension.

    In textbook examples, at least two sizes are not 1, usually the last ones. These sizes increase
    or decrease from 2 to 5, and begin again if there are more, so neighbours differ. They may
    exceed the maxima. A single size is 3, 2 or 4.

    Args:
        draw: Draws from a strategy.
        maxima: The largest size of each dimension.
        least: The smallest size; if it is not 1, textbook examples have no sizes of 1.
    """
    if not is_active():
        return tuple(draw(st.integers(least, most)) for most in maxima)
    if len(maxima) == 1:
        return (draw(st.sampled_from((3, 2, 4))),)
    wide = [draw(st.booleans()) or least > 1 for _ in maxima]
    for dim in reversed(range(len(maxima))):
        wide[dim] = wide[dim] or sum(wide) < 2
    ranks = range(sum(wide))
    chosen = iter(reversed(ranks) if draw(st.booleans()) else ranks)
    return tuple(2 + next(chosen) % 4 if is_wide else 1 for is_wide in wide)
