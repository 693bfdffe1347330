"""Runs the checks of one task with pytest, in this process and without a word."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import engine

from grading.judge.recorder import Manner, Outcome, Recorder
from grading.judge.subjects import Subjects
from grading.table import Task

ROOT = Path(__file__).resolve().parents[2]

SHRINKING_SECONDS = 10
"""How long hypothesis may make one failing input smaller. It has no setting for it, and takes five
minutes otherwise."""

FINE = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}

PROFILE = settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow], print_blob=False
)
"""What hypothesis does where a check says nothing else: as in this repository's own tests."""


class SessionError(Exception):
    """The harness could not run its checks; the message says why."""


def run_checks(
    task: Task,
    subjects: Subjects,
    seed: int,
    manner: Manner,
    names: Sequence[str] = (),
) -> list[Outcome]:
    """Run the checks of a task.

    Args:
        task: The task.
        subjects: The code under test.
        seed: Where every drawn input comes from.
        manner: How the checks run.
        names: Only these functions; all of them if there are none.

    Raises:
        SessionError: pytest ended otherwise than with results.
        KeyboardInterrupt: The run was interrupted.
    """
    settings.register_profile("judging", PROFILE)
    settings.load_profile("judging")
    engine.MAX_SHRINKING_SECONDS = SHRINKING_SECONDS
    file = ROOT / task.check_file
    if not file.is_file():
        raise SessionError(f"{task.check_file} is missing")
    recorder = Recorder(subjects, manner)
    code = pytest.main(
        [
            *([f"{file}::{name}" for name in names] or [str(file)]),
            f"--rootdir={ROOT}",
            f"--confcutdir={ROOT / 'grading'}",
            f"--config-file={os.devnull}",
            "--import-mode=importlib",
            f"--hypothesis-seed={seed}",
            *(["--maxfail=1"] if manner.until_first else []),
            # No report of pytest's own, no cache, and none of the plugins that happen to be
            # installed but hypothesis.
            *("-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:doctest"),
        ],
        plugins=[recorder],
    )
    if code == pytest.ExitCode.INTERRUPTED and not manner.until_first:
        raise KeyboardInterrupt
    if code not in FINE or recorder.troubles:
        reasons = "; ".join(recorder.troubles) or f"pytest ended with {code!r}"
        raise SessionError(f"the checks of task {task.id} did not run: {reasons}")
    return recorder.outcomes
