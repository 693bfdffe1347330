"""Options of pytest for the grader: the submission to check, and the seed of the inputs.

`hatch run pytest` loads this plugin before pytest parses the command line. Loaded later, pytest
would read the PATH of `--submission PATH` as a path to tests.
"""

import pytest

from grading.paths import ROOT

NAME = "grading.judge.options"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("grading", "checks of the course's tasks")
    group.addoption(
        "--submission", metavar="PATH", default=str(ROOT), help="folder or archive to check"
    )
    group.addoption("--seed", type=int, metavar="N", help="seed of hypothesis' inputs")
    group.addoption("--simulate", action="store_true", help="run CUDA tasks on numba's simulator")
