"""The functions that a request calls, for reports and for the refusal of further calls."""

from collections.abc import Iterator
from dataclasses import dataclass

from grading.protocol.messages import Request

NAMING = ("formula", "function", "kernel", "module", "fn", "step", "backend", "name", "problem")
"""Options that name a called function; the others are its arguments."""

WITHOUT_FUNCTIONS = frozenset({"learn", "learners_tests", "repairs", "source", "speed"})
"""Families of operations that train networks or run tests; other operations judge their parts."""

BACKWARD = "backward"
"""Option of a request with a backward pass, and the name for the pass among called functions."""


@dataclass(frozen=True)
class CalledFunctions:
    """The functions that a request calls.

    Attributes:
        operation: The operation of the driver.
        names: The functions that its options name.
    """

    operation: str
    names: frozenset[str]

    @classmethod
    def of(cls, request: Request) -> "CalledFunctions":
        """Return the functions that a request calls."""
        return cls(request.operation, frozenset(_names(request)))

    def calls_all_of(self, other: "CalledFunctions") -> bool:
        """Return whether this request calls every function that another request calls."""
        return self.operation == other.operation and self.names >= other.names


def _names(request: Request) -> Iterator[str]:
    options = request.options
    yield from (f"{key} {options[key]}" for key in NAMING if isinstance(options.get(key), str))
    yield from (f"step {step[0]}" for step in options.get("program", ()))
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
