"""Before the deadline, no output contains more than the policy allows."""

import json
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from grading.checking.compare import MismatchError
from grading.checks import test_task6_2
from grading.cli.files import FORMATS, writer
from grading.judge.exit_codes import OK, exit_code
from grading.judge.records import (
    CheckResult,
    Fault,
    GroupResult,
    Mark,
    Measurement,
    Override,
    Report,
    SpeedResult,
    Status,
    TaskResult,
    to_json,
)
from grading.policy.apply import apply
from grading.policy.load import ALL
from grading.policy.model import CheckRow, GroupRow, Part, Policy
from grading.policy.visibility import plain_sentence, visible
from grading.protocol.messages import Request, Response, Subject
from grading.reports import classroom50, gradescope, terminal
from grading.tasks.table import table
from grading.tests.policy.rules import REPORTS

DEADLINE = datetime(2030, 10, 8, tzinfo=UTC)

SECRETS: dict[Part, str] = {
    "sentence": "SENTENCE",
    "counterexample": "COUNTEREXAMPLE",
    "cause": "CAUSE",
}
"""A word in the evidence of each part."""

VALUE = "4711.25"
"""The value of an input; a submission can put it into any of its texts."""

PLACES = [*FORMATS, "classroom50", "terminal", "verbose terminal"]

LEVELS: list[tuple[Part, ...]] = [
    (),
    ("verdict",),
    ("verdict", "sentence"),
    ("verdict", "cause"),
    ("verdict", "sentence", "cause"),
    ("verdict", "sentence", "counterexample"),
]


def secret_report(status: Status, mark: float = 0.0) -> Report:
    """Return a report with secrets in every text that comes from a run."""
    fault = Fault(
        sentence=f"SENTENCE holds: COUNTEREXAMPLE {VALUE}",
        request=f"COUNTEREXAMPLE {VALUE}",
        name="the result",
        expected=f"COUNTEREXAMPLE {VALUE}",
        received=f"COUNTEREXAMPLE {VALUE}",
        index=(47, 11),
        cause="CAUSE of it",
        excerpt=f"raise ValueError({VALUE})  # COUNTEREXAMPLE",
        details=f"COUNTEREXAMPLE {VALUE}",
    )
    bad = status.bad
    stored = REPORTS["right"]
    checks = tuple(
        CheckResult(
            check.name,
            status,
            check.required,
            "" if bad else f"first run: SENTENCE COUNTEREXAMPLE {VALUE}; second run: passed",
            seconds=3.25 if bad else 1.25,
            cases=3,
            case=f"COUNTEREXAMPLE {VALUE}" if bad else "",
            fault=fault if bad else None,
            again=f"COUNTEREXAMPLE {VALUE}" if bad else "",
        )
        for check in stored.tasks[0].checks
        # The search for forbidden calls reads the source, and no input.
        if not check.name.startswith("test_no_forbidden_calls")
    )
    groups = tuple(
        GroupResult(group.name, status, 0.0 if bad else group.max_points, group.max_points)
        for group in stored.tasks[0].groups
    )
    task = msgspec.structs.replace(
        stored.tasks[0],
        status=status,
        points=sum(group.points or 0.0 for group in groups),
        seconds=99.5 if bad else 33.5,
        checks=checks,
        groups=groups,
        measurements=(Measurement("SENTENCE", 950),) if bad else (),
        remarks=("SENTENCE",) if bad else (),
        speed=() if bad else (SpeedResult("SENTENCE", Status.PASSED, 0.1, 2.5),),
    )
    return msgspec.structs.replace(
        stored,
        seed=471125,
        seconds=99.5 if bad else 33.5,
        tasks=(task,),
        mark=Mark("test", "0123", "abc", "2030-10-01", 10.0, mark, deducted=mark / 10),
    )


def view(report: Report, **rules: object) -> Report:
    """Return what a learner sees of a report under a policy with the given rows."""
    policy = Policy(version=1, name="test", **rules)  # type: ignore[arg-type]
    return visible(apply(report, policy, table()), policy, table(), DEADLINE)


def written(report: Report, place: str, folder: Path) -> str:
    """Return a report in a format as text, without escapes."""
    if place in FORMATS:
        return writer(place)(report).decode("utf-8-sig")
    if place == "classroom50":
        identity = classroom50.Identity("c", "a", "tag", "commit", "release", "review")
        content = classroom50.result(classroom50.scores_of(report, 1), identity, DEADLINE)
        return unescape((content + classroom50.release_body(report, 1, "page")).decode())
    with (folder / "screen.txt").open("w", encoding="utf-8") as file:
        terminal.show(report, Console(file=file, width=200), place.startswith("verbose"))
    return (folder / "screen.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("feedback", LEVELS, ids="-".join)
@pytest.mark.parametrize("status", [Status.FAILED, Status.PASSED])
def test_hidden_parts_are_in_no_format(
    status: Status, feedback: tuple[Part, ...], place: str, tmp_path: Path
) -> None:
    report = secret_report(status)
    text = written(view(report, feedback=feedback), place, tmp_path)
    for part, secret in SECRETS.items():
        if part not in feedback:
            assert secret not in text
    if "counterexample" not in feedback:
        assert VALUE not in text and "471125" not in text and "47, 11" not in text


def test_the_test_of_hidden_parts_can_fail(tmp_path: Path) -> None:
    text = to_json(secret_report(Status.FAILED)).decode()
    assert all(secret in text for secret in (*SECRETS.values(), VALUE, "471125"))


@pytest.mark.parametrize("place", PLACES)
def test_without_a_verdict_right_and_wrong_look_alike(place: str, tmp_path: Path) -> None:
    """The strongest form of secrecy: the outputs for a right and a wrong submission are equal."""
    texts = [
        written(view(secret_report(status, mark), feedback=()), place, tmp_path)
        for status, mark in ((Status.PASSED, 10.0), (Status.FAILED, 0.0), (Status.NOT_JUDGED, 0.0))
    ]
    assert texts[0] == texts[1] == texts[2]


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.HIDDEN])
def test_the_exit_code_without_a_verdict(status: Status) -> None:
    shown = view(secret_report(status), feedback=())
    assert [exit_code(shown, require_all) for require_all in (False, True)] == [OK, OK]


def test_a_partly_hidden_report_has_the_exit_code_of_its_visible_part() -> None:
    row = GroupRow(task="0.1", name="relu", feedback=())
    shown = view(REPORTS["relu"], group_rows=(row,))
    assert exit_code(shown) == OK
    assert exit_code(view(REPORTS["is_close"], group_rows=(row,))) == OK, "the task is hidden"


@pytest.mark.parametrize("name", REPORTS)
def test_a_hidden_group_is_not_revealed_by_its_excuses(name: str) -> None:
    """`negList` needs `map`: whether it is excused depends on `map`, so both are hidden."""
    row = GroupRow(task="0.3", name="map", feedback=())
    shown = view(REPORTS[name], group_rows=(row,))
    (task,) = (each for each in shown.tasks if each.id == "0.3")
    hidden = {group.name for group in task.groups if group.status is Status.HIDDEN}
    assert {"map", "negList", "own tests"} <= hidden
    assert "reduce" not in hidden
    assert (task.status, task.points) == (Status.HIDDEN, None)
    assert "needs `map`" not in to_json(shown).decode()
    assert all(each.status is not Status.HIDDEN for each in shown.tasks[0].groups)


@pytest.mark.parametrize(
    ("name", "task", "group"), [("relu", "0.1", "relu"), ("is_close", "0.1", "is_close")]
)
def test_a_hidden_group_does_not_change_the_rest(name: str, task: str, group: str) -> None:
    """The evidence of the hidden group, right or wrong, makes no difference to the view."""
    right, wrong = REPORTS["right"], REPORTS[name]
    other = {check.name: check for each in wrong.tasks for check in each.checks}
    checks = set(next(g for g in table().task(task).groups if g.name == group).checks)
    (before, rest) = right.tasks
    changed = msgspec.structs.replace(
        before,
        checks=tuple(other[c.name] if c.name in checks else c for c in before.checks),
        groups=tuple(
            next(g for g in wrong.tasks[0].groups if g.name == group) if g.name == group else g
            for g in before.groups
        ),
        status=wrong.tasks[0].status,
        points=wrong.tasks[0].points,
        seconds=wrong.tasks[0].seconds,
    )
    spoiled = msgspec.structs.replace(right, tasks=(changed, rest), seconds=wrong.seconds)
    assert spoiled.points < right.points
    row = GroupRow(task=task, name=group, feedback=())
    assert view(spoiled, group_rows=(row,)) == view(right, group_rows=(row,))


def test_a_hidden_check_hides_its_group() -> None:
    row = CheckRow(task="0.1", name="test_threshold_of_is_close", feedback=())
    shown = view(REPORTS["is_close"], check_rows=(row,))
    assert next(g for g in shown.tasks[0].groups if g.name == "is_close").status is Status.HIDDEN
    of_group = [c for c in shown.tasks[0].checks if "is_close" in c.name]
    assert of_group and all(c.status is Status.HIDDEN and c.fault is None for c in of_group)


def test_forbidden_calls_are_counted_in_no_hidden_report() -> None:
    stored = REPORTS["right"]
    found = tuple(
        CheckResult(f"test_no_forbidden_calls[{name}]", Status.FAILED, fault=Fault("forbidden"))
        for name in ("mul", "add")
    )
    kept = tuple(c for c in stored.tasks[0].checks if not c.name.startswith("test_no_forb"))
    task = msgspec.structs.replace(stored.tasks[0], checks=(*kept, *found))
    wrong = msgspec.structs.replace(stored, tasks=(task, stored.tasks[1]))
    assert to_json(view(wrong, feedback=())) == to_json(view(stored, feedback=()))


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault("the result is wrong at 1 of 2 indices, first at (0,): …"), "the result is wrong"),
        (Fault("result 1 has shape (2,), expected (3,)"), "result 1 has the wrong shape"),
        (
            Fault("the buffer of rank 0 is wrong at 3 of 6 indices, first at (2,): …"),
            "the buffer of rank 0 is wrong",
        ),
        (
            Fault("gradient 1 of rank 2 has shape (4,), expected (2, 2)"),
            "gradient 1 of rank 2 has the wrong shape",
        ),
        (Fault(f"the buffer of {VALUE} is wrong"), "a required property does not hold"),
        (Fault("the tests do not fail on wrong code"), "the tests do not fail on wrong code"),
        (Fault("a leaf keeps its gradient: 3.5"), "a leaf keeps its gradient"),
        (Fault(f"{VALUE} is not a number"), "a required property does not hold"),
        (
            Fault(f"ValueError was raised in f: {VALUE}", name="the exception"),
            "ValueError was raised",
        ),
        (Fault("E4711 was raised in f", name="the exception"), "an exception was raised"),
        (Fault(f"{VALUE}", name="the exception"), "an exception was raised"),
        (Fault("the code printed too much", name="the exception"), "the code printed too much"),
        (
            Fault("the code knows that x is negative was raised", name="the exception"),
            "an exception was raised",
        ),
    ],
    ids=lambda value: value.sentence if isinstance(value, Fault) else "",
)
def test_a_sentence_without_values(fault: Fault, sentence: str) -> None:
    assert plain_sentence(fault) == sentence


class Unchanged(Subject):
    """A subject that changes nothing: the buffers, gradients and weights stay as they are."""

    def answer(self, request: Request) -> Response:
        operation, arrays = request.operation, request.arrays
        return Response(request, arrays[2:] * 2 if operation == "distributed.training" else arrays)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("test_sixteen_ranks", {}, "the buffer of rank 0 is wrong"),
        ("test_shapes_of_gradients", {"size": 2}, "gradient 0 of rank 0 is wrong"),
        (
            "test_training_equals_that_of_one_process",
            {"size": 2},
            "the weight vector of rank 0 is wrong",
        ),
    ],
)
def test_results_of_ranks(name: str, arguments: dict[str, int], words: str) -> None:
    """The checks of task 6.2 name the rank, also in a sentence without its counterexample."""
    with pytest.raises(MismatchError) as caught:
        getattr(test_task6_2, name)(Unchanged(), **arguments)
    finding = caught.value.finding
    assert finding.sentence.startswith(f"{words} at ") and finding.name == "result 0"
    assert plain_sentence(Fault(finding.sentence, name=finding.name)) == words


def test_everything_is_visible_by_default() -> None:
    report = REPORTS["early"]
    assert view(report) == report
    assert frozenset(Policy(version=1, name="x").feedback) == ALL


def test_points_set_by_hand_before_the_deadline() -> None:
    override = Override("explained it", "instructor", "2030-10-01T00:00:00+00:00", points=8.75)
    mark = Mark("p", "c", "g", "m", 10.0, 8.75, reason="set by hand: 8.75", overrides=(override,))
    report = msgspec.structs.replace(REPORTS["right"], mark=mark)
    text = to_json(view(report, feedback=())).decode()
    assert "8.75" not in text
    assert "explained it" in text
    assert "8.75" in to_json(view(report, feedback=("verdict",))).decode()


def test_gradescope_shows_no_total_while_a_test_is_hidden() -> None:
    shown = view(secret_report(Status.PASSED, 10.0), feedback=())
    results = json.loads(gradescope.write(shown, 8.5))
    assert results["score"] == 8.5
    assert {test["visibility"] for test in results["tests"]} == {"hidden"}
    assert results["leaderboard"] == []
    assert "score" not in results["tests"][0]


def test_the_deadline_is_shown_with_the_mark() -> None:
    shown = view(secret_report(Status.PASSED, 10.0), feedback=("verdict",))
    assert shown.mark is not None
    assert shown.mark.hidden_until == DEADLINE.isoformat()
    assert DEADLINE - datetime.fromisoformat(shown.mark.hidden_until) == timedelta(0)


def test_a_task_that_is_not_there_is_shown_alike() -> None:
    absent = TaskResult(
        id="0.1",
        title="Operators",
        module=0,
        status=Status.NOT_THERE,
        points=None,
        max_points=10.0,
        reason="the file is not there",
        groups=tuple(
            GroupResult(g.name, Status.NOT_THERE, None, g.max_points, "the file is not there")
            for g in REPORTS["right"].tasks[0].groups
        ),
    )
    report = msgspec.structs.replace(REPORTS["right"], tasks=(absent,))
    (task,) = view(report, feedback=()).tasks
    assert (task.status, task.reason, task.points) == (Status.HIDDEN, "", None)
    assert view(report).tasks == (absent,)
