"""Findings: the results of comparisons, in separate parts for a report."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from grading.protocol.messages import Array, Plain, Request, Response, SubjectError

MOST_COLLECTED = 400
"""Number of findings kept for one check, the latest ones; more of them take memory and time."""


@dataclass(frozen=True)
class Finding:
    """Result of one comparison.

    Hypothesis shrinks the request: a report shows the smallest one that fails.

    Attributes:
        sentence: A sentence that says what is wrong, without a full stop; empty if nothing is.
        request: The request.
        name: The compared part of the response: "the result", "result 1", "the gradient of
            operand 0" or "the exception".
        expected: The expected value of that part; None if only a property was required.
        received: The received value of that part; None if it is missing.
        index: The first index at which two arrays differ; None if their shapes differ or the part
            is not an array.
        response: The whole response; None if the code under test raised an exception.
        kinds: The names of the exception's class and of its bases; empty if none was raised.
        right: True if the response is as expected.
        differing: Whether the elements of two arrays differ, as an array of bools; None if `index`
            is None.
    """

    sentence: str
    request: Request
    name: str = "the result"
    expected: Array | Plain | None = None
    received: Array | Plain | None = None
    index: tuple[int, ...] | None = None
    response: Response | None = None
    kinds: tuple[str, ...] = ()
    right: bool = False
    differing: Array | None = None


def finding_of(error: BaseException) -> Finding | None:
    """Return the finding of an exception that ended a check; None if it has none.

    A `MismatchError` has a finding. A `SubjectError` becomes one: the code under test raised an
    exception where a response was expected.
    """
    if isinstance(error, SubjectError):
        sentence = f"{error.kinds[0]} was raised: {error.message}".rstrip(".")
        return Finding(sentence, error.request, "the exception", kinds=error.kinds)
    found = getattr(error, "finding", None)
    return found if isinstance(found, Finding) else None


_collected: ContextVar[deque[Finding] | None] = ContextVar("_collected", default=None)


@contextmanager
def collecting() -> Iterator[deque[Finding]]:
    """Collect the findings of all comparisons in the body of a `with` statement.

    They include right responses, and wrong ones that hypothesis shrinks later. One small
    counterexample may fit several mistakes; all responses together rarely do.
    """
    findings: deque[Finding] = deque(maxlen=MOST_COLLECTED)
    token = _collected.set(findings)
    try:
        yield findings
    finally:
        _collected.reset(token)


def note(finding: Finding) -> None:
    """Add a finding to the collection, if there is one."""
    findings = _collected.get()
    if findings is not None:
        findings.append(finding)


def note_right(response: Response, name: str) -> None:
    """Add the finding that a part of a response is as expected, if there is a collection."""
    if _collected.get() is not None:
        note(Finding("", response.request, name, response=response, right=True))
