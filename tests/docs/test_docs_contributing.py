"""The checklists of CONTRIBUTING work if they are followed literally.

A step names a file by a link and a position in it, "below `some code`"; the next block is the code
to insert. These tests insert it in a copy of the repository.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tools.markdown import Document
from tools.workspace import ROOT, read_packages

pytestmark = pytest.mark.slow

PLACE = re.compile(r"\]\((?P<file>[^)]+)\),?\s+below\s+`(?P<below>[^`]+)`")
NEW_FILE = re.compile(r"new file\s+`(?P<file>[^`]+)`(?P<below>)")


@dataclass(frozen=True)
class Step:
    """One step of a checklist.

    Attributes:
        file: The file to change.
        below: The code below which `code` is inserted; empty for a new file.
        code: The code to insert.
    """

    file: str
    below: str
    code: str


def steps(section: str) -> Iterator[Step]:
    """Yield the steps below a heading of CONTRIBUTING."""
    heading, place = "", None
    tokens = Document(ROOT / "CONTRIBUTING.md").tokens
    for before, token in pairwise(tokens):
        if before.type == "heading_open":
            heading = token.content
        elif heading == section and token.type == "inline":
            place = PLACE.search(token.content) or NEW_FILE.search(token.content)
        elif heading == section and token.type == "fence" and place is not None:
            yield Step(place["file"], place["below"], token.content)


def follow(step: Step, root: Path) -> None:
    """Insert the code of a step below the statement, table row or line with `step.below`."""
    file = root / step.file
    if not step.below:
        assert not file.exists()
        file.write_text(step.code, "utf-8")
        return
    lines = file.read_text("utf-8").splitlines()
    (number,) = (
        number for number, line in enumerate(lines, start=1) if line.lstrip().startswith(step.below)
    )
    margin = lines[number - 1][: -len(lines[number - 1].lstrip())]
    lines.insert(end_of(number, file), textwrap.indent(step.code.rstrip(), margin))
    file.write_text("\n".join(lines) + "\n", "utf-8")


def end_of(number: int, file: Path) -> int:
    """Return the last line of the statement that begins in a line."""
    if file.suffix != ".py":
        return number
    nodes = ast.walk(ast.parse(file.read_text("utf-8")))
    begins_here = [node for node in nodes if getattr(node, "lineno", None) == number]
    return max(getattr(node, "end_lineno", number) for node in begins_here)


def follow_all(all_steps: Iterable[Step], root: Path) -> list[str]:
    """Follow the steps and return the Python files that they change."""
    changed = set()
    for step in all_steps:
        follow(step, root)
        changed.add(step.file)
    return sorted(file for file in changed if file.endswith(".py"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the repository, without ignored files and data."""
    for name in ("packages", "tools", "tests", "grading", "asv_benchmarks"):
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(checkout: Path) -> Run:
    """Return a function that runs a Python module in the copy, with the packages of the copy."""
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


def assert_tidy(run: Run, files: list[str]) -> None:
    """Check style and types after `hatch run format`."""
    # Checking a test file checks all its imports; that is left to `hatch run types`.
    sources = [file for file in files if "/src/" in file]
    for command, these in {"ruff format": files, "ruff check": files, "mypy": sources}.items():
        done = run(*command.split(), *these)
        assert done.returncode == 0 or not these, done.stdout + done.stderr


def test_how_to_add_an_op(checkout: Path, run: Run) -> None:
    packages = ("packages/mt-autodiff", "packages/mt-kernels-cpu")
    check = ("pytest", "-q", *packages, "-k", "softplus")
    changed = follow_all(steps("How to add an op"), checkout)
    done = run(*check)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_tidy(run, changed)

    elementwise = checkout / "packages/mt-autodiff/src/mt_autodiff/functions/elementwise.py"
    right = elementwise.read_text("utf-8")
    wrong = right.replace("ctx.backend.map(operators.sigmoid, a), grad", "a, grad")
    assert wrong != right
    elementwise.write_text(wrong, "utf-8")
    assert run(*check).returncode == 1, (
        "the check of the last step does not detect a wrong derivative"
    )


def test_how_to_add_a_backend(checkout: Path, run: Run) -> None:
    check = ("pytest", "-q", "tests/test_backends.py", "-k", "Blas")
    changed = follow_all(steps("How to add a backend"), checkout)
    done = run(*check)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_tidy(run, changed)

    blas = checkout / "packages/mt-kernels-cpu/src/mt_kernels_cpu/blas.py"
    right = blas.read_text("utf-8")
    blas.write_text(right.replace("np.matmul(host_array(a), ", "np.matmul(-host_array(a), "))
    assert blas.read_text("utf-8") != right
    assert run(*check, "-k", "matmul and Blas").returncode == 1


def test_how_to_add_a_task(checkout: Path, run: Run) -> None:
    check = ("pytest", "-q", "grading/checks", "-m", "task4_6")
    changed = follow_all(steps("How to add a task"), checkout)
    done = run(*check)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_tidy(run, changed)

    with (checkout / "packages/mt-nn/src/mt_nn/functional/pooling.py").open("a") as solution:
        solution.write(WRONG_TILE)
    assert run("grading", "grade", "task4_6").returncode == 1


WRONG_TILE = """

_tile = tile

def tile(input, kernel):
    height, width = input.shape[2:]
    return _tile(input.permute(0, 1, 3, 2).contiguous().view(*input.shape), kernel)
"""
