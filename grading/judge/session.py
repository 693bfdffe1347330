"""Silent runs of the checks of one task with pytest, in this process."""

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

PERMITTED_EXIT_CODES = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}

ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
"""Environment variables of a run, which disable all plugins except hypothesis."""

PROFILE = settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow], print_blob=False
)
"""Default hypothesis settings of checks, as in this repository's tests."""


class SessionError(Exception):
    """The grader could not run its checks; the message gives the reason."""


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
        seed: Seed of all random inputs.
        options: Options of the run.
        names: Names of the checks to run; empty for all checks.

    Raises:
        SessionError: pytest ended without results.
        KeyboardInterrupt: The run was interrupted.
    """
    profile = settings(PROFILE, max_examples=options.examples or PROFILE.max_examples)
    settings.register_profile("judging", profile)
    settings.load_profile("judging")
    # Hypothesis has no setting for it; its default is five minutes.
    engine.MAX_SHRINKING_SECONDS = options.shrinking_seconds
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
            # Disable pytest's output and cache.
            *("-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:doctest"),
            # This plugin collects garbage five times at the end of each run.
            *("-p", "no:unraisableexception"),
            *("-p", "_hypothesis_pytestplugin"),
        ]
        code = pytest.main(arguments, plugins=[recorder])
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in PERMITTED_EXIT_CODES or recorder.harness_errors:
        reasons = "; ".join(recorder.harness_errors) or f"pytest ended with {code!r}"
        raise SessionError(f"the checks of task {task.id} did not run: {reasons}")
    return recorder.outcomes


@contextmanager
def _only_our_plugins() -> Iterator[None]:
    """Isolate the checks from installed plugins and from pytest's environment variables."""
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    try:
        for name, value in ENVIRONMENT.items():
            os.environ[name] = value
        yield
    finally:
        for name, earlier in before.items():
            if earlier is None:
                del os.environ[name]
            else:
                os.environ[name] = earlier
