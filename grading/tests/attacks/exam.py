"""A small examination: what a submission earns by attacking, and whether the run goes on."""

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
"""Tight, so that every attack soon meets one; a busy machine does not count."""

CALLS = 3


@dataclass(frozen=True)
class Mark:
    """What became of one check.

    Attributes:
        passed: Whether every answer was right.
        kinds: What was raised instead of an answer.
        message: What it said.
        output: The end of what was printed.
    """

    passed: bool
    kinds: tuple[str, ...] = ()
    message: str = ""
    output: str = ""


@dataclass(frozen=True)
class Result:
    """What became of a submission.

    Attributes:
        marks: Every check by its name. `mul` is the one that attacks.
        restarts: How many workers were lost.
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
"""What an honest submission passes, and what one passes that attacks when `mul` is called."""


def sit(
    tree: Path,
    limits: Limits = LIMITS,
    isolation: Isolation = "best",
    checks: Iterable[str] = USUAL,
    **more: Any,
) -> Result:
    """Examine a submission.

    Whatever but an answer or an error of the submission comes out of a worker is the grader's
    fault, and ends the test.
    """
    with IsolatedSubject(tree, limits=limits, isolation=isolation, **more) as subject:
        marks = {}
        for name in checks:
            subject.begin_check()
            marks[name] = mark(subject, name)
        return Result(marks, subject.restarts)


def mark(subject: Subject, name: str) -> Mark:
    """Return what becomes of one check."""
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
