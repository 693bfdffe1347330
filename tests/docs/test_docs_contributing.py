"""The checklists of CONTRIBUTING work when they are followed to the letter.

A step names a file by a link and a place in it, "below `some code`"; the block that follows is
what to add there. These tests do so in a copy of the repository.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tools.markdown import Document
from tools.workspace import ROOT, read_packages

pytestmark = pytest.mark.slow

PLACE = re.compile(r"\]\((?P<file>[^)]+)\),?\s+below\s+`(?P<below>[^`]+)`")


@dataclass(frozen=True)
class Step:
    """What to add to a file, below a piece of its code; to the end of a new file, below nothing."""

    file: str
    below: str
    code: str


def steps(section: str) -> Iterator[Step]:
    """The steps between a heading of CONTRIBUTING and the next one."""
    heading, place = "", None
    tokens = Document(ROOT / "CONTRIBUTING.md").tokens
    for before, token in pairwise(tokens):
        if before.type == "heading_open":
            heading = token.content
        elif heading == section and token.type == "inline":
            place = PLACE.search(token.content)
        elif heading == section and token.type == "fence" and place is not None:
            yield Step(place["file"], place["below"], token.content)


def follow(step: Step, root: Path) -> None:
    """Add the code below the statement or the row that begins with `step.below`."""
    file = root / step.file
    source = file.read_text("utf-8")
    lines = source.splitlines()
    (number,) = (
        number for number, line in enumerate(lines, start=1) if line.lstrip().startswith(step.below)
    )
    end = max(
        getattr(node, "end_lineno", 0)
        for node in ast.walk(ast.parse(source))
        if getattr(node, "lineno", None) == number
    )
    margin = lines[number - 1][: -len(lines[number - 1].lstrip())]
    lines.insert(end, textwrap.indent(step.code.rstrip(), margin))
    file.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the repository, less what git ignores and the data."""
    for name in ("packages", "tools", "grading"):
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(checkout: Path) -> Run:
    """Runs a program of the environment in the copy, with the packages of the copy."""
    sources = [
        str(checkout / package.source.relative_to(ROOT).parent) for package in read_packages()
    ]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(sources)}

    def run(*command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=checkout,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_how_to_add_an_op(checkout: Path, run: Run) -> None:
    packages = ("packages/mt-autodiff", "packages/mt-kernels-cpu")
    check = ("pytest", "-q", *packages, "-k", "softplus")
    changed = set()
    for step in steps("How to add an op"):
        follow(step, checkout)
        changed.add(step.file)
    done = run(*check)
    assert done.returncode == 0, done.stdout + done.stderr
    sources = {file for file in changed if "/src/" in file}
    for command, files in {"ruff format": changed, "ruff check": changed, "mypy": sources}.items():
        done = run(*command.split(), *sorted(files))
        assert done.returncode == 0, done.stdout + done.stderr

    elementwise = checkout / "packages/mt-autodiff/src/mt_autodiff/functions/elementwise.py"
    right = elementwise.read_text("utf-8")
    wrong = right.replace("ctx.backend.map(operators.sigmoid, a), grad", "a, grad")
    assert wrong != right
    elementwise.write_text(wrong, "utf-8")
    assert run(*check).returncode == 1, "the check of the last step sees no wrong derivative"
