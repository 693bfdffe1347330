"""A run over several tasks: needed functions, what is missing, points, faults of the harness."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from grading.isolation import Limits
from grading.judge import run, verdict
from grading.judge.recorder import Outcome, RunOptions
from grading.judge.records import CheckResult, Report, SpeedResult, Status, TaskResult
from grading.judge.session import SessionError
from grading.judge.subjects import Subjects
from grading.protocol.messages import Request, SubjectError
from grading.reports import words
from grading.submissions.submission import Submission
from grading.tasks.model import Table, Task, split_selector
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
"""By what fails: a task, for its first required check; or a group, as "4.4/max", for its first."""


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch, submission: Submission) -> Callable[..., Report]:
    """Judge tasks of which some checks end with a given error."""

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
            made = [
                Outcome(*split_selector(selector))
                for group in task.groups
                for selector in group.checks
                if not names or split_selector(selector)[0] in names
            ]
            made += [Outcome(name) for name in task.checks.advice if not names]
            for group in task.groups:
                error = errors.get(f"{task.id}/{group.name}", error)
                if error is not None and (repeated or not names):
                    first = (o for o in made if task.group_of(o.check, o.case) == group.name)
                    failed = next(first, None)
                    if failed is not None:
                        failed.error = error
                error = None
            return made

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


def groups(task: TaskResult) -> dict[str, tuple[Status, float | None]]:
    return {group.name: (group.status, group.points) for group in task.groups}


def test_a_group_earns_its_points_or_none(judged: Callable[..., Report]) -> None:
    report = judged({"4.4/softmax": WRONG}, "task0_4", "task4_4")
    found = results(report)
    assert (found["0.4"].status, found["0.4"].points) == (Status.PASSED, 10)
    assert (found["4.4"].status, found["4.4"].points) == (Status.FAILED, 9)
    assert groups(found["4.4"])["softmax"] == (Status.FAILED, 0)
    assert (report.points, report.judged_points, report.max_points) == (19, 20, 20)


def test_a_failure_is_excused_by_the_function_that_it_needs_and_the_others_are_judged(
    judged: Callable[..., Report],
) -> None:
    report = judged({"4.3/tile": WRONG, "4.3/avgpool2d": WRONG, "4.4/maxpool2d": WRONG}, "module4")
    found = results(report)
    assert groups(found["4.3"]) == {
        "tile": (Status.FAILED, 0),
        "avgpool2d": (Status.NOT_JUDGED, None),
    }
    task = found["4.4"]
    assert (task.status, task.points, task.judged, task.max_points) == (Status.PARTLY, 8, 8, 10)
    assert groups(task)["maxpool2d"] == (Status.NOT_JUDGED, None)
    assert "needs `tile` of task 4.3, which fails" in [group.reason for group in task.groups]
    assert words.outcome(task) == (
        "8 of 10 points judged; 2 excused: they need `tile` of task 4.3, which fails"
    )


def test_a_function_of_the_same_task_is_named_without_the_task(
    judged: Callable[..., Report],
) -> None:
    # The edition of the files is unknown, so some checks of this task become advice.
    (task,) = judged({"0.3/map": WRONG, "0.3/negList": WRONG}, "task0_3").tasks
    assert any("does not promise it" in check.reason for check in task.advice)
    reasons = {group.name: group.reason for group in task.groups}
    assert reasons["negList"] == "needs `map`, which fails"


@pytest.mark.parametrize("id", ["2.3", "2.4"])
def test_functions_of_other_editions_only_do_not_make_a_task_present(
    id: str, judged: Callable[..., Report], submission: Submission
) -> None:
    """Judge a tree that ends with module 1, so that it shows no edition of module 2."""
    for file in (submission.root / "minitorch").glob("tensor*.py"):
        file.unlink()
    (task,) = judged({}, id).tasks
    assert {group.status for group in task.groups} == {Status.NOT_THERE}
    assert (task.status, task.points) == (Status.NOT_THERE, None)


def test_an_excuse_reaches_over_groups_that_are_excused_themselves(
    judged: Callable[..., Report],
) -> None:
    errors = {"2.1/to_index": WRONG, "4.3/tile": WRONG, "4.4/maxpool2d": WRONG}
    found = results(judged(errors, "module2", "module4"))
    (reason,) = {group.reason for group in found["4.4"].groups if group.reason}
    assert "to_index" in reason


@pytest.mark.parametrize("wrong", ["4.3/tile", "2.1/to_index"])
def test_the_excuses_of_a_task_do_not_depend_on_the_other_tasks_of_a_run(
    wrong: str, judged: Callable[..., Report]
) -> None:
    errors = {wrong: WRONG, "4.4/maxpool2d": WRONG}
    found = [results(judged(errors, *names))["4.4"] for names in (["task4_4"], ["module4"], [])]
    assert [groups(task)["maxpool2d"] for task in found] == 3 * [(Status.NOT_JUDGED, None)]
    assert len({group.reason for task in found for group in task.groups if group.reason}) == 1


def test_a_failure_is_charged_if_every_needed_function_passes(
    judged: Callable[..., Report],
) -> None:
    report = judged({"4.4/maxpool2d": WRONG}, "task4_4")
    assert [task.id for task in report.tasks] == ["4.4"]
    assert groups(report.tasks[0])["maxpool2d"] == (Status.FAILED, 0)


def test_needed_functions_are_judged_only_for_a_failure(
    judged: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(run._Run, "_judge_groups", lambda self, task, groups: asked.append(task.id))
    judged({}, "task4_4")
    assert asked == []
    judged({"4.4/dropout": WRONG, "0.4": STUB}, "task0_4", "task4_4")
    needed = {
        task.id for task, _ in table().needs(table().task("4.4"), table().task("4.4").groups[4])
    }
    assert set(asked) == needed


def test_an_error_of_the_grader_in_a_needed_task_is_no_excuse(
    judged: Callable[..., Report],
) -> None:
    report = judged({"4.4/maxpool2d": WRONG, "4.3": SessionError("no pytest")}, "task4_4")
    assert groups(report.tasks[0])["maxpool2d"] == (Status.FAILED, 0)
    assert report.errors == ()


def test_passed_groups_count_although_others_fail(judged: Callable[..., Report]) -> None:
    found = results(judged({"2.3": WRONG}, "module2", "task4_2"))
    assert found["4.2"].points == 10


def test_a_file_that_a_task_does_not_touch_is_no_reason_to_refuse_it(
    judged: Callable[..., Report], submission: Submission
) -> None:
    (submission.root / "minitorch" / "scalar_functions.py").unlink()
    report = judged({}, "module1", "module4")
    assert {results(report)[id].status for id in ("4.1", "4.2", "4.3", "4.4")} == {Status.PASSED}


def test_marks_do_not_depend_on_the_selected_tasks(judged: Callable[..., Report]) -> None:
    alone = results(judged({"4.2": WRONG}, "task4_2"))["4.2"]
    among = results(judged({"4.2": WRONG}))["4.2"]
    assert (alone.status, alone.points) == (among.status, among.points) == (Status.FAILED, 0)


def test_an_absent_module_is_not_there(judged: Callable[..., Report]) -> None:
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


def test_one_failure_of_two_runs_fails_the_task(judged: Callable[..., Report]) -> None:
    (task,) = judged({"1.1": WRONG}, "task1_1", repeated=False).tasks
    assert task.status is Status.FAILED
    assert task.checks[0].again.startswith("passed")


@pytest.mark.parametrize(
    ("second", "text"),
    [
        ("wrong at 2 of 3 indices, first at (1,): expected -1e-05, received nan", "same failure"),
        ("the shape is wrong", "different failure: the shape is wrong"),
    ],
)
def test_a_second_run_with_other_numbers_is_the_same_failure(second: str, text: str) -> None:
    sentence = "wrong at 1 of 1 indices, first at (0, 0): expected 0, received -0.5"
    fault, again = (Outcome("test_x", error=AssertionError(each)) for each in (sentence, second))
    task = table().task("1.1")
    name = task.groups[0].checks[0]
    fault.check = again.check = name
    (result, *_) = verdict.check_results(task, [fault], [again])
    assert result.again == text


def test_harness_errors_are_not_charged(judged: Callable[..., Report]) -> None:
    report = judged({"1.1": SessionError("no pytest"), "0.4": KeyError("x")}, "task0_4", "task1_1")
    assert {task.status for task in report.tasks} == {Status.ERROR}
    # What has nothing to do with the fault is judged as ever.
    assert [(task.points, task.judged) for task in report.tasks] == [(4, 4), (None, 0)]
    assert len(report.errors) == 2


def with_points_for_speed(worth: int) -> Table:
    """Return the table with some of the points of task 4.2 for speed."""
    whole = table()
    slow = whole.task("4.2")
    assert slow.speed is not None
    (group,) = slow.groups
    changed = msgspec.structs.replace(
        slow,
        speed=msgspec.structs.replace(slow.speed, points=worth),
        groups=(msgspec.structs.replace(group, points=group.points - worth),),
    )
    tasks = tuple(changed if task.id == "4.2" else task for task in whole.tasks)
    return msgspec.structs.replace(whole, tasks=tasks)


@pytest.mark.parametrize(
    ("worth", "status", "points"), [(0, Status.PASSED, 10), (2, Status.FAILED, 8)]
)
def test_slow_code_loses_only_the_points_for_speed(
    worth: int, status: Status, points: float, judged: Callable[..., Report]
) -> None:
    (task,) = judged({}, "task4_2", tasks=with_points_for_speed(worth), speed=Status.FAILED).tasks
    assert (task.status, task.points, task.judged) == (status, points, 10)


def test_unmeasured_speed_is_not_judged(judged: Callable[..., Report]) -> None:
    (task,) = judged({}, "task4_2", tasks=with_points_for_speed(2)).tasks
    assert (task.status, task.points, task.judged) == (Status.PARTLY, 8, 8)


def test_an_absent_task_with_points_for_speed_is_not_there(
    judged: Callable[..., Report], submission: Submission
) -> None:
    (submission.root / "minitorch" / "fast_conv.py").unlink()
    (task,) = judged({}, "task4_2", tasks=with_points_for_speed(2)).tasks
    assert (task.status, task.points, task.judged) == (Status.NOT_THERE, None, 0)
    assert task.reason == "the submission has no minitorch.fast_conv"


def test_a_measurement_of_speed_has_the_whole_time_of_the_task(
    monkeypatch: pytest.MonkeyPatch, submission: Submission
) -> None:
    given: list[Limits] = []
    worker = SimpleNamespace(
        begin_check=given.append,
        end_worker=lambda: None,
        running=False,
        seconds=0.0,
        folder=None,
        level=SimpleNamespace(name="none", undefended=()),
    )
    measured: list[float | None] = []

    def checks(task: Task, subjects: Subjects, *_: object) -> list[Outcome]:
        subjects.on("cpu")
        worker.seconds = task.seconds - 1
        subjects.begin_check()
        return [Outcome(name) for name in task.checks.names]

    def speeds(*_: object) -> tuple[SpeedResult, ...]:
        measured.append(given[-1].check_seconds)
        return ()

    monkeypatch.setattr(run, "starter", lambda *_: lambda device: worker)
    monkeypatch.setattr(run, "run_checks", checks)
    monkeypatch.setattr(run, "speed_results", speeds)
    run.judge(run.Plan(submission, table().select(["task4_2"]), seed=1), table())
    assert measured == [table().task("4.2").seconds]


def test_an_error_of_the_harness_in_a_measurement_costs_no_points(
    judged: Callable[..., Report],
) -> None:
    report = judged({}, "task4_2", tasks=with_points_for_speed(2), speed=Status.ERROR)
    (task,) = report.tasks
    assert (task.status, task.points, task.judged) == (Status.ERROR, 8, 8)
    assert report.errors == ("task 4.2: speed of conv2d: ",)


def test_every_run_records_seed_and_environment(judged: Callable[..., Report]) -> None:
    report = judged({}, "task0_4")
    assert report.seed == 1
    assert report.machine.packages.keys() == {"numpy", "numba", "hypothesis"}
    assert isinstance(report.tasks[0].checks[0], CheckResult)
