"""Settings shared by every test of the repository."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tools.fresh_venv import FreshVenv

pytest_plugins = ["pytester"]

# No deadline: the first example of a property pays for the compiler.
settings.register_profile(
    "minitorch",
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("minitorch")

ONLY_WHEN_ASKED = {
    "long",
    "slow",
    "accuracy",
    "oracle",
    "docs",
    "site",
    "cluster",
    "notebooks",
    "app",
}
"""Marks of tests that run only when `-m` names the mark.

An expression in pytest's `addopts` could not say this: a `-m` on the command line replaces it, and
`pytest -m task4_2` would run the slow tests of the task, too.
"""

WITH_THEIR_TASK = "accuracy"
"""The one of these marks that the mark of a task answers for: a task is judged by all of it."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the examples of docstrings as docs, and leave out what was not asked for."""
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            item.add_marker("docs")
    named = set(re.findall(r"\w+", config.option.markexpr))
    left_out = [item for item in items if _silent_marks(item, named)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def _silent_marks(item: pytest.Item, named: set[str]) -> set[str]:
    """Return the marks of a test that nobody has asked for."""
    marks = {mark.name for mark in item.iter_markers()}
    tasks = {mark for mark in marks if mark.startswith("task")}
    asked = named | ({WITH_THEIR_TASK} if named & tasks else set())
    return marks & (ONLY_WHEN_ASKED - asked)


@pytest.fixture
def fresh_venv(tmp_path: Path) -> Iterator[Callable[[], FreshVenv]]:
    """Makes virtual environments with nothing but pip in them; they are gone after the test.

    Each is a `tools.fresh_venv.FreshVenv`:

        venv = fresh_venv()
        venv.pip("install", "some-package")
        venv.python("-c", "import some_package")
    """
    made: list[FreshVenv] = []

    def make() -> FreshVenv:
        made.append(FreshVenv.create(tmp_path / f"venv{len(made)}"))
        return made[-1]

    yield make
    for venv in made:
        shutil.rmtree(venv.folder)
