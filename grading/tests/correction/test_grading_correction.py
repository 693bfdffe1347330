"""Changes of one place: what is tried, the text with all of them, the search in a submission."""

import ast
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from grading.correction.changes import Scope, block_changes, insertions, parts, replacements
from grading.correction.schema import Edit, Schema
from grading.correction.search import corrections
from grading.diagnosis import Answers, Diagnosis
from grading.driver.correction import EndlessError, selected
from grading.isolation import IsolatedSubject
from grading.judge.causes import answers_of, likely_causes
from grading.judge.recorder import Outcome, RunOptions
from grading.judge.session import run_checks
from grading.judge.subjects import Device, Subjects
from grading.submissions.submission import Submission
from grading.submissions.syntax import Function, definitions
from grading.tasks.model import Task
from grading.tasks.table import table
from grading.tests.mutants.rewriting import Rewrite, make_tree

SOURCE = '''
from __future__ import annotations

def position(index, strides):
    """Return the position of an index."""
    total = 0
    for i, stride in zip(index, strides):
        total += i * stride
    return total
'''

COUNTDOWN = """
def steps(n):
    count = 0
    while n > 0:
        n = n - 1
        count += 1
    return count
"""

SYNTAX = (
    """
def f(x):
    return [each * 2 for each in x if each]
""",
    """
def f(x):
    a, *rest = x
    return f'{a}', x[1:], rest
""",
    """
def f(x):
    def inner(y):
        nonlocal x
        x = y
        yield from [x]
    return list(inner(x))
""",
    """
def f(x):
    try:
        with open(x) as file:
            return file
    except OSError as error:
        raise ValueError(x) from error
""",
    """
def f(x):
    match x:
        case [1, *_]:
            return (lambda y: y + 1)(1)
    return {**x, 'a': 1}
""",
    """
def f(x):
    if (n := len(x)) > 1:
        return n
    assert x, 'empty'
    del x
    return None
""",
    """
class C:
    @property
    def f(self) -> int:
        self.x: int = 1
        self.x += 1
        return super().f if self.x else ...
""",
    """
async def f(x):
    async for y in x:
        await y
    return [z async for z in x]
""",
)
"""Sources of one function each."""


def _schema(source: str, name: str, inserts: bool) -> tuple[list[Edit], Callable[..., Any]]:
    tree = ast.parse(source)
    function = definitions(tree)[name]
    assert isinstance(function, Function)
    schema = Schema(inserts)
    scope: dict[str, Any] = {}
    exec(schema.text("file.py", tree, [(name, function)]), scope)
    return schema.edits, scope[name]


@pytest.fixture(autouse=True)
def _unchanged() -> Any:
    yield
    selected.site = 0


def _results(source: str, name: str, inserts: bool, *arguments: Any) -> dict[str, Any]:
    """Return the result of each change of a function, by the words of the change."""
    edits, function = _schema(source, name, inserts)
    results: dict[str, Any] = {}
    for edit in edits:
        selected.site, selected.number, selected.steps = edit.site, edit.number, 1000
        try:
            results[edit.change()] = function(*arguments)
        except Exception as error:
            results[edit.change()] = type(error)
    return results


@pytest.mark.parametrize("inserts", [False, True])
def test_the_unchanged_code_has_its_result(inserts: bool) -> None:
    _, function = _schema(SOURCE, "position", inserts)
    assert function((2, 3), (10, 1)) == 23


def test_each_change_has_its_own_result() -> None:
    results = _results(SOURCE, "position", False, (2, 3), (10, 1))
    assert results["with `i + stride` in place of `i * stride`"] == 12 + 4
    assert results["with `total = i * stride` in place of `total += i * stride`"] == 3
    assert results["without `total += i * stride`"] == 0
    assert results["with `1` in place of `0`"] == 24
    assert results["with `strides` in place of `index`"] == 101
    assert results["with `return total` before `for i, stride in zip(index, strides):`"] == 0


def test_missing_parts_are_inserted() -> None:
    source = "def weighted(values, weights, n):\n    return sum(values) / n + weights\n"
    results = _results(source, "weighted", True, [1.0, 2.0], 5.0, 2)
    assert results["with `n - 1` in place of `n`"] == 3.0 + 5.0
    assert results["with `weights * n` in place of `weights`"] == 1.5 + 10.0
    assert results["with `-weights` in place of `weights`"] == 1.5 - 5.0


def test_endless_changes_end() -> None:
    results = _results(COUNTDOWN, "steps", False, 3)
    assert results["with `n + 1` in place of `n - 1`"] is EndlessError
    assert results["with `n >= 0` in place of `n > 0`"] == 4


@pytest.mark.parametrize("source", SYNTAX)
@pytest.mark.parametrize("inserts", [False, True])
def test_all_syntax_stays_valid(source: str, inserts: bool) -> None:
    tree = ast.parse(source)
    name, function = list(definitions(tree).items())[-1]
    assert isinstance(function, Function)
    compile(Schema(inserts).text("file.py", tree, [(name, function)]), "file.py", "exec")


def test_replacements_are_valid_expressions() -> None:
    scope = Scope(names=["a", "b"], called=["max", "operators.mul"])
    for text in (
        "a - b",
        "-a",
        "a < b <= 3",
        "a and not b",
        "a if b else 1.5",
        "x[-1]",
        "f(a, b=1)",
    ):
        node = ast.parse(text, mode="eval").body
        found = {ast.unparse(each) for each in replacements(node, scope, False)}
        assert found and text not in found
        found |= {ast.unparse(each) for each in insertions(node, scope)}
        for each in found:
            ast.parse(each, mode="eval")


def test_blocks_keep_their_definitions() -> None:
    tree = ast.parse("def inner():\n    pass\nx = 1\ny = inner()\n")
    for _, _, block in block_changes(tree.body):
        assert any(isinstance(each, Function) for each in block)


def test_parts_are_small() -> None:
    tree = ast.parse("def f(a, b):\n    return a[0] + g(h(a), b[a[0] + b[1] * 2])\n")
    function = definitions(tree)["f"]
    assert isinstance(function, Function)
    assert {"a", "b", "a[0]", "a[3]", "h(a)", "b[1]"} <= set(parts(function, ["a", "b"]))
    assert "b[a[0] + b[1] * 2]" not in parts(function, ["a", "b"])


def _searched(tmp_path: Path, task_id: str, *rewrites: Rewrite) -> list[Diagnosis]:
    tree = make_tree(tmp_path, rewrites)
    task = table().task(task_id).for_edition("packages")
    return corrections(task, Submission.at(tree), "best", answers_of(task, _outcomes(task, tree)))


def _outcomes(task: Task, tree: Path) -> list[Outcome]:
    def start(device: Device) -> IsolatedSubject:
        return IsolatedSubject(tree, environment={"NUMBA_DISABLE_JIT": "1"})

    with Subjects(start) as subjects:
        subjects.begin_task(task.seconds, task.memory_mb)
        return run_checks(task, subjects, 1, RunOptions(examples=15, shrinking_seconds=1))


def test_a_wrong_operator_is_corrected(tmp_path: Path) -> None:
    rewrite = Rewrite(
        "mt_tensor/layout.py",
        "    offset = len(big_shape) - len(shape)\n",
        "    offset = len(shape) - len(big_shape)\n",
    )
    (found,) = _searched(tmp_path, "2.2", rewrite)
    assert found.cause == (
        "Look at line 80 of packages/mt-tensor/src/mt_tensor/layout.py, in `broadcast_index`: "
        "with `len(big_shape) - len(shape)` in place of `len(shape) - len(big_shape)`, all wrong "
        "answers of the failed checks are right."
    )


def test_a_missing_call_is_inserted(tmp_path: Path) -> None:
    rewrite = Rewrite(
        "mt_tensor/operators.py", "return [fn(x) for x in xs]", "return [x for x in xs]"
    )
    (found,) = _searched(tmp_path, "0.3", rewrite)
    assert "in `map`: with `fn(x)` in place of `x`" in found.cause
    assert len(found.checks) == 2


def test_two_mistakes_have_two_places_or_none(tmp_path: Path) -> None:
    """One change of one place does not correct both; that of one group is named."""
    rewrites = (
        Rewrite("mt_tensor/operators.py", "    return x * y\n", "    return x + y\n"),
        Rewrite(
            "mt_tensor/operators.py", "    return 1.0 if x == y else 0.0\n", "    return 0.0\n"
        ),
    )
    found = _searched(tmp_path, "0.1", *rewrites)
    assert all("with `x * y` in place of `x + y`" in each.cause for each in found)


def test_right_code_has_no_change(tmp_path: Path) -> None:
    assert _searched(tmp_path, "0.1") == []


def test_a_change_is_searched_only_if_something_is_unexplained() -> None:
    def search(answers: Sequence[Answers]) -> list[Diagnosis]:
        calls.append(1)
        return [Diagnosis("Look at line 3.", ("test_a", "test_b"))]

    calls: list[int] = []
    task = table().task("0.1")
    assert likely_causes(task, [], [], search) == [] and not calls
    assert likely_causes(task, [], ["test_a"], search) == search([])


def test_a_failed_search_names_nothing() -> None:
    def search(answers: Sequence[Answers]) -> list[Diagnosis]:
        raise RuntimeError

    assert likely_causes(table().task("0.1"), [], ["test_a"], search) == []
