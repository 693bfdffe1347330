"""What a failed check has found out, in parts that a report can lay out."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from grading.protocol.messages import Array, Plain, Request, Response, SubjectError

MOST_COLLECTED = 400
"""How many findings of one check are kept, the latest ones."""


@dataclass(frozen=True)
class Finding:
    """What the comparison of one answer came to: a wrong answer, as a rule.

    Hypothesis has shrunk the request by the time that a finding reaches a report: it is the
    smallest that goes wrong.

    Attributes:
        sentence: What is wrong, in one sentence without a full stop.
        request: What was asked.
        name: Which part of the answer is wrong: "the result", "result 1", "the gradient of
            operand 0", "the exception".
        expected: The right value of that part; None where only a property was demanded.
        received: What came instead; None if nothing did.
        index: The first index at which two arrays differ; None if their shapes do, and for
            what is no array.
        answer: The whole answer; None if the code under test raised an exception.
        kinds: The names of the exception's class and of its bases; empty if none was raised.
        right: The answer was as expected: nothing was found.
    """

    sentence: str
    request: Request
    name: str = "the result"
    expected: Array | Plain | None = None
    received: Array | Plain | None = None
    index: tuple[int, ...] | None = None
    answer: Response | None = None
    kinds: tuple[str, ...] = ()
    right: bool = False


def finding_of(error: BaseException) -> Finding | None:
    """Return what an exception that ended a check has found; None if it is no wrong answer.

    A `MismatchError` brings its finding along; a `SubjectError` is one, too: the code under test
    raised an exception where an answer was expected.
    """
    if isinstance(error, SubjectError):
        sentence = f"{error.kinds[0]} was raised: {error.message}".rstrip(".")
        return Finding(sentence, error.request, "the exception", kinds=error.kinds)
    found = getattr(error, "finding", None)
    return found if isinstance(found, Finding) else None


_collected: ContextVar[deque[Finding] | None] = ContextVar("_collected", default=None)


@contextmanager
def collecting() -> Iterator[deque[Finding]]:
    """Gather what every comparison of what runs inside comes to.

    Among them are the wrong answers that hypothesis then shrinks away, and the right ones. One
    small counter-example may fit several mistakes; all answers together seldom do.
    """
    findings: deque[Finding] = deque(maxlen=MOST_COLLECTED)
    token = _collected.set(findings)
    try:
        yield findings
    finally:
        _collected.reset(token)


def note(finding: Finding) -> None:
    """Add a finding to those that are being collected, if any are."""
    findings = _collected.get()
    if findings is not None:
        findings.append(finding)


def note_right(answer: Response, name: str) -> None:
    """Note that a part of an answer is as expected, if anything is being collected."""
    if _collected.get() is not None:
        note(Finding("", answer.request, name, answer=answer, right=True))
