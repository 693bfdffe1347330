"""Comparing what was received with what was expected, in words that help to find the mistake."""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from grading.subject import Answer, Array, Plain, Request

RELATIVE = 1e-6
ABSOLUTE = 1e-8
"""Tolerances for results computed in double precision, in whatever order."""

F = TypeVar("F", bound=Callable[..., None])


class MismatchError(AssertionError):
    """A result is not the expected one."""


def advice(reason: str) -> Callable[[F], F]:
    """Mark a check whose outcome is told and costs no points, with the reason. A decorator.

    The grader reads the attribute `advice` of the check. Where nothing is graded, as in this
    repository's own tests, such a check fails like any other.
    """

    def mark(check: F) -> F:
        check.advice = reason  # type: ignore[attr-defined]
        return check

    return mark


def expect_array(
    answer: Answer,
    expected: npt.ArrayLike,
    *,
    which: int = 0,
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
) -> None:
    """Compare one of the returned arrays, shape and every element; NaN equals NaN.

    Raises:
        MismatchError: They differ.
    """
    if which >= len(answer.arrays):
        raise MismatchError(f"result {which} is missing: {answer.request}")
    name = "the result" if len(answer.arrays) == 1 else f"result {which}"
    _expect(answer.request, name, answer.arrays[which], expected, relative, absolute)


def expect_gradients(
    answer: Answer,
    expected: Sequence[Array | None],
    *,
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
) -> None:
    """Compare the gradients of the operands; None for one that does not matter.

    An operand without elements may have received no gradient.

    Raises:
        MismatchError: They differ.
    """
    for i, wanted in enumerate(expected):
        if wanted is None:
            continue
        received = answer.gradients[i]
        if received is None:
            if wanted.size:
                raise MismatchError(f"operand {i} received no gradient\nasked for {answer.request}")
            continue
        name = f"the gradient of operand {i}"
        _expect(answer.request, name, received, wanted, relative, absolute)


def expect_plain(answer: Answer, expected: Plain, what: str = "the result") -> None:
    """Compare a result that is not an array: exactly, but for the rounding of floats.

    Raises:
        MismatchError: They differ.
    """
    if not _alike(answer.plain, expected):
        raise MismatchError(
            f"{what} is wrong\nexpected {expected!r}\nreceived {answer.plain!r}"
            f"\nasked for {answer.request}"
        )


def expect(condition: bool, message: str, answer: Answer) -> None:
    """Demand something of an answer that no comparison expresses.

    Raises:
        MismatchError: It is not so.
    """
    if not condition:
        received = answer.plain if not answer.arrays else answer.arrays
        raise MismatchError(f"{message}\nreceived {received!r}\nasked for {answer.request}")


def _expect(
    request: Request,
    name: str,
    received: Array,
    expected: npt.ArrayLike,
    relative: float,
    absolute: float,
) -> None:
    wanted = np.asarray(expected, np.float64)
    if received.shape != wanted.shape:
        raise MismatchError(
            f"{name} has shape {received.shape}, expected {wanted.shape}\nasked for {request}"
        )
    close = np.isclose(received, wanted, rtol=relative, atol=absolute, equal_nan=True)
    if close.all():
        return
    index = tuple(int(i) for i in np.argwhere(~close)[0])
    raise MismatchError(
        f"{name} is wrong at {int((~close).sum())} of {wanted.size} indices, first at {index}: "
        f"expected {wanted[index]:.9g}, received {received[index]:.9g}"
        f"\nexpected\n{wanted}\nreceived\n{received}\nasked for {request}"
    )


def _alike(received: Plain, expected: Plain) -> bool:
    if isinstance(expected, float) and isinstance(received, int | float):
        both_nan = math.isnan(expected) and math.isnan(received)
        near = math.isclose(received, expected, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
        return both_nan or near
    if isinstance(expected, list | tuple) and isinstance(received, list | tuple):
        return len(received) == len(expected) and all(map(_alike, received, expected))
    if isinstance(expected, dict) and isinstance(received, dict):
        return received.keys() == expected.keys() and all(
            _alike(received[key], value) for key, value in expected.items()
        )
    return bool(received == expected)
