"""Settings shared by every test of the repository."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tools.fresh_venv import FreshVenv

pytest_plugins = ["pytester"]

# No deadline, because the first example of a property includes compilation.
settings.register_profile(
    "minitorch",
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("minitorch")

ONLY_IF_NAMED = {
    "long",
    "slow",
    "accuracy",
    "oracle",
    "peers",
    "docs",
    "site",
    "cluster",
    "mpi",
    "notebooks",
    "app",
}
"""Marks of tests that run only if `-m` names the mark.

An expression in pytest's `addopts` does not suffice: `-m` on the command line replaces it, so that
`pytest -m task4_2` would run the slow tests of the task, too.
"""

WITH_THEIR_TASK = "accuracy"
"""Mark whose tests also run if `-m` names their task, because the task is graded by them."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark doctests as docs, and deselect tests whose mark `-m` does not name."""
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            item.add_marker("docs")
    named = set(re.findall(r"\w+", config.option.markexpr))
    left_out = [item for item in items if _unnamed_marks(item, named)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def _unnamed_marks(item: pytest.Item, named: set[str]) -> set[str]:
    """Return the marks of a test that prevent it from running."""
    marks = {mark.name for mark in item.iter_markers()}
    tasks = {mark for mark in marks if mark.startswith("task")}
    enabled = named | ({WITH_THEIR_TASK} if named & tasks else set())
    return marks & (ONLY_IF_NAMED - enabled)


@pytest.fixture
def fresh_venv(tmp_path: Path) -> Iterator[Callable[[], FreshVenv]]:
    """Return a function that creates virtual environments with pip only, deleted after the test.

    Each one is a `tools.fresh_venv.FreshVenv`:

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
