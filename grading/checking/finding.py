"""Findings: the results of comparisons, in separate parts for a report."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any

from grading.protocol.messages import Array, Plain, Request, Response, SubjectError

MOST_COLLECTED = 200
"""Number of right answers and of wrong answers kept for one check: the first and the last half.

The first wrong answers are those from before shrinking.
"""

MOST_BYTES = 1 << 24
"""Largest number of bytes of the arrays of the answers kept for one check."""


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


class _Ends:
    """The first and the last findings of a sequence; those between them are dropped."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self.first: list[Finding] = []
        self.last: deque[Finding] = deque()

    def add(self, finding: Finding) -> Finding | None:
        """Add a finding, and return the one that it displaces, if any."""
        if len(self.first) < self._half:
            self.first.append(finding)
            return None
        self.last.append(finding)
        return self.last.popleft() if len(self.last) > self._half else None

    def __iter__(self) -> Iterator[Finding]:
        yield from self.first
        yield from self.last


class Collection:
    """Findings of one check, bounded in number and in bytes.

    Iteration yields the right answers in their order, then the wrong ones in theirs.
    """

    def __init__(self, most: int = MOST_COLLECTED, most_bytes: int = MOST_BYTES) -> None:
        self._right, self._wrong = _Ends(most), _Ends(most)
        self._free = most_bytes

    def add(self, finding: Finding) -> None:
        """Add a finding, unless its arrays take more memory than is left."""
        size = _bytes(finding)
        if size > self._free:
            return
        self._free -= size
        displaced = (self._right if finding.right else self._wrong).add(finding)
        if displaced is not None:
            self._free += _bytes(displaced)

    def __iter__(self) -> Iterator[Finding]:
        yield from self._right
        yield from self._wrong


def _bytes(finding: Finding) -> int:
    """Return the number of bytes of the arrays of a request and its response."""
    request, response = finding.request, finding.response
    arrays = [*request.arrays, request.upstream]
    if response is not None:
        arrays += [*response.arrays, *response.gradients]
    return sum(array.nbytes for array in arrays if array is not None)


_collected: ContextVar[Collection | None] = ContextVar("_collected", default=None)


@contextmanager
def collecting() -> Iterator[Collection]:
    """Collect the findings of all comparisons in the body of a `with` statement.

    They include right responses, and wrong ones that hypothesis shrinks later. One small
    counterexample may fit several mistakes; all responses together rarely do.
    """
    findings = Collection()
    token = _collected.set(findings)
    try:
        yield findings
    finally:
        _collected.reset(token)


def note(finding: Finding) -> None:
    """Add a finding to the collection, if there is one."""
    findings = _collected.get()
    if findings is not None:
        findings.add(finding)


def note_right(response: Response, name: str) -> None:
    """Add the finding that a part of a response is as expected, if there is a collection."""
    if _collected.get() is not None:
        note(Finding("", response.request, name, response=response, right=True))


def noting_errors(check: Callable[..., Any]) -> Callable[..., Any]:
    """Return a check that adds the exceptions of the code under test to the collection.

    Comparisons add their findings themselves. Hypothesis catches an exception of an example, so
    that only the check itself can add it.
    """

    @wraps(check)
    def noted(*args: Any, **kwargs: Any) -> Any:
        try:
            return check(*args, **kwargs)
        except SubjectError as error:
            finding = finding_of(error)
            if finding is not None:
                note(finding)
            raise

    return noted
