"""Comparing what was received with what was expected, in words that help to find the mistake."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from grading.checking.finding import Finding, note, note_right
from grading.protocol.messages import Array, Plain, Response, Subject, SubjectError

RELATIVE = 1e-6
ABSOLUTE = 1e-8
"""Tolerances for results computed in double precision, in whatever order."""


class MismatchError(AssertionError):
    """A result is not the expected one.

    Attributes:
        finding: What is wrong, in parts that a report can lay out.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(_text(finding))
        self.finding = finding
        note(finding)


def expect_array(
    answer: Response,
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
    name = "the result" if len(answer.arrays) == 1 else f"result {which}"
    received = answer.arrays[which] if which < len(answer.arrays) else None
    _expect(answer, name, received, expected, relative, absolute)


def expect_any_array(
    answer: Response,
    forms: Sequence[npt.ArrayLike],
    *,
    which: int = 0,
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
) -> None:
    """Compare one of the returned arrays with several right ones: all of it with one of them.

    Raises:
        MismatchError: It differs from each; the nearest one is told.
    """
    received = answer.arrays[which] if which < len(answer.arrays) else None
    wrong = [_wrong(received, form, relative, absolute) for form in forms]
    nearest = forms[wrong.index(min(wrong))]
    expect_array(answer, nearest, which=which, relative=relative, absolute=absolute)


def expect_any_gradients(
    answer: Response,
    forms: Sequence[Sequence[Array | None]],
    *,
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
) -> None:
    """Compare the gradients with several right ones, as `expect_any_array` does.

    Raises:
        MismatchError: They differ from each; the nearest ones are told.
    """
    wrong = [
        sum(
            _wrong(received, wanted, relative, absolute)
            for received, wanted in zip(answer.gradients, form, strict=False)
            if wanted is not None
        )
        for form in forms
    ]
    nearest = forms[wrong.index(min(wrong))]
    expect_gradients(answer, nearest, relative=relative, absolute=absolute)


def expect_gradients(
    answer: Response,
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
        received = answer.gradients[i] if i < len(answer.gradients) else None
        if received is None and not wanted.size:
            continue
        _expect(answer, f"the gradient of operand {i}", received, wanted, relative, absolute)


def expect_plain(answer: Response, expected: Plain, what: str = "the result") -> None:
    """Compare a result that is not an array: exactly, but for the rounding of floats.

    Raises:
        MismatchError: They differ.
    """
    if _alike(answer.plain, expected):
        note_right(answer, what)
    else:
        sentence = f"{what} is wrong"
        raise MismatchError(
            Finding(sentence, answer.request, what, expected, answer.plain, answer=answer)
        )


def expect(condition: bool, message: str, answer: Response) -> None:
    """Demand something of an answer that no comparison expresses.

    Raises:
        MismatchError: It is not so.
    """
    if not condition:
        received = answer.plain
        if answer.arrays:
            received = answer.arrays[0] if len(answer.arrays) == 1 else answer.arrays
        raise MismatchError(Finding(message, answer.request, received=received, answer=answer))


def expect_refusal(
    subject: Subject,
    operation: str,
    arrays: Sequence[Array] = (),
    options: Mapping[str, Plain] | None = None,
    kind: str | None = None,
) -> None:
    """Demand that the code under test raises an exception, of a kind if one is named.

    Raises:
        MismatchError: It returned something, or raised another exception.
    """
    wanted = f"an {kind}" if kind else "an exception"
    try:
        answer = subject.call(operation, arrays, options)
    except SubjectError as error:
        if type(error) is not SubjectError:
            raise  # The worker was lost: that refuses nothing.
        if kind is None or kind in error.kinds:
            return
        sentence = f"{error.kinds[0]} was raised, expected {wanted}"
        raise MismatchError(
            Finding(sentence, error.request, "the exception", wanted, error.kinds[0])
        ) from error
    received = answer.plain if not answer.arrays else answer.array
    raise MismatchError(
        Finding(
            f"this is impossible, yet no exception was raised, expected {wanted}",
            answer.request,
            "the exception",
            wanted,
            received,
            answer=answer,
        )
    )


def _expect(
    answer: Response,
    name: str,
    received: Array | None,
    expected: npt.ArrayLike,
    relative: float,
    absolute: float,
) -> None:
    wanted = np.asarray(expected, np.float64)
    index = None
    if received is None:
        sentence = f"{name} is missing"
    elif received.shape != wanted.shape:
        sentence = f"{name} has shape {received.shape}, expected {wanted.shape}"
    else:
        close = np.isclose(received, wanted, rtol=relative, atol=absolute, equal_nan=True)
        if close.all():
            note_right(answer, name)
            return
        index = tuple(int(i) for i in np.argwhere(~close)[0])
        sentence = (
            f"{name} is wrong at {int((~close).sum())} of {wanted.size} indices, first at {index}: "
            f"expected {wanted[index]:.9g}, received {received[index]:.9g}"
        )
    raise MismatchError(Finding(sentence, answer.request, name, wanted, received, index, answer))


def _wrong(
    received: Array | None, expected: npt.ArrayLike, relative: float, absolute: float
) -> int:
    """Return how many elements differ; all of them where the shapes do."""
    wanted = np.asarray(expected, np.float64)
    if received is None or received.shape != wanted.shape:
        return max(1, wanted.size)
    close = np.isclose(received, wanted, rtol=relative, atol=absolute, equal_nan=True)
    return int((~close).sum())


def _text(finding: Finding) -> str:
    lines = [finding.sentence]
    if finding.expected is not None:
        lines.append(f"expected\n{finding.expected}")
    lines += [f"received\n{finding.received}", f"asked for {finding.request}"]
    return "\n".join(lines)


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
