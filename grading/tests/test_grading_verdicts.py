"""Every tree whose verdicts are known gets them: status and points of each task."""

import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grading.judge.records import Status, TaskResult
from grading.judge.run import Plan, judge
from grading.submissions.submission import Submission
from grading.tasks.table import table
from grading.tests.upstream_trees import EDITIONS, Edition, write_upstream


class Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Expected result of a task.

    Attributes:
        status: Its status.
        points: What it earns; None if nothing of it is judged.
        judged: What the groups are worth that are judged.
    """

    status: Status
    points: float | None
    judged: float


class Tree(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of `verdicts.toml`, whose head explains the keys."""

    name: str
    edition: Edition
    module: int
    full: list[str]
    absent: list[str]
    mixture: dict[str, Edition] = {}
    changes: list[tuple[str, str, str]] = []
    without: list[str] = []
    others: dict[str, Verdict] = {}

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdicts by task."""
        points = {id: float(table().task(id).points) for id in self.full}
        full = {id: Verdict(Status.PASSED, worth, worth) for id, worth in points.items()}
        absent = {id: Verdict(Status.NOT_THERE, None, 0.0) for id in self.absent}
        return {**full, **absent, **self.others}

    def write(self, folder: Path) -> Path:
        """Write the tree."""
        mixture: dict[int, Edition] = {int(number): of for number, of in self.mixture.items()}
        return write_upstream(
            folder, self.edition, self.module, self.changes, self.without, mixture=mixture
        )


def read() -> dict[str, Tree]:
    """Return the trees by name."""
    content = Path(__file__).with_name("verdicts.toml").read_bytes()
    rows: dict[str, Any] = msgspec.toml.decode(content)
    trees = msgspec.convert(rows["tree"], list[Tree])
    return {tree.name: tree for tree in trees}


TREES = read()
CASES = [(name, id) for name, tree in TREES.items() for id in tree.verdicts]


def run_of(name: str, id: str) -> str:
    """Return what is judged in one run: the tasks of one module of a tree."""
    return f"{name}: {table().task(id).module}"


@cache
def judged(run: str) -> dict[str, TaskResult]:
    """Judge the tasks of a run, without their speed."""
    name = run.rpartition(": ")[0]
    ids = [id for id in TREES[name].verdicts if run_of(name, id) == run]
    return judge_tree(name, ids)


def judge_tree(name: str, ids: Sequence[str]) -> dict[str, TaskResult]:
    """Judge some tasks of a tree, without their speed."""
    tasks = table().select(ids)
    with tempfile.TemporaryDirectory() as folder:
        tree = Submission.at(TREES[name].write(Path(folder) / "tree"))
        report = judge(Plan(tree, tasks, seed=1, speed=False), table())
    assert report.errors == ()
    return {task.id: task for task in report.tasks}


@pytest.mark.long
@pytest.mark.measured("verdict")
@pytest.mark.parametrize(
    ("name", "id"),
    # The tasks of one run stay in one process.
    [pytest.param(name, id, marks=pytest.mark.xdist_group(run_of(name, id))) for name, id in CASES],
    ids=[f"{name}: {id}" for name, id in CASES],
)
def test_a_tree_gets_the_expected_verdicts(name: str, id: str) -> None:
    result = judged(run_of(name, id))[id]
    groups = {group.name: (group.status.value, group.reason) for group in result.groups}
    verdict = Verdict(result.status, result.points, result.judged)
    assert verdict == TREES[name].verdicts[id], (groups, result.reason)


@pytest.mark.parametrize(
    ("name", "id"),
    [
        pytest.param("2022, a product that is text", "0.3", marks=pytest.mark.slow),
        pytest.param("2024, tiles without permute", "4.4", marks=pytest.mark.long),
    ],
)
def test_a_task_alone_gets_the_verdict_of_a_run_with_its_module(name: str, id: str) -> None:
    """The mistake is in a function of another task, which the run does not select."""
    result = judge_tree(name, [id])[id]
    verdict = Verdict(result.status, result.points, result.judged)
    assert verdict == TREES[name].verdicts[id]


def test_each_edition_has_a_correct_tree_of_every_task() -> None:
    """Of all tasks of modules 0 to 4 but those of a GPU and those that train networks."""
    required = {
        task.id
        for task in table().tasks
        if task.device == "cpu"
        and not task.accuracy
        and task.module < 5
        and task.id not in ("1.5", "2.5", "3.5")
    }
    for edition in EDITIONS:
        assert set(TREES[edition].full) == required
    assert any(tree.mixture and set(tree.full) == required for tree in TREES.values())
