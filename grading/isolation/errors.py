"""What can go wrong with a worker, and whose fault it is."""

from collections.abc import Sequence

from grading.protocol.messages import Request, SubjectError


class IsolationError(Exception):
    """The grader cannot run a worker here, or not as isolated as was demanded.

    It is never the submission's fault: no code under test has run when this is raised.
    """


class WorkerError(SubjectError):
    """The worker was lost, or had to be stopped, while it did what was asked.

    The first of the kinds says why: "WorkerDied", "TimedOut", "OutOfMemory", "TooManyProcesses",
    "TooMuchOutput", "TooManyFiles" or "BadReply".
    """

    def __init__(self, kind: str, message: str, request: Request, output: str = "") -> None:
        super().__init__([kind, "WorkerError"], message, request, output=output)


class CheckAbandoned(BaseException):
    """A check is given up: the worker was lost too often in it, or there is no time left.

    It is no `Exception`, so that hypothesis does not go on to look for a smaller input, each of
    which would cost another worker and perhaps another wait.

    Attributes:
        error: What happened to the smallest of the requests.
    """

    def __init__(self, error: WorkerError, why: str) -> None:
        super().__init__(f"the check is given up, as {why}: {error}")
        self.error = error


class LostError(Exception):
    """A rule of the watch was broken, or the worker is gone; becomes a `WorkerError`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def smallest(errors: Sequence[WorkerError]) -> WorkerError:
    """Return the error with the least input."""

    def size(error: WorkerError) -> int:
        arrays = error.request.arrays
        return sum(array.size for array in arrays) + len(repr(error.request.options))

    return min(errors, key=size)
