"""Which function a request calls: its name for reports, and what else calls it."""

from collections.abc import Iterator
from dataclasses import dataclass

from grading.protocol.messages import Request

NAMING = ("formula", "function", "kernel", "module", "fn", "step", "backend", "name", "problem")
"""Options that say what is called, and not with what."""

BACKWARD = "backward"


@dataclass(frozen=True)
class Asked:
    """The functions that a request calls.

    Attributes:
        operation: The operation of the driver.
        names: What its options add to that.
    """

    operation: str
    names: frozenset[str]

    @classmethod
    def by(cls, request: Request) -> "Asked":
        """Return the functions that a request calls."""
        return cls(request.operation, frozenset(_names(request)))

    def calls_all_of(self, other: "Asked") -> bool:
        """Return whether everything is called that another request calls."""
        return self.operation == other.operation and self.names >= other.names


def _names(request: Request) -> Iterator[str]:
    options = request.options
    yield from (f"{key} {options[key]}" for key in NAMING if isinstance(options.get(key), str))
    yield from (f"step {step[0]}" for step in options.get("program", ()))
    if options.get("replaced"):
        yield f"replaced {options['replaced']}"
    if request.upstream is not None or BACKWARD in options:
        yield BACKWARD


def name_of(request: Request) -> str:
    """Return the name of the function that a request calls, for a report."""
    family, _, operation = request.operation.partition(".")
    options = request.options
    if family == "learn":
        return f"the training of a network ({operation})"
    if family == "learners_tests":
        return f"a test in tests/{options.get('file')}"
    if "program" in options:
        return f"a program of {', '.join(dict.fromkeys(step[0] for step in options['program']))}"
    for key in ("formula", "function", "kernel", "step"):
        if isinstance(options.get(key), str):
            return str(options[key])
    return operation
