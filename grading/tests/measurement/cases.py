"""Measured cases: each is a test with the mark `measured`, and what became of it."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import msgspec
import pytest

from grading.paths import ROOT
from grading.tests.measurement.published import Published

Part: TypeAlias = Literal["mutant", "attack", "style", "verdict"]
"""The parts of the measurement: the argument of the mark."""

PARTS: tuple[Part, ...] = get_args(Part)

FOLDER = ROOT / "grading" / "tests"
EVERY = "measured and (slow or not slow) and (long or not long)"
"""An expression of marks that names those of tests that run only when asked for."""


ENDED = {
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.INTERRUPTED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
}
"""Exit codes of runs whose outcomes count."""


class Case(msgspec.Struct, frozen=True):
    """A test that is counted.

    Attributes:
        id: Its place and name, as pytest writes them.
        part: The part that it belongs to.
        group: The row of the table that it is counted in.
        outcome: "passed", "failed" or "skipped"; empty before it was run.
        commit: The commit that it was run at.
    """

    id: str
    part: Part
    group: str
    outcome: str = ""
    commit: str = ""


class Results(Published, frozen=True):
    """Results of the last measurement.

    Attributes:
        date: The day of the last run.
        conditions: The machine and the isolation of that run.
        cases: Every case, in the order of its id; those that were not run have no outcome.
    """

    date: str
    conditions: str
    cases: tuple[Case, ...]


def files() -> list[str]:
    """Return the files with measured tests; collecting the others would take longer than these."""
    found = sorted(FOLDER.rglob("test_grading_*.py"))
    return [str(file) for file in found if "mark.measured(" in file.read_text("utf-8")]


def run(options: Sequence[str], log: Path) -> tuple[Case, ...]:
    """Run measured tests in a process of their own.

    Args:
        options: Further options of pytest.
        log: A file for the cases, one a line; each is written when it is known.

    Returns:
        The cases; with the option `--collect-only`, all of them and no outcomes.

    Raises:
        RuntimeError: pytest could not run them.
    """
    log.touch()
    command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-q", *files()]
    command += ["-p", "grading.judge.options", "-p", "grading.tests.measurement.plugin"]
    command += ["-m", EVERY, "--measured", str(log), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            # pytest was interrupted, too, and ends by itself.
            code = process.wait()
    if code not in ENDED:
        raise RuntimeError(f"pytest ended with {code}")
    return in_order(msgspec.json.decode(line, type=Case) for line in log.read_bytes().splitlines())


def in_order(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Return cases in the order of their ids; the last one of an id counts."""
    known = {case.id: case for case in cases}
    return tuple(known[id] for id in sorted(known))
