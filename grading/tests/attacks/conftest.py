"""Fixtures of the attacks."""

from pathlib import Path

import pytest

from grading.isolation.levels import best_level
from grading.isolation.plain import Plain


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "submission"
    folder.mkdir()
    return folder


@pytest.fixture
def sandbox() -> None:
    """Skip without a sandbox: the attack would succeed, and might damage the machine."""
    if isinstance(best_level("best"), Plain):
        pytest.skip("this machine offers no sandbox")


@pytest.fixture
def contained() -> None:
    """Skip if the worker is a process of this user: its child processes might stay."""
    level = best_level("best")
    if isinstance(level, Plain) and not level.own_user:
        pytest.skip("this machine offers no worker that is a user of its own")
