"""The compared text has the functions of the learner, and nothing of the template."""

import ast
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.similar.documents import body_text, parts_of, text_of
from grading.submissions.submission import Submission
from grading.submissions.syntax import definitions
from grading.tasks.table import table
from grading.tests.similar_work.disguises import DISGUISES, disguised
from grading.tests.upstream_trees import write_upstream

OPERATORS = "minitorch/operators.py"


def parts(folder: Path, *tasks: str) -> dict[str, str]:
    chosen = [table().task(each) for each in tasks]
    return parts_of(Submission.at(folder), chosen, table())


def test_only_the_holes_of_the_tasks_are_compared(tmp_path: Path) -> None:
    write_upstream(tmp_path, "2022", 0)
    found = parts(tmp_path, "0.3")
    names = ("map", "zipWith", "reduce", "negList", "addLists", "sum", "prod")
    assert list(found) == [f"{OPERATORS}:{name}" for name in names]
    assert all("def " + name not in "".join(found.values()) for name in names)


def test_helpers_of_the_learner_are_compared(tmp_path: Path) -> None:
    old = "def relu(x: float) -> float:\n    return x if x > 0 else 0.0\n"
    new = (
        "def relu(x: float) -> float:\n    return chosen(x)\n\n\n"
        "def chosen(x):\n    return positive(x)\n\n\n"
        "def positive(x):\n    return x if x > 0 else 0.0\n\n\n"
        "def unused(x):\n    return x\n"
    )
    write_upstream(tmp_path, "2022", 0, [(OPERATORS, old, new)])
    found = parts(tmp_path, "0.1")
    assert "def chosen(x):" in found[f"{OPERATORS}:chosen"]
    assert f"{OPERATORS}:positive" in found
    assert f"{OPERATORS}:unused" not in found
    # Functions of other tasks are no helpers.
    assert f"{OPERATORS}:map" not in found


def test_unwritten_functions_are_left_out(tmp_path: Path) -> None:
    old = "def inv(x: float) -> float:\n    return 1.0 / x\n"
    new = "def inv(x: float) -> float:\n    raise NotImplementedError('Need to implement')\n"
    write_upstream(tmp_path, "2022", 0, [(OPERATORS, old, new)])
    assert f"{OPERATORS}:inv" not in parts(tmp_path, "0.1")


def test_invalid_sources_have_no_functions(tmp_path: Path) -> None:
    write_upstream(tmp_path, "2022", 0)
    (tmp_path / OPERATORS).write_bytes(b"def mul(x:\n")
    assert text_of(Submission.at(tmp_path), [table().task("0.1")], table()) == ""


def test_a_tree_of_this_repository_without_solutions_has_no_template(tmp_path: Path) -> None:
    from grading.paths import ROOT

    found = parts_of(Submission.at(ROOT), [table().task("4.3")], table())
    names = [key.rpartition(":")[2] for key in found]
    assert names == ["tile", "avgpool2d"]


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ('def f(x):\n    """Say."""\n    # first\n    return x\n', "# first\nreturn x"),
        ("def f(x): return x\n", "return x"),
        ('def f(x):\n    """Say."""\n', ""),
        ("@a\ndef f(\n    x,\n):\n    @b\n    def g():\n        pass\n    return g\n",
         "@b\ndef g():\n    pass\nreturn g"),
        ("f = g(1)\n", "f = g(1)"),
        ("def f(x):\n    é = 'ü'; return x\n", "é = 'ü'; return x"),
    ],
)  # fmt: skip
def test_the_text_of_a_body(source: str, body: str) -> None:
    assert body_text(source, ast.parse(source).body[0]) == body


FUNCTIONS = """
def total(n, xs):
    low = n - 1
    high = n + len(xs)
    middle = low * high
    for i in range(n):
        part = i * middle
        shift = part + i
        total = shift - part
        low = low + total
    for x in xs:
        low += x
    def last(a):
        b = a + n
        c = b * 2
        return b + c
    return low, middle, last(high)
"""


@pytest.mark.parametrize("name", DISGUISES)
@given(st.integers(0, 5), st.lists(st.integers(-3, 3), max_size=4), st.integers(0, 2**16))
def test_disguised_functions_return_the_same(name: str, n: int, xs: list[int], seed: int) -> None:
    changed = disguised(FUNCTIONS, DISGUISES[name], random.Random(seed))
    results = []
    for source in (FUNCTIONS, changed):
        space: dict[str, object] = {}
        exec(source, space)
        results.append(space["total"](n, xs))  # type: ignore[operator]
    assert results[0] == results[1]


@pytest.mark.parametrize("name", DISGUISES)
def test_a_disguise_changes_the_text(name: str) -> None:
    changed = disguised(FUNCTIONS, DISGUISES[name], random.Random(3))
    assert changed.strip() != FUNCTIONS.strip()
    assert "total" in definitions(ast.parse(changed))
