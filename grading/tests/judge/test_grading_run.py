"""A run over several tasks: prerequisites, what is missing, points, and faults of the harness."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from grading.judge import run
from grading.judge.recorder import Outcome, RunOptions
from grading.judge.records import CheckResult, Report, SpeedResult, Status, TaskResult
from grading.judge.session import SessionError
from grading.judge.subjects import Subjects
from grading.protocol.messages import Request, SubjectError
from grading.submissions.submission import Submission
from grading.tasks.model import Table, Task
from grading.tasks.table import table

WRONG = AssertionError("wrong")
STUB = SubjectError(["NotImplementedError"], "not yet", Request("x"))


@pytest.fixture
def submission(tmp_path: Path) -> Submission:
    """A submission in the course's layout that has every file but the ones for CUDA."""
    package = tmp_path / "minitorch"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    modules = {hole.partition(":")[0] for task in table().tasks for hole in task.upstream}
    for module in modules - {"minitorch.cuda_ops", "minitorch.cuda_conv"}:
        file = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
        file.parent.mkdir(exist_ok=True)
        file.write_text("", encoding="utf-8")
    return Submission.at(tmp_path)


Errors = dict[str, BaseException]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch, submission: Submission) -> Callable[..., Report]:
    """Judge tasks whose first required check ends with a given error."""

    def judge(
        errors: Errors,
        *names: str,
        repeated: bool = True,
        tasks: Table | None = None,
        speed: Status | None = None,
    ) -> Report:
        def checks(
            task: Task,
            subjects: Subjects,
            seed: int,
            options: RunOptions,
            names: Sequence[str] = (),
        ) -> list[Outcome]:
            error = errors.get(task.id)
            if isinstance(error, SessionError):
                raise error
            made = [Outcome(name) for name in names or task.checks.names]
            if error is not None and (repeated or not names):
                made[0].error = error
            return made[:1] if options.until_first and error is not None else made

        def speeds(*_: object) -> tuple[SpeedResult, ...]:
            return () if speed is None else (SpeedResult("conv2d", speed, ratio=9.0),)

        monkeypatch.setattr(run, "run_checks", checks)
        monkeypatch.setattr(run, "speed_results", speeds)
        monkeypatch.setattr(Subjects, "on", lambda *_: None)
        whole = tasks or table()
        plan = run.Plan(submission, whole.select(names), seed=1)
        return run.judge(plan, whole)

    return judge


def results(report: Report) -> dict[str, TaskResult]:
    return {task.id: task for task in report.tasks}


def test_all_points_or_none(judged: Callable[..., Report]) -> None:
    report = judged({"1.1": WRONG}, "task0_4", "task1_1")
    found = results(report)
    assert (found["0.4"].status, found["0.4"].points) == (Status.PASSED, 10)
    assert (found["1.1"].status, found["1.1"].points) == (Status.FAILED, 0)
    assert (report.points, report.judged_points) == (10, 20)


def test_a_failure_is_not_charged_while_what_it_builds_on_fails(
    judged: Callable[..., Report],
) -> None:
    found = results(judged({"2.3": WRONG, "3.1": WRONG, "4.2": WRONG}, "module2", "module3", "4.2"))
    assert found["2.3"].status is Status.FAILED
    for id in ("3.1", "4.2"):
        assert found[id].status is Status.NOT_JUDGED
        assert found[id].points is None
        assert "task 2.3" in found[id].reason


def test_what_passes_counts_whatever_else_fails(judged: Callable[..., Report]) -> None:
    found = results(judged({"2.3": WRONG}, "module2", "task4_2"))
    assert found["4.2"].points == 10


def test_marks_do_not_depend_on_what_else_was_asked_for(judged: Callable[..., Report]) -> None:
    alone = results(judged({"4.2": WRONG}, "task4_2"))["4.2"]
    among = results(judged({"4.2": WRONG}))["4.2"]
    assert (alone.status, alone.points) == (among.status, among.points) == (Status.FAILED, 0)


def test_what_a_submission_does_not_have_is_not_there(judged: Callable[..., Report]) -> None:
    report = judged({}, "task3_3", "task3_4", "task4_4b")
    assert {task.status for task in report.tasks} == {Status.NOT_THERE}
    assert report.judged_points == 0
    assert "minitorch.cuda_ops" in report.tasks[0].reason


def test_an_open_hole_is_not_implemented(
    judged: Callable[..., Report], submission: Submission
) -> None:
    (submission.root / "minitorch" / "autodiff.py").write_text(
        "def central_difference():\n    raise NotImplementedError\n", encoding="utf-8"
    )
    (task,) = judged({"1.1": STUB}, "task1_1").tasks
    assert (task.status, task.points) == (Status.UNIMPLEMENTED, 0)
    (hole,) = [hole for hole in task.holes if hole.open]
    assert (hole.function, hole.place) == ("central_difference", "minitorch/autodiff.py:1")


def test_a_task_fails_if_it_fails_once_of_twice(judged: Callable[..., Report]) -> None:
    (task,) = judged({"1.1": WRONG}, "task1_1", repeated=False).tasks
    assert task.status is Status.FAILED
    assert task.checks[0].again.startswith("passed")


def test_the_harness_charges_nobody_for_its_own_faults(judged: Callable[..., Report]) -> None:
    report = judged({"1.1": SessionError("no pytest"), "0.4": KeyError("x")}, "task0_4", "task1_1")
    assert {task.status for task in report.tasks} == {Status.ERROR}
    assert {task.points for task in report.tasks} == {None}
    assert len(report.errors) == 2


@pytest.mark.parametrize(
    ("worth", "status", "points"), [(0, Status.PASSED, 10), (2, Status.FAILED, 8)]
)
def test_speed_costs_the_points_that_are_for_it(
    worth: float, status: Status, points: float, judged: Callable[..., Report]
) -> None:
    whole = table()
    slow = whole.task("4.2")
    assert slow.speed is not None
    changed = msgspec.structs.replace(slow, speed=msgspec.structs.replace(slow.speed, points=worth))
    tasks = tuple(changed if task.id == "4.2" else task for task in whole.tasks)
    whole = msgspec.structs.replace(whole, tasks=tasks)
    (task,) = judged({}, "task4_2", tasks=whole, speed=Status.FAILED).tasks
    assert (task.status, task.points) == (status, points)


def test_every_run_tells_its_seed_and_where_it_took_place(judged: Callable[..., Report]) -> None:
    report = judged({}, "task0_4")
    assert report.seed == 1
    assert report.machine.packages.keys() == {"numpy", "numba", "hypothesis"}
    assert isinstance(report.tasks[0].checks[0], CheckResult)
