"""Stored reports decided again: the empty policy changes nothing, each rule what it says."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.judge.records import (
    CheckResult,
    GroupResult,
    Report,
    SpeedResult,
    Status,
    TaskResult,
    from_json,
)
from grading.policy.apply import NO_EVIDENCE, apply, without_effect
from grading.policy.model import CheckRow, GroupRow, Policy, SpeedRow, TaskRow, Use
from grading.tasks.model import title_of
from grading.tasks.table import table
from grading.tests.policy.rules import REPORTS

EMPTY = Policy(version=1, name="empty")
GROUPS = [("0.1", group.name) for group in table().task("0.1").groups]
OLD = Path(__file__).parents[1] / "data" / "commit-0270e5e" / "report.json"


def under(report: Report, **rules: object) -> Report:
    """Return a report under a policy with the given rows."""
    return apply(report, Policy(version=1, name="test", **rules), table())  # type: ignore[arg-type]


def group(report: Report, task: str, name: str) -> GroupResult:
    (of,) = (each for each in report.tasks if each.id == task)
    return next(each for each in of.groups if each.name == name)


@pytest.mark.parametrize("name", REPORTS)
def test_an_empty_policy_decides_as_the_judge(name: str) -> None:
    assert apply(REPORTS[name], EMPTY, table()) == REPORTS[name]


def test_an_old_report_without_groups_is_not_judged() -> None:
    old = from_json(OLD.read_bytes())
    assert old.points == 10
    report = apply(old, EMPTY, table())
    assert report.judged_points < report.max_points
    assert NO_EVIDENCE in {each.reason for task in report.tasks for each in task.groups}
    assert all(each.points != 0.0 for task in report.tasks for each in task.groups)


@given(
    name=st.sampled_from(sorted(REPORTS)),
    uses=st.dictionaries(
        st.sampled_from(GROUPS), st.sampled_from(["required", "advice", "off"]), max_size=6
    ),
    points=st.dictionaries(st.sampled_from(GROUPS), st.integers(0, 9), max_size=6),
)
def test_points_of_groups(
    name: str, uses: dict[tuple[str, str], Use], points: dict[tuple[str, str], int]
) -> None:
    """The oracle is the stored report: a passed group earns its points, a failed one none."""
    rows = tuple(
        GroupRow(task=task, name=of, use=uses.get((task, of)), points=points.get((task, of)))
        for task, of in GROUPS
    )
    stored = next(each for each in REPORTS[name].tasks if each.id == "0.1")
    counted = [g for g in stored.groups if uses.get(("0.1", g.name), "required") == "required"]
    worth = {g.name: points.get(("0.1", g.name), 1) for g in counted}
    expected = sum(worth[g.name] for g in counted if g.status is Status.PASSED)
    (result, _) = under(REPORTS[name], group_rows=rows).tasks
    assert result.max_points == sum(worth.values())
    assert (result.points or 0.0) == expected
    assert {g.name for g in result.groups} == worth.keys()


def test_a_check_as_advice_costs_nothing() -> None:
    failed = {c.name for c in REPORTS["relu"].tasks[0].required if c.status.bad}
    assert failed
    rows = tuple(CheckRow(task="0.1", name=name, use="advice") for name in sorted(failed))
    report = under(REPORTS["relu"], check_rows=rows)
    assert group(report, "0.1", "relu").status is Status.PASSED
    assert {c.name for c in report.tasks[0].advice} >= failed
    off = tuple(CheckRow(task="0.1", name=name, use="off") for name in sorted(failed))
    shown = {c.name for c in under(REPORTS["relu"], check_rows=off).tasks[0].checks}
    assert shown.isdisjoint(failed)


def test_advice_becomes_required() -> None:
    row = CheckRow(task="0.1", name="test_maximum_of_nan", use="required", group="max")
    assert REPORTS["right"].tasks[0].failures[0].name == "test_maximum_of_nan"
    report = under(REPORTS["right"], check_rows=(row,))
    assert group(report, "0.1", "max").status is Status.FAILED
    assert report.points == REPORTS["right"].points - 1


def test_a_group_that_fails_under_the_policy_excuses_others() -> None:
    """`prod` of task 0.3 needs `mul`: if `mul` fails under the policy, `prod` is not charged."""
    stored = REPORTS["right"]
    rows = [c for t in stored.tasks for c in t.checks]
    changed = _with_status(stored, "test_prod", Status.FAILED)
    changed = _with_status(changed, "test_functions_of_two_numbers[mul]", Status.FAILED)
    report = under(changed)
    assert rows
    assert group(report, "0.1", "mul").points == 0.0
    excused = group(report, "0.3", "prod")
    assert (excused.status, excused.points) == (Status.NOT_JUDGED, None)
    assert excused.reason == "needs `mul` of task 0.1, which fails"


def _with_status(report: Report, check: str, status: Status) -> Report:
    """Return a report in which a check of the evidence has another status."""

    def changed(result: CheckResult) -> CheckResult:
        return msgspec.structs.replace(result, status=status) if result.name == check else result

    tasks = tuple(
        msgspec.structs.replace(task, checks=tuple(map(changed, task.checks)))
        for task in report.tasks
    )
    return msgspec.structs.replace(report, tasks=tasks)


def test_an_excuse_of_the_run_stays() -> None:
    stored = group(REPORTS["map"], "0.3", "negList")
    assert (stored.status, stored.points) == (Status.NOT_JUDGED, None)
    row = GroupRow(task="0.3", name="map", use="off")
    report = under(REPORTS["map"], group_rows=(row,))
    assert group(report, "0.3", "negList") == stored
    assert REPORTS["map"].max_points - report.max_points == 2


def test_each_check_earns_its_share() -> None:
    row = GroupRow(task="0.1", name="relu", points=6, all_or_nothing=False)
    (task, _) = under(REPORTS["relu"], group_rows=(row,)).tasks
    checks = table().task("0.1").groups[7].checks
    pieces = {g.name: g for g in task.groups if g.name.startswith("relu: ")}
    assert list(pieces) == [f"relu: {title_of(name)}" for name in checks]
    statuses = {c.name: c.status for c in REPORTS["relu"].tasks[0].checks}
    for name in checks:
        piece = pieces[f"relu: {title_of(name)}"]
        assert (piece.max_points, piece.status) == (2.0, statuses[name])
        assert piece.points == (0.0 if statuses[name].bad else 2.0)
    assert {piece.points for piece in pieces.values()} == {0.0, 2.0}


def test_checks_with_points_of_their_own() -> None:
    checks = table().task("0.1").groups[7].checks
    rows = tuple(CheckRow(task="0.1", name=n, points=i) for i, n in enumerate(checks, start=1))
    split = GroupRow(task="task0_1", name="relu", all_or_nothing=False)
    (task, _) = under(REPORTS["right"], group_rows=(split,), check_rows=rows).tasks
    assert [g.points for g in task.groups if g.name.startswith("relu")] == [1.0, 2.0, 3.0]


def test_advice_with_points_joins_a_split_group() -> None:
    joins = CheckRow(task="0.1", name="test_maximum_of_nan", use="required", group="relu", points=4)
    checks = table().task("0.1").groups[7].checks
    rows = tuple(CheckRow(task="0.1", name=n, points=i) for i, n in enumerate(checks, start=1))
    split = GroupRow(task="task0_1", name="relu", all_or_nothing=False)
    report = under(REPORTS["right"], group_rows=(split,), check_rows=(*rows, joins))
    pieces = [g for g in report.tasks[0].groups if g.name.startswith("relu")]
    assert sorted(g.max_points for g in pieces) == [1.0, 2.0, 3.0, 4.0]
    # `relu` has 10 points now, one without the policy.
    assert report.max_points == REPORTS["right"].max_points + 9


def test_rules_of_tasks_that_do_not_count_are_listed() -> None:
    rules = Policy(
        version=1,
        name="p",
        tasks=("0.1", "0.3"),
        task_rows=(TaskRow(id="0.3", use="off"),),
        group_rows=(GroupRow(task="4.2", name="x"), GroupRow(task="task0_3", name="map")),
        check_rows=(CheckRow(task="0.1", name="test_maximum_of_nan"),),
    )
    first, second = without_effect(rules, table())
    assert "task 0.3" in first and 'use = "off"' in first and "[[group]]" in first
    assert "task 4.2" in second and "not in `tasks`" in second


@pytest.mark.parametrize(
    ("name", "task", "points", "status"),
    [
        ("right", "0.3", 10.0, Status.PASSED),
        ("relu", "0.1", 0.0, Status.FAILED),
        ("map", "0.3", 0.0, Status.FAILED),
        ("unfinished", "0.3", 0.0, Status.UNIMPLEMENTED),
    ],
)
def test_a_task_earns_everything_or_nothing(
    name: str, task: str, points: float, status: Status
) -> None:
    report = under(REPORTS[name], task_rows=(TaskRow(id=task, all_or_nothing=True),))
    (result,) = (each for each in report.tasks if each.id == task)
    assert (result.points, result.max_points, result.status) == (points, 10.0, status)


def test_a_task_with_excused_groups_alone_stays_open() -> None:
    """All or nothing, and no group of its own is wrong: the excused group leaves it open."""
    rows = (TaskRow(id="0.3", all_or_nothing=True),)
    off = (
        GroupRow(task="0.3", name="map", use="off"),
        GroupRow(task="0.3", name="own tests", use="off"),
    )
    report = under(REPORTS["map"], task_rows=rows, group_rows=off)
    (result,) = (each for each in report.tasks if each.id == "0.3")
    assert (result.points, result.status) == (None, Status.NOT_JUDGED)
    assert result.reason == "needs `map`, which fails"


def test_a_task_that_is_off_or_advice() -> None:
    off = under(REPORTS["relu"], task_rows=(TaskRow(id="0.1", use="off"),))
    assert [task.id for task in off.tasks] == ["0.3"]
    advice = under(REPORTS["relu"], task_rows=(TaskRow(id="0.1", use="advice"),))
    assert advice.max_points == 10
    assert not any(check.required for check in advice.tasks[0].checks)
    assert advice.tasks[0].checks != ()


def timed(*speed: SpeedResult) -> Report:
    """Return a report of task 3.1 in which every check passed, with the given speed."""
    task = table().task("3.1")
    names = [name for group in task.groups for name in group.checks]
    result = TaskResult(
        id="3.1",
        title=task.title,
        module=3,
        status=Status.PASSED,
        points=task.points,
        max_points=task.points,
        checks=tuple(CheckResult(name, Status.PASSED) for name in names),
        speed=speed,
        groups=tuple(
            GroupResult(group.name, Status.PASSED, float(group.points), float(group.points))
            for group in task.groups
        ),
    )
    return msgspec.structs.replace(REPORTS["right"], tasks=(result,))


@pytest.mark.parametrize(
    ("ratios", "points"),
    [((1.0, 1.2), 3.0), ((1.0, 1.5), 3.0), ((1.0, 1.6), 1.0), ((6.0, 1.0), 1.0), ((6.1, 1.0), 0.0)],
)
def test_thresholds_of_speed(ratios: tuple[float, float], points: float) -> None:
    rows = (
        SpeedRow(task="3.1", at_most=1.5, points=3),
        SpeedRow(task="3.1", at_most=6, points=1),
    )
    speed = [
        SpeedResult(f"w{i}", Status.PASSED if r <= 4 else Status.FAILED, 0.1, r, allowed=4.0)
        for i, r in enumerate(ratios)
    ]
    result = group(under(timed(*speed), speed_rows=rows), "3.1", "speed")
    assert (result.points, result.max_points) == (points, 3.0)


@pytest.mark.parametrize(
    "speed",
    [(), (SpeedResult("map", Status.NOT_JUDGED, remark="this machine is too busy"),)],
    ids=["not measured", "too busy"],
)
def test_speed_that_was_not_measured_is_no_zero(speed: tuple[SpeedResult, ...]) -> None:
    rows = (SpeedRow(task="3.1", at_most=1.5, points=3),)
    report = under(timed(*speed), speed_rows=rows)
    assert group(report, "3.1", "speed").points is None
    assert report.judged_points == report.max_points - 3


def test_forbidden_calls_as_advice() -> None:
    stored = REPORTS["right"]
    bad = CheckResult("test_no_forbidden_calls[mul]", Status.FAILED)
    tasks = (msgspec.structs.replace(stored.tasks[0], checks=(*stored.tasks[0].checks, bad)),)
    report = msgspec.structs.replace(stored, tasks=tasks)
    assert group(under(report), "0.1", "mul").points == 0.0
    row = CheckRow(task="0.1", name="test_no_forbidden_calls", use="advice")
    assert group(under(report, check_rows=(row,)), "0.1", "mul").points == 1.0
