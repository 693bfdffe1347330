"""Errors of workers: faults of the grader's environment, and of the submission."""

from collections.abc import Sequence

from grading.protocol.messages import Request, SubjectError


class IsolationError(Exception):
    """The grader cannot start a worker, or not with the required isolation.

    The submission is never at fault: no code under test has run when this is raised.
    """


class WorkerError(SubjectError):
    """The worker ended or had to be stopped during a request.

    The first of the kinds is the reason: "WorkerDied", "TimedOut", "OutOfTime", "OutOfMemory",
    "TooManyProcesses", "TooMuchOutput", "TooManyFiles" or "BadReply".
    """

    def __init__(
        self,
        kind: str,
        message: str,
        request: Request,
        output: str = "",
        trace: Sequence[tuple[str, int, str]] = (),
    ) -> None:
        super().__init__([kind, "WorkerError"], message, request, trace, output)


class CheckAbandoned(BaseException):
    """A check stops: it lost the worker too often, or there is no time left.

    The class does not derive from `Exception`, so that hypothesis stops, too. Otherwise it would
    search for a smaller input, and each try would cost another worker and another timeout.

    Attributes:
        error: The error of the smallest request.
    """

    def __init__(self, error: WorkerError, reason: str) -> None:
        super().__init__(f"the check stops: {reason}: {error}")
        self.error = error


class LostError(Exception):
    """The worker ended or exceeded a limit; becomes a `WorkerError`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def smallest(errors: Sequence[WorkerError]) -> WorkerError:
    """Return the error whose request has the smallest input."""

    def size(error: WorkerError) -> int:
        arrays = error.request.arrays
        return sum(array.size for array in arrays) + len(repr(error.request.options))

    return min(errors, key=size)
