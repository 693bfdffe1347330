"""Runs the checks of one task with pytest, in this process and without a word."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import engine

from grading.judge.draws import draws_from_seed_only
from grading.judge.recorder import Outcome, Recorder, RunOptions
from grading.judge.subjects import Subjects
from grading.paths import ROOT
from grading.tasks.model import Task

SHRINKING_SECONDS = 10
"""How long hypothesis may make one failing input smaller. It has no setting for it, and takes five
minutes otherwise."""

FINE = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}

OURS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
"""The environment in which checks run: hypothesis is the only plugin."""

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
    options: RunOptions,
    names: Sequence[str] = (),
) -> list[Outcome]:
    """Run the checks of a task.

    Args:
        task: The task.
        subjects: The code under test.
        seed: Where every drawn input comes from.
        options: How the checks run.
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
    recorder = Recorder(task, subjects, options)
    with _only_our_plugins(), draws_from_seed_only():
        arguments = [
            *([f"{file}::{name}" for name in names] or [str(file)]),
            f"--rootdir={ROOT}",
            f"--confcutdir={ROOT / 'grading'}",
            f"--config-file={os.devnull}",
            "--import-mode=importlib",
            f"--hypothesis-seed={seed}",
            # No report of pytest's own and no cache.
            *("-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:doctest"),
            *("-p", "_hypothesis_pytestplugin"),
        ]
        code = pytest.main(arguments, plugins=[recorder])
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in FINE or recorder.harness_errors:
        reasons = "; ".join(recorder.harness_errors) or f"pytest ended with {code!r}"
        raise SessionError(f"the checks of task {task.id} did not run: {reasons}")
    return recorder.outcomes


@contextmanager
def _only_our_plugins() -> Iterator[None]:
    """Keep what else is installed or set in the environment away from the checks."""
    before = {name: os.environ.get(name) for name in OURS}
    try:
        for name, value in OURS.items():
            os.environ[name] = value
        yield
    finally:
        for name, earlier in before.items():
            if earlier is None:
                del os.environ[name]
            else:
                os.environ[name] = earlier
