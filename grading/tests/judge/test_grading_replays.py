"""Responses that stay right without the functions of the course are charged to their group."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from grading.checking.finding import Finding
from grading.isolation import IsolatedSubject, Limits
from grading.judge import replays
from grading.judge.recorder import Outcome
from grading.protocol.messages import Request, Response, Subject
from grading.submissions.submission import Submission
from grading.tasks.model import Task
from grading.tasks.table import table
from grading.tests.attacks.trees import write_tree

TASK = table().task("0.1")
XS, YS = np.arange(3.0), np.arange(3.0) + 2
RIGHT = {"mul": XS * YS, "add": XS + YS}

WRONG = "def mul(x, y): return x + y\n"

FORGES = """
def forge():
    from grading.driver import operators
    from grading.protocol.messages import Response

    original = operators.family.handlers["each"]

    def each(request):
        if request.options["formula"] != "mul":
            return original(request)
        return Response(request, (request.arrays[0] * request.arrays[1],))

    operators.family.handlers["each"] = each
"""
"""Source of a function that replaces the driver's answer for `mul`."""

LATER = "import threading\nthreading.Timer(0.3, forge).start()\n"
"""Source that calls it after the driver was imported."""


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "PAUSE", 0.5)


def outcome(formula: str, right: bool = True) -> Outcome:
    """Return the outcome of a check with one response of a formula."""
    request = Request("operators.each", (XS, YS), {"formula": formula})
    response = Response(request, (RIGHT[formula],))
    finding = Finding("", request, response=response, right=right)
    return Outcome("test_functions_of_two_numbers", formula, findings=[finding])


def test_an_inner_function_is_emptied_if_it_is_returned(tmp_path: Path) -> None:
    mul = (
        "def wrapped(fn):\n    def inner(*xs):\n        return fn(*xs)\n    return id and inner\n"
        "\n\nmul = wrapped(lambda x, y: x * y)\n"
    )
    submission = Submission.at(write_tree(tmp_path, mul))
    texts, _ = replays.without_bodies(submission, ["minitorch.operators:wrapped"])
    (text,) = texts.values()
    assert "def inner(*xs):\n        raise NotImplementedError" in text
    assert "return id and inner" in text


def charged(tree: Path, *outcomes: Outcome, earlier: Sequence[Task] = ()) -> dict[str, str]:
    """Return what is charged, by group."""
    submission = Submission.at(tree)
    replay = replays.prepare(TASK, earlier, TASK.groups, outcomes, submission)
    with IsolatedSubject(submission, limits=Limits(memory_mb=1000)) as subject:
        found = replays.replays(TASK, replay, lambda: subject)
    return {name: check.fault.sentence for name, check in found.items() if check.fault is not None}


def test_a_group_is_not_charged_if_one_function_is_the_submissions(tmp_path: Path) -> None:
    """The course may provide the other functions of the group."""
    as_if_of_mul = outcome("add")
    as_if_of_mul.case = "mul"
    tree = write_tree(tmp_path, WRONG, FORGES + LATER)
    assert charged(tree, outcome("mul"), as_if_of_mul) == {}


@pytest.mark.parametrize(
    "mul",
    [
        "def mul(x, y): return x * y\n",
        "mul = lambda x, y: x * y\n",
        "import functools\n\n@functools.cache\ndef mul(x, y):\n    'Doc'\n    return x * y\n",
        "def mul(x, y):\n    def product():\n        return x * y\n\n    return product()\n",
        "def mul(x, y):\n    def unused():\n        return 0\n\n    return x * y\n",
        "class mul:\n    def __new__(cls, x, y):\n        return x * y\n",
        "from .others import mul\n",
        "from .others import *\n",
        "def mul(x, y):\n    return 0.0\n\n\nfrom .others import mul\n",
        "class Mul:\n    def __call__(self, x, y):\n        return x * y\n\n\nmul = Mul()\n",
    ],
    ids=[
        "function",
        "lambda",
        "decorator",
        "inner function",
        "unused function",
        "class",
        "import",
        "star",
        "replaced",
        "object",
    ],
)
def test_a_right_function_is_not_charged(tmp_path: Path, mul: str) -> None:
    others = {"minitorch/others.py": "def mul(x, y):\n    return x * y\n"}
    tree = write_tree(tmp_path, mul, others=others)
    assert charged(tree, outcome("mul"), outcome("add")) == {}


@pytest.mark.parametrize(
    "outcomes",
    [[], [outcome("mul", right=False)], [Outcome("test_maximum_of_nan")]],
    ids=["nothing", "a wrong response", "advice"],
)
def test_no_worker_starts_without_a_right_response(tmp_path: Path, outcomes: list[Outcome]) -> None:
    def none() -> Subject:
        raise AssertionError("a worker is started")

    submission = Submission.at(write_tree(tmp_path))
    replay = replays.prepare(TASK, [], TASK.groups, outcomes, submission)
    assert replays.replays(TASK, replay, none) == {}


def test_a_function_from_elsewhere_is_removed_too(tmp_path: Path) -> None:
    others = {"minitorch/others.py": WRONG}
    tree = write_tree(tmp_path, "from .others import *\n", FORGES + LATER, others)
    assert list(charged(tree, outcome("mul"))) == ["mul"]


def test_other_files_may_be_broken(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, f"{WRONG}# É\n", FORGES + LATER)
    operators = tree / "minitorch" / "operators.py"
    operators.write_bytes(b"# coding: latin-1\n" + operators.read_text("utf-8").encode("latin-1"))
    (tree / "minitorch" / "module.py").write_text("def broken(:\n", "utf-8")
    assert list(charged(tree, outcome("mul"), earlier=[table().task("0.4")])) == ["mul"]


def test_a_file_that_cannot_be_changed_is_not_charged(tmp_path: Path) -> None:
    tree = write_tree(tmp_path)
    (tree / "minitorch" / "operators.py").write_text("def mul(:\n", "utf-8")
    assert charged(tree, outcome("mul")) == {}
