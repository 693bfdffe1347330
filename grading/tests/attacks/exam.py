"""A short grading run that shows what an attack earns, and that the run continues."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from grading.isolation import CheckAbandoned, IsolatedSubject, Isolation, Limits
from grading.protocol.messages import Array, Subject, SubjectError

LIMITS = Limits(
    call_seconds=10.0,
    hang_seconds=20.0,
    memory_mb=400,
    processes=60,
    file_mb=8,
    scratch_mb=32,
    output_mb=4,
    reply_mb=16,
    stops=1,
)
"""Low limits, so that every attack reaches one soon; they count processor time."""

CALLS = 3


@dataclass(frozen=True)
class Mark:
    """Result of one check.

    Attributes:
        passed: True if every response is right.
        kinds: The names of the exception's class and bases; empty if none was raised.
        message: The message of the exception.
        output: The end of the printed output.
    """

    passed: bool
    kinds: tuple[str, ...] = ()
    message: str = ""
    output: str = ""


@dataclass(frozen=True)
class Result:
    """Result of a submission.

    Attributes:
        marks: The result of every check by its name. The function `mul` attacks.
        restarts: Number of lost workers.
    """

    marks: dict[str, Mark]
    restarts: int

    @property
    def passed(self) -> set[str]:
        """The checks that passed."""
        return {name for name, mark in self.marks.items() if mark.passed}

    @property
    def mul(self) -> Mark:
        """The check of the function that attacks."""
        return self.marks["mul"]


CHECKS: dict[str, tuple[int, Callable[..., Array]]] = {
    "mul": (2, np.multiply),
    "neg": (1, np.negative),
    "mul again": (2, np.multiply),
}
"""The operands of each check, and the right answer."""

USUAL = ("mul", "neg")

HONEST = frozenset(USUAL)
OTHERS = frozenset({"neg"})
"""Checks that an honest submission passes, and those that it passes if `mul` attacks."""


def sit(
    tree: Path,
    limits: Limits = LIMITS,
    isolation: Isolation = "best",
    checks: Iterable[str] = USUAL,
    **more: Any,
) -> Result:
    """Examine a submission.

    An exception that is neither a result nor an error of the submission is the grader's fault, and
    ends the test.
    """
    with IsolatedSubject(tree, limits=limits, isolation=isolation, **more) as subject:
        marks = {}
        for name in checks:
            subject.begin_check()
            marks[name] = mark(subject, name)
        return Result(marks, subject.restarts)


def mark(subject: Subject, name: str) -> Mark:
    """Return the result of one check."""
    rng = np.random.default_rng()
    operands, right = CHECKS[name]
    try:
        for _ in range(CALLS):
            arrays = [rng.uniform(-9, 9, 4) for _ in range(operands)]
            options = {"formula": name.split()[0]}
            answer = subject.call("operators.each", arrays, options)
            if len(answer.arrays) != 1:
                return Mark(False, message="not one result")
            received, expected = answer.array, right(*arrays)
            if received.shape != expected.shape or not np.allclose(received, expected):
                return Mark(False, message="a wrong result")
    except (SubjectError, CheckAbandoned) as raised:
        error = raised.error if isinstance(raised, CheckAbandoned) else raised
        return Mark(False, error.kinds, error.message, error.output)
    return Mark(True)
