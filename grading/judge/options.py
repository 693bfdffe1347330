"""The grader's options for runs of pytest: whose code is checked, and on which inputs.

`hatch run pytest` loads this as a plugin, before pytest reads the command line: a plugin that comes
later would leave `--submission PATH` to be taken for a path to tests.
"""

import pytest

from grading.paths import ROOT

NAME = "grading.judge.options"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("grading", "checks of the course's tasks")
    group.addoption("--submission", metavar="PATH", default=str(ROOT), help="the code to check")
    group.addoption("--seed", type=int, metavar="N", help="where hypothesis' inputs come from")
    group.addoption("--simulate", action="store_true", help="run CUDA tasks on numba's simulator")
