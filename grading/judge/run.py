"""One run of the grader: the chosen tasks of one submission, in the table's order."""

import os
import platform
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata

import msgspec

from grading.accuracy.logs import claim
from grading.isolation import Isolation
from grading.judge.decide import Evidence, decide, points, reason
from grading.judge.own_work import own_work
from grading.judge.places import hole_records, pointing_at
from grading.judge.recorder import Outcome, RunOptions
from grading.judge.records import (
    VERSION,
    CheckResult,
    Hole,
    IsolationRecord,
    MachineRecord,
    Measurement,
    Report,
    SpeedResult,
    Status,
    SubmissionRecord,
    TaskResult,
)
from grading.judge.remarks import repairs
from grading.judge.session import SessionError, run_checks
from grading.judge.speed import speed_results
from grading.judge.subjects import Subjects, starter
from grading.judge.text import clean_line
from grading.judge.verdict import check_results, measurements
from grading.protocol.messages import Subject
from grading.submissions.submission import Submission
from grading.tasks.model import Table, Task

FAIL_FAST = RunOptions(shrink=False, until_first=True)
"""Options that find out whether a task is right, and not why it is wrong."""


@dataclass(frozen=True)
class Plan:
    """What to judge, and how.

    Attributes:
        submission: The code.
        tasks: The tasks, in the table's order.
        seed: Where every drawn input comes from.
        simulate: Whether code for a GPU runs on numba's simulator.
        speed: Whether speed is measured.
        isolation: How well the code has to be kept apart.
        reference: The reference solution, whose speed is shown beside; None if there is none.
    """

    submission: Submission
    tasks: tuple[Task, ...]
    seed: int
    simulate: bool = False
    speed: bool = True
    isolation: Isolation = "best"
    reference: Submission | None = None


Progress = Callable[[Task, TaskResult | None], None]
"""Called when a task begins, with None, and when it ends."""


def draw_seed() -> int:
    """Return a seed that is short enough to be typed."""
    return secrets.randbelow(1_000_000)


def judge(plan: Plan, table: Table, progress: Progress = lambda task, result: None) -> Report:
    """Judge a submission.

    Nothing that the submission does ends the run; what the harness cannot do is told in the
    report and charged to nobody.

    Raises:
        IsolationError: No worker can be started, or not as isolated as was demanded.
    """
    created, began = datetime.now(UTC), time.monotonic()
    with ExitStack() as stack:
        # The checks of a task, those of them that fail once more, and its speed: each has its time.
        seconds = 3.0 * sum(task.seconds for task in plan.tasks)
        subjects = Subjects(starter(plan.submission, plan.isolation), plan.simulate, seconds)
        stack.enter_context(subjects)
        references = None
        if plan.reference is not None:
            references = stack.enter_context(
                Subjects(starter(plan.reference, plan.isolation), total_seconds=seconds)
            )
        run = _Run(plan, table, subjects, references)
        for task in plan.tasks:
            progress(task, None)
            progress(task, run.judge(task))
        name, undefended = subjects.level or ("not needed", ())
    return Report(
        version=VERSION,
        created=created.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - began, 2),
        seed=plan.seed,
        submission=submission_record(plan.submission),
        machine=machine_record(),
        isolation=IsolationRecord(name, tuple(undefended)),
        tasks=tuple(run.results.values()),
        modules={module.number: module.title for module in table.modules},
        errors=tuple(run.errors),
    )


class _Run:
    """The tasks that were judged so far."""

    def __init__(
        self, plan: Plan, table: Table, subjects: Subjects, references: Subjects | None
    ) -> None:
        self._plan = plan
        self._table = table
        self._subjects = subjects
        self._references = references
        self.results: dict[str, TaskResult] = {}
        self.errors: list[str] = []
        self._told: set[str] = set()

    def judge(self, task: Task) -> TaskResult:
        """Judge a task, and keep what became of it."""
        began = time.monotonic()
        result = self._judge(task)
        seconds = round(time.monotonic() - began, 2)
        self.results[task.id] = msgspec.structs.replace(result, seconds=seconds)
        return self.results[task.id]

    def _judge(self, task: Task) -> TaskResult:
        submission = self._plan.submission
        functions = hole_records(task.holes_in(submission.layout), submission)
        evidence, outcomes = self._evidence(task, functions)
        status, why = decide(evidence), reason(evidence)
        if why:
            return _unjudged(task, status, why)
        speed = self._speed(task) if status is Status.PASSED else ()
        slow = any(each.status.bad for each in speed)
        charged = task.speed is not None and task.speed.points > 0
        self._complain(task, evidence.checks)
        inherits = submission.layout == "upstream"
        remarks = repairs(self._subjects, told=self._told) if inherits else ()
        self._told.update(remarks)
        simulated = task.device == "cuda" and self._plan.simulate and status.judged
        return TaskResult(
            id=task.id,
            title=task.title,
            module=task.module,
            status=decide(replace(evidence, slow=slow and charged)),
            points=points(task, status, slow, simulated),
            max_points=task.points,
            reason=_reason(evidence.checks) if status is Status.NOT_JUDGED else "",
            simulated=simulated,
            checks=tuple(pointing_at(check, functions) for check in evidence.checks),
            speed=speed,
            measurements=tuple(_with_claim(each, submission) for each in measurements(outcomes)),
            holes=functions,
            remarks=remarks,
            doc=task.doc,
        )

    def _evidence(
        self, task: Task, functions: Sequence[Hole]
    ) -> tuple[Evidence, Sequence[Outcome]]:
        """Gather everything that a task's status depends on; run its checks if they can be run."""
        submission, before = self._plan.submission, self._table.before(task)
        failing = [each.id for each in before if self._is_bad(each)]
        unwritten = (
            each.id for each in before if submission.open(each.holes_in(submission.layout))
        )
        evidence = Evidence(
            missing=self._absent(task),
            open=any(function.open for function in functions),
            failing_before=next(iter(failing), ""),
            open_before=next(unwritten, ""),
        )
        if evidence.missing:
            return evidence, ()
        nothing = bool(functions) and all(function.open for function in functions)
        try:
            checks, outcomes = self._checks(task, FAIL_FAST if failing or nothing else RunOptions())
            work = own_work(task, task.holes_in(submission.layout), submission)
        except SessionError as error:
            self.errors.append(clean_line(str(error)))
            return replace(evidence, harness_error=clean_line(str(error))), ()
        return replace(evidence, checks=(*checks, *work)), outcomes

    def _speed(self, task: Task) -> tuple[SpeedResult, ...]:
        """Measure the speed of a task, if the table and the plan ask for it."""
        if task.speed is None or not self._plan.speed:
            return ()
        self._subjects.begin_task(task.seconds, task.memory_mb)
        subject = self._subjects.on("cpu")
        return speed_results(task, task.speed, subject, self._plan.seed, self._reference())

    def _reference(self) -> Subject | None:
        """Return the solution of this repository, if it is here and is not what is judged."""
        if self._references is None:
            return None
        return self._references.on("cpu")

    def _checks(
        self, task: Task, options: RunOptions
    ) -> tuple[tuple[CheckResult, ...], list[Outcome]]:
        """Run the checks of a task, and those that fail once more with the same seed."""
        seed = self._plan.seed
        self._subjects.begin_task(task.seconds, task.memory_mb)
        edition = self._plan.submission.edition_for(task.module)
        options = replace(options, edition=edition)
        outcomes = run_checks(task, self._subjects, seed, options)
        failed = list(dict.fromkeys(o.check for o in outcomes if o.error is not None))
        repeated: list[Outcome] = []
        if failed and not options.until_first:
            self._subjects.begin_task(task.seconds, task.memory_mb)
            repeated = run_checks(task, self._subjects, seed, RunOptions(shrink=False), failed)
        partly = options.until_first
        checks = check_results(task, outcomes, repeated, partly=partly, edition=edition)
        return checks, outcomes

    def _absent(self, task: Task) -> str:
        """Say why a submission cannot have done a task; empty if it can."""
        submission = self._plan.submission
        missing = submission.missing(task.holes_in(submission.layout))
        return f"the submission has no {missing[0]}" if missing else ""

    def _is_bad(self, task: Task) -> bool:
        result = self.results.get(task.id)
        return result is not None and result.status.bad

    def _complain(self, task: Task, checks: Sequence[CheckResult]) -> None:
        for check in checks:
            if check.status is Status.ERROR:
                self.errors.append(f"task {task.id}: {check.name}: {check.reason}")


def _with_claim(measured: Measurement, submission: Submission) -> Measurement:
    """Add what the submission's own log claims."""
    claimed = claim(submission, measured.name.removesuffix(" right"))
    return msgspec.structs.replace(measured, claimed=claimed)


def submission_record(submission: Submission) -> SubmissionRecord:
    """Describe a submission."""
    return SubmissionRecord(
        name=clean_line(submission.root.name),
        path=clean_line(str(submission.root)),
        layout=submission.layout,
        edition=submission.edition or "",
    )


def machine_record() -> MachineRecord:
    """Describe this machine."""
    return MachineRecord(
        python=platform.python_version(),
        platform=platform.platform(),
        cores=os.cpu_count() or 1,
        packages={name: metadata.version(name) for name in ("numpy", "numba", "hypothesis")},
    )


def _reason(checks: Sequence[CheckResult]) -> str:
    return next((check.reason for check in checks if check.status is Status.NOT_JUDGED), "")


def _unjudged(task: Task, status: Status, reason: str) -> TaskResult:
    return TaskResult(
        id=task.id,
        title=task.title,
        module=task.module,
        status=status,
        points=None,
        max_points=task.points,
        reason=reason,
        doc=task.doc,
    )
