"""Whose fault an exception is: the submission's, or the grader's own.

A handler of a request is a call into the submission (`into`): whatever it raises is charged to the
submission, also where no line of it is on the way, as with a wrong number of arguments, an answer
of the wrong type, or a function that numba cannot compile. What a handler does on its own, without
touching anything of the submission, stands in `own`. The innermost of the two decides; an exception
that passes through neither is the grader's.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any


class Region:
    """Statements whose exceptions are charged to one side. A context manager.

    Attributes:
        error: The exception that left the statements last.
        other: The region of the other side.
    """

    __slots__ = ("error", "other")

    def __init__(self, other: "Region | None" = None) -> None:
        self.error: BaseException | None = None
        self.other = other

    def __enter__(self) -> None:
        """Begin the statements."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep an exception, unless it left an inner region of the other side.

        Nothing is allocated: there may be no memory left.
        """
        if error is not None and (self.other is None or self.other.error is not error):
            self.error = error


into = Region()
own = Region(into)
into.other = own


class Options(dict[str, Any]):
    """The options of a request. One that is missing was forgotten by the grader."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)

    def __missing__(self, key: str) -> Any:
        with own:
            raise KeyError(key)


def forget() -> None:
    """Forget the exceptions of the request before."""
    into.error = own.error = None


def is_graders(error: BaseException) -> bool:
    """Return whether an exception is the grader's own fault."""
    return into.error is not error
