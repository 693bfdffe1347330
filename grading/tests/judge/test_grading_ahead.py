"""Compilation ahead of the checks: the second worker, its requests, and its loss."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from grading.isolation import IsolatedSubject, Limits, WorkerError
from grading.judge import run
from grading.judge.ahead import (
    REQUESTS,
    UNOPTIMISED,
    compile_ahead,
    compile_for_speed,
    environment_of_second_worker,
    tasks_of_second_worker,
)
from grading.judge.recorder import Outcome
from grading.judge.records import SpeedResult
from grading.judge.subjects import Start, Subjects
from grading.protocol.messages import Request, Response, Subject, SubjectError
from grading.submissions.submission import Submission
from grading.tasks.model import Speed, Task, split_selector
from grading.tasks.table import table
from grading.tests.upstream_trees import write_upstream


class Worker:
    """A worker that raises errors for some operations."""

    def __init__(self, errors: dict[str, type[SubjectError]] | None = None) -> None:
        self.errors = errors or {}
        self.answered: list[Request] = []
        self.ended = 0
        self.limits = Limits()
        self.folder = None
        self.seconds = 0.0
        self.running = False
        self.level = SimpleNamespace(name="none", undefended=())

    def begin_check(self, limits: Limits) -> None:
        self.limits = limits

    def answer(self, request: Request) -> Response:
        error = self.errors.get(request.operation)
        if error is WorkerError:
            raise WorkerError("WorkerDied", "the worker ended", request)
        if error is not None:
            raise error(["ValueError"], "wrong", request)
        self.answered.append(request)
        return Response(request)

    def end_worker(self) -> None:
        self.ended += 1


def compile_with(worker: Worker) -> IsolatedSubject | None:
    return compile_ahead(cast(IsolatedSubject, worker), table().select(["task4_4"]))


def test_all_requests_are_sent_within_the_limits_of_the_task() -> None:
    worker = Worker()
    assert compile_with(worker)
    assert worker.answered == list(REQUESTS["4.4"])
    (task,) = table().select(["task4_4"])
    assert worker.limits.memory_mb == task.memory_mb
    assert worker.limits.check_seconds == task.seconds


def test_an_error_of_the_submission_does_not_end_the_compilation() -> None:
    worker = Worker({"nn.max": SubjectError})
    assert compile_with(worker)
    assert len(worker.answered) == len(REQUESTS["4.4"]) - 1


def test_a_lost_worker_is_not_used() -> None:
    worker = Worker({"nn.softmax": WorkerError})
    assert compile_with(worker) is None
    assert worker.ended == 1


@pytest.mark.parametrize("errors", [{}, {"speed.run": SubjectError}, {"speed.run": WorkerError}])
def test_kernels_of_measurements_of_speed(errors: dict[str, type[SubjectError]]) -> None:
    (task,) = table().select(["task4_3"])
    assert task.speed is not None
    worker = Worker(errors)
    compile_for_speed(cast(Subject, worker), task.speed)
    operations = {request.operation for request in worker.answered}
    assert operations == {"speed.prepare", "speed.run"} - set(errors)


def test_two_workers_of_one_device() -> None:
    first, second = Worker(), Worker()
    request = Request("nn.max")
    with Subjects(lambda _: cast(IsolatedSubject, first)) as subjects:
        subjects.on("cpu").answer(request)
        assert subjects.use("cpu", cast(IsolatedSubject, second)) is cast(IsolatedSubject, first)
        subjects.begin_task(10.0, 500)
        subjects.on("cpu").answer(request)
        assert (first.ended, second.ended) == (0, 0)
    assert (len(first.answered), first.ended) == (1, 1)
    assert (len(second.answered), second.ended) == (1, 1)


@pytest.mark.parametrize(
    ("names", "second"),
    [
        (["module4"], ["4.3", "4.4"]),
        (["task4_3", "task4_4"], ["4.4"]),
        (["task4_4"], []),
        (["task4_1", "task4_2"], []),
        ([], ["4.3", "4.4"]),
    ],
)
def test_tasks_of_the_second_worker(tmp_path: Path, names: list[str], second: list[str]) -> None:
    submission = Submission.at(write_upstream(tmp_path, "2022", 4))
    found = tasks_of_second_worker(table().select(names), submission)
    assert [task.id for task in found] == second


@pytest.mark.parametrize(
    ("names", "optimised"),
    [
        (["task4_3", "task4_4"], False),
        (["task4_3", "task4_4", "task4_4b"], False),
        (["module4"], True),
    ],
)
def test_kernels_are_optimised_for_later_trainings(names: list[str], optimised: bool) -> None:
    tasks, second = table().select(names), table().select(["task4_4"])
    assert environment_of_second_worker(tasks, second) == ({} if optimised else UNOPTIMISED)


def test_a_submission_without_the_functions_has_no_second_worker(tmp_path: Path) -> None:
    submission = Submission.at(write_upstream(tmp_path, "2022", 3))
    assert tasks_of_second_worker(table().select(["module4"]), submission) == ()


@pytest.mark.parametrize("names", [["task4_1", "task4_3", "task4_4"], ["task2_1", "task4_3"]])
def test_the_second_worker_answers_checks_and_the_first_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    """In the second case, no check has used the first worker before."""
    optimised, unoptimised = Worker(), Worker()

    def starter(
        submission: Submission, isolation: str, environment: Mapping[str, str] | None = None
    ) -> Start:
        worker = unoptimised if environment else optimised
        return lambda _: cast(IsolatedSubject, worker)

    def run_checks(task: Task, subjects: Subjects, *_: object) -> list[Outcome]:
        if task.module == 4:
            subjects.on("cpu").answer(Request(f"checks.{task.id}"))
        of_groups = (check for group in task.groups for check in group.checks)
        checks = [*task.checks.required, *task.checks.advice, *of_groups]
        return [Outcome(*split_selector(check)) for check in dict.fromkeys(checks)]

    def speed_results(
        task: Task, speed: Speed, subject: Subject, *_: object
    ) -> Sequence[SpeedResult]:
        subject.answer(Request(f"measured.{task.id}"))
        return ()

    monkeypatch.setattr(run, "PROCESSORS", 2)
    monkeypatch.setattr(run, "starter", starter)
    monkeypatch.setattr(run, "run_checks", run_checks)
    monkeypatch.setattr(run, "speed_results", speed_results)
    submission = Submission.at(write_upstream(tmp_path, "2022", 4))
    run.judge(run.Plan(submission, table().select(names), seed=1), table())
    of_first = [request.operation for request in optimised.answered]
    of_second = [request.operation for request in unoptimised.answered]
    assert "checks.4.3" in of_second
    assert "measured.4.3" in of_first
    # What the measurement needs is compiled before it.
    assert "speed.run" in of_first[: of_first.index("measured.4.3")]
    assert not {"speed.run", "measured.4.3"} & set(of_second)
