"""What the attacks share."""

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
    """Skip where there is no sandbox: the attack would succeed, and might hurt the machine."""
    if isinstance(best_level("best"), Plain):
        pytest.skip("this machine offers no sandbox")


@pytest.fixture
def contained() -> None:
    """Skip where the worker is a process of this user: what it starts might stay."""
    level = best_level("best")
    if isinstance(level, Plain) and not level.own_user:
        pytest.skip("this machine offers no worker that is a user of its own")
