r"""NumPy's random numbers on the device: the generator PCG64 with random access.

PCG64 is a linear congruential generator of 128 bits, $s_{i+1} = m s_i + c$, each state of which is
scrambled into 64 random bits (M. O'Neill: PCG: A family of simple fast space-efficient
statistically good algorithms for random number generation, 2014, section 6.3.3, XSL RR). $k$
steps together have the form $s \mapsto m_k s + c_k$, where $m_k, c_k$ follow from repeated squaring
(F. Brown: Random number generation with arbitrary strides, Transactions of the American Nuclear
Society 71, 1994). So each thread jumps to its first number, and all threads together draw the same
numbers as the generator on the host.

A 128-bit number is a pair of 64-bit numbers, the upper half first.
"""

import math
from typing import Any

import numpy as np

from mt_kernels_cuda.jit import device_function

MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
"""Multiplier m of PCG64. Another one gives other random numbers than NumPy's."""

MASK = 2**128 - 1
U = np.uint64
ZERO, ONE, LOW, HALF, ROTATE, BITS, LARGEST, UNUSED = (
    U(number) for number in (0, 1, 0xFFFFFFFF, 32, 58, 64, 63, 11)
)
FACTOR_HIGH, FACTOR_LOW = U(MULTIPLIER >> 64), U(MULTIPLIER & (2**64 - 1))

Pair = tuple[Any, Any]
Step = tuple[int, int]


def steps(increment: int, count: int) -> Step:
    """Return factor and term of `count` steps together.

    >>> steps(3, 1) == (MULTIPLIER, 3)
    True
    """
    factor, term, m, c = 1, 0, MULTIPLIER, increment
    while count > 0:
        if count & 1:
            factor, term = factor * m & MASK, (term * m + c) & MASK
        m, c, count = m * m & MASK, (m + 1) * c & MASK, count >> 1
    return factor, term


def halves(number: int) -> Pair:
    """Return the upper and the lower half of a 128-bit number."""
    return U(number >> 64), U(number & (2**64 - 1))


def threshold(rate: float) -> np.uint64:
    """Return the least value of 53 random bits that represents a number of at least `rate`."""
    return U(math.ceil(rate * 2.0**53))


@device_function
def plus(a: Pair, b: Pair) -> Pair:
    """Return the sum of two 128-bit numbers, modulo 2^128."""
    (a_high, a_low), (b_high, b_low) = a, b
    low = a_low + b_low
    carry = ONE if low < a_low else ZERO
    return a_high + b_high + carry, low


@device_function
def times(a: Pair, b: Pair) -> Pair:
    """Return the product of two 128-bit numbers, modulo 2^128."""
    (a_upper, a_lower), (b_upper, b_lower) = a, b
    a_low, a_high, b_low, b_high = a_lower & LOW, a_lower >> HALF, b_lower & LOW, b_lower >> HALF
    first = a_low * b_low
    middle = a_high * b_low + (first >> HALF)
    other = a_low * b_high + (middle & LOW)
    carried = a_high * b_high + (middle >> HALF) + (other >> HALF)
    return carried + a_upper * b_lower + a_lower * b_upper, a_lower * b_lower


@device_function
def jump(state: Pair, increment: Pair, count: Any) -> Pair:
    """Return the state after `count` steps."""
    m, c = (FACTOR_HIGH, FACTOR_LOW), increment
    rest = U(count)
    while rest > ZERO:
        if rest & ONE == ONE:
            state = plus(times(state, m), c)
        c = plus(times(m, c), c)
        m = times(m, m)
        rest = rest >> ONE
    return state


@device_function
def scramble(state: Pair) -> Any:
    """Return the 53 random bits of a state that determine a number in [0, 1)."""
    upper, lower = state
    mixed = upper ^ lower
    turn = upper >> ROTATE
    word = (mixed >> turn) | (mixed << ((BITS - turn) & LARGEST))
    return word >> UNUSED
