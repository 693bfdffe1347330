"""Attribution of exceptions to the submission or to the grader.

A handler of a request runs in the region `submission_code`: its exceptions are the submission's
fault. This includes exceptions whose traceback has no line of the submission, such as a wrong
number of arguments, a result of a wrong type, or a function that numba cannot compile. Statements
of a handler that use nothing of the submission are in the region `grader_code`. The innermost
region decides; an exception outside both regions is the grader's fault.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any


class Region:
    """Statements whose exceptions are the fault of one side; a context manager.

    Attributes:
        error: The last exception that left the statements.
        other: The region of the other side.
    """

    __slots__ = ("error", "other")

    def __init__(self, other: "Region | None" = None) -> None:
        self.error: BaseException | None = None
        self.other = other

    def __enter__(self) -> None:
        """Enter the region."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Store an exception, unless it left an inner region of the other side.

        The method allocates nothing, because memory may be exhausted.
        """
        if error is not None and (self.other is None or self.other.error is not error):
            self.error = error


submission_code = Region()
grader_code = Region(submission_code)
submission_code.other = grader_code


class Options(dict[str, Any]):
    """Options of a request; a missing option is a fault of the grader."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)

    def __missing__(self, key: str) -> Any:
        with grader_code:
            raise KeyError(key)


def forget() -> None:
    """Clear the exceptions of the previous request."""
    submission_code.error = grader_code.error = None


def is_graders(error: BaseException) -> bool:
    """Return whether an exception is the grader's fault."""
    return submission_code.error is not error
