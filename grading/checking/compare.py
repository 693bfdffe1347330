"""Comparisons of received with expected results; failures say what differs and where."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from grading.checking.finding import Finding, note, note_right
from grading.protocol.messages import Array, Plain, Response, Subject, SubjectError

Form = TypeVar("Form")

RELATIVE = 1e-6
"""Relative tolerance: it covers rounding in double precision, for any order of a sum."""

ABSOLUTE = 1e-8
"""Absolute tolerance, for results near 0."""


class MismatchError(AssertionError):
    """A result is not the expected one.

    Attributes:
        finding: The failed comparison, in separate parts for a report.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(_text(finding))
        self.finding = finding
        note(finding)


def expect_array(
    response: Response,
    expected: npt.ArrayLike,
    *,
    which: int = 0,
    what: str = "",
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
) -> None:
    """Compare the shape and every element of one returned array; NaN equals NaN.

    Args:
        response: The response.
        expected: The expected array.
        which: The number of the returned array.
        what: The words for this array in the sentence of the error, one of the forms that
            `grading.policy.visibility` recognises; by default the name of the finding.
        relative: Relative tolerance.
        absolute: Absolute tolerance.

    Raises:
        MismatchError: They differ.
    """
    name = "the result" if len(response.arrays) == 1 else f"result {which}"
    received = response.arrays[which] if which < len(response.arrays) else None
    _expect(response, name, received, expected, relative, absolute, what)


def expect_any_array(
    response: Response,
    forms: Sequence[npt.ArrayLike],
    *,
    which: int = 0,
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
) -> None:
    """Compare one returned array with several right ones; it has to equal one of them completely.

    Raises:
        MismatchError: It differs from each; the error shows the one with the fewest differences.
    """
    received = response.arrays[which] if which < len(response.arrays) else None
    nearest = _nearest(forms, lambda form: _wrong(received, form, relative, absolute))
    expect_array(response, nearest, which=which, relative=relative, absolute=absolute)


def expect_any_gradients(
    response: Response,
    forms: Sequence[Sequence[Array | None]],
    *,
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
) -> None:
    """Compare the gradients with several right ones, as `expect_any_array` does.

    Raises:
        MismatchError: They differ from each; the error shows those with the fewest differences.
    """

    def wrong(form: Sequence[Array | None]) -> int:
        return sum(
            _wrong(received, right, relative, absolute)
            for received, right in zip(response.gradients, form, strict=False)
            if right is not None
        )

    nearest = _nearest(forms, wrong)
    expect_gradients(response, nearest, relative=relative, absolute=absolute)


def expect_gradients(
    response: Response,
    expected: Sequence[Array | None],
    *,
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
) -> None:
    """Compare the gradients of the operands, except where None is expected.

    The gradient of an operand without elements may be missing.

    Raises:
        MismatchError: They differ.
    """
    for i, right in enumerate(expected):
        if right is None:
            continue
        received = response.gradients[i] if i < len(response.gradients) else None
        if received is None and not right.size:
            continue
        _expect(response, f"the gradient of operand {i}", received, right, relative, absolute)


def expect_plain(response: Response, expected: Plain, what: str = "the result") -> None:
    """Compare a result that is not an array: floats up to rounding, everything else exactly.

    Raises:
        MismatchError: They differ.
    """
    if alike(response.plain, expected):
        note_right(response, what)
    else:
        sentence = f"{what} is wrong"
        raise MismatchError(
            Finding(sentence, response.request, what, expected, response.plain, response=response)
        )


def expect(
    condition: bool,
    message: str,
    response: Response,
    *,
    expected: Plain = None,
    received: Plain = None,
) -> None:
    """Require a property of a response.

    Args:
        condition: True if the response has the property.
        message: The sentence of the finding: it says what is wrong, without a full stop.
        response: The response.
        expected: The expected value, if the property is that a part of the response has it.
        received: This part; None for the whole response.

    Raises:
        MismatchError: The condition is false.
    """
    if not condition:
        whole = response.plain
        if response.arrays:
            whole = response.arrays[0] if len(response.arrays) == 1 else response.arrays
        raise MismatchError(
            Finding(
                message,
                response.request,
                expected=expected,
                received=whole if received is None else received,
                response=response,
            )
        )


def expect_refusal(
    subject: Subject,
    operation: str,
    arrays: Sequence[Array] = (),
    options: Mapping[str, Plain] | None = None,
    kind: str | None = None,
) -> None:
    """Require that the code under test raises an exception for invalid arguments.

    Args:
        subject: The code under test.
        operation: As in `Request`.
        arrays: As in `Request`.
        options: As in `Request`.
        kind: The name of the exception's class or of one of its bases; None for any exception.

    Raises:
        MismatchError: It returned something, or raised another exception.
    """
    expected = f"an {kind}" if kind else "an exception"
    try:
        response = subject.call(operation, arrays, options)
    except SubjectError as error:
        if type(error) is not SubjectError:
            raise  # The worker was lost: the arguments were not rejected.
        if kind is None or kind in error.kinds:
            return
        sentence = f"{error.kinds[0]} was raised, expected {expected}"
        raise MismatchError(
            Finding(sentence, error.request, "the exception", expected, error.kinds[0])
        ) from error
    received = response.plain if not response.arrays else response.array
    raise MismatchError(
        Finding(
            f"no exception was raised for invalid arguments of {operation}, expected {expected}",
            response.request,
            "the exception",
            expected,
            received,
            response=response,
        )
    )


def _expect(
    response: Response,
    name: str,
    received: Array | None,
    expected: npt.ArrayLike,
    relative: float,
    absolute: float,
    what: str = "",
) -> None:
    right = np.asarray(expected, np.float64)
    differing = index = None
    what = what or name
    if received is None:
        sentence = f"{what} is missing"
    elif received.shape != right.shape:
        sentence = f"{what} has shape {received.shape}, expected {right.shape}"
    else:
        close = np.isclose(received, right, rtol=relative, atol=absolute, equal_nan=True)
        if close.all():
            note_right(response, name)
            return
        differing = ~close
        index = tuple(int(i) for i in np.argwhere(differing)[0])
        sentence = (
            f"{what} is wrong at {int(differing.sum())} of {right.size} indices, first at {index}: "
            f"expected {right[index]:.9g}, received {received[index]:.9g}"
        )
    raise MismatchError(
        Finding(
            sentence,
            response.request,
            name,
            right,
            received,
            index,
            response,
            differing=differing,
        )
    )


def _nearest(forms: Sequence[Form], wrong: Callable[[Form], int]) -> Form:
    """Return the form with the fewest differences."""
    return forms[0] if len(forms) == 1 else min(forms, key=wrong)


def _wrong(
    received: Array | None, expected: npt.ArrayLike, relative: float, absolute: float
) -> int:
    """Return the number of elements that differ: all of them if the shapes differ."""
    right = np.asarray(expected, np.float64)
    if received is None or received.shape != right.shape:
        return max(1, right.size)
    close = np.isclose(received, right, rtol=relative, atol=absolute, equal_nan=True)
    return int((~close).sum())


def _text(finding: Finding) -> str:
    lines = [finding.sentence]
    if finding.expected is not None:
        lines.append(f"expected\n{finding.expected}")
    lines += [f"received\n{finding.received}", f"input {finding.request}"]
    return "\n".join(lines)


def alike(received: Plain, expected: Plain) -> bool:
    """Return whether two values are equal, floats up to rounding."""
    if isinstance(expected, float) and isinstance(received, int | float):
        try:
            both_nan = math.isnan(expected) and math.isnan(received)
            near = math.isclose(received, expected, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
        except OverflowError:  # An integer beyond all floats.
            return False
        return both_nan or near
    if isinstance(expected, list | tuple) and isinstance(received, list | tuple):
        return len(received) == len(expected) and all(map(alike, received, expected))
    if isinstance(expected, dict) and isinstance(received, dict):
        return received.keys() == expected.keys() and all(
            alike(received[key], value) for key, value in expected.items()
        )
    return bool(received == expected)
