"""One run of the grader: the chosen tasks of one submission, in the table's order."""

import os
import platform
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata

import msgspec

from grading.accuracy.logs import claim
from grading.isolation import Isolation
from grading.judge.decide import Evidence, GroupEvidence, decide, points, reason, total
from grading.judge.forbidden_calls import forbidden_calls
from grading.judge.functions import absent_groups, hole_records, with_location
from grading.judge.recorder import Outcome, RunOptions
from grading.judge.records import (
    VERSION,
    CheckResult,
    GroupResult,
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
from grading.tasks.model import Group, Table, Task

UNUSABLE = {
    Status.FAILED: "fails",
    Status.UNIMPLEMENTED: "is not implemented yet",
    Status.NOT_THERE: "is not there",
}
"""What excuses a group that needs another one."""


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
        self._groups: dict[tuple[str, str], GroupResult] = {}

    def judge(self, task: Task) -> TaskResult:
        """Judge a task, and keep what became of it."""
        began = time.monotonic()
        result = self._judge(task)
        seconds = round(time.monotonic() - began, 2)
        self.results[task.id] = msgspec.structs.replace(result, seconds=seconds)
        return self.results[task.id]

    def _judge(self, task: Task) -> TaskResult:
        submission = self._plan.submission
        task = task.for_edition(submission.edition_for(task.module))
        functions = hole_records(task.holes_in(submission.layout), submission)
        absent = absent_groups(task, submission)
        checks: tuple[CheckResult, ...] = ()
        work: dict[str, CheckResult] = {}
        outcomes: Sequence[Outcome] = ()
        harness_error = ""
        if not task.groups or len(absent) < len(task.groups):
            try:
                checks, outcomes = self._checks(task)
                work = forbidden_calls(task, submission)
            except SessionError as error:
                harness_error = clean_line(str(error))
                self.errors.append(harness_error)
        self._complain(task, checks)
        groups = self._groups_of(task, absent, harness_error, checks, work)
        evidence = Evidence(
            harness_error=harness_error,
            groups=groups,
            advice=tuple(check.status for check in checks if not check.required),
        )
        speed = self._speed(task) if decide(evidence) is Status.PASSED else ()
        if task.speed is not None and task.speed.points:
            groups = (*groups, _speed_group(speed, task.speed.points))
            evidence = replace(evidence, groups=groups)
        status = decide(evidence)
        inherits = submission.layout == "upstream"
        remarks = repairs(self._subjects, told=self._told) if inherits else ()
        self._told.update(remarks)
        return TaskResult(
            id=task.id,
            title=task.title,
            module=task.module,
            status=status,
            points=total(group.points for group in groups) if groups else points(status, 0.0),
            max_points=task.points,
            reason=reason(evidence),
            simulated=self._is_simulated(task) and status.judged,
            checks=tuple(
                with_location(check, _functions_of(task, check, functions))
                for check in (*checks, *work.values())
            ),
            speed=speed,
            measurements=tuple(_with_claim(each, submission) for each in measurements(outcomes)),
            holes=functions,
            remarks=remarks,
            doc=task.doc,
            judged_points=sum(each.max_points for each in groups if each.points is not None),
            groups=groups,
        )

    def _is_simulated(self, task: Task) -> bool:
        return task.device == "cuda" and self._plan.simulate

    def _groups_of(
        self,
        task: Task,
        absent: Mapping[str, str],
        harness_error: str,
        checks: Sequence[CheckResult],
        work: Mapping[str, CheckResult],
    ) -> tuple[GroupResult, ...]:
        """Decide about each group; a group may need those above it."""
        submission = self._plan.submission
        share = task.simulated if self._is_simulated(task) else 1.0
        found = []
        for group in task.groups:
            of_group = tuple(check for check in checks if check.name in group.checks)
            evidence = GroupEvidence(
                missing=absent.get(group.name, ""),
                harness_error=harness_error,
                open=bool(submission.open(task.holes_of(group, submission.layout))),
                excuse=self._excuse(task, group),
                forbidden=group.name in work,
                checks=of_group,
            )
            status = decide(evidence)
            result = GroupResult(
                name=group.name,
                status=status,
                points=points(status, group.points, share),
                max_points=group.points,
                reason=reason(evidence),
                checks=group.checks,
            )
            self._groups[task.id, group.name] = result
            found.append(result)
        return tuple(found)

    def _excuse(self, task: Task, group: Group) -> str:
        """Say which function that a group needs cannot be used; empty if all can."""
        for of, needed in self._table.needs(task, group):
            why = UNUSABLE.get(self._known_status(of, needed))
            if why:
                whose = "" if of is task else f" of task {of.id}"
                return f"needs `{needed.name}`{whose}, which {why}"
        return ""

    def _known_status(self, task: Task, group: Group) -> Status:
        """Return what is known of a group: from this run, else from its sources."""
        result = self._groups.get((task.id, group.name))
        if result is not None and (result.status.judged or result.status in UNUSABLE):
            return result.status
        submission = self._plan.submission
        holes = task.holes_of(group, submission.layout)
        if submission.missing(holes):
            return Status.NOT_THERE
        return Status.UNIMPLEMENTED if submission.open(holes) else Status.NOT_JUDGED

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

    def _checks(self, task: Task) -> tuple[tuple[CheckResult, ...], list[Outcome]]:
        """Run the checks of a task, and those that fail once more with the same seed."""
        seed = self._plan.seed
        fail_fast = frozenset(group.name for group in task.groups if self._cannot_pass(task, group))
        self._subjects.begin_task(task.seconds, task.memory_mb)
        outcomes = run_checks(task, self._subjects, seed, RunOptions(fail_fast=fail_fast))
        failed = dict.fromkeys(
            outcome.check
            for outcome in outcomes
            if outcome.error is not None
            and task.group_of(outcome.check, outcome.case) not in fail_fast
        )
        repeated: list[Outcome] = []
        if failed:
            self._subjects.begin_task(task.seconds, task.memory_mb)
            options = RunOptions(shrink=False, fail_fast=fail_fast)
            repeated = run_checks(task, self._subjects, seed, options, list(failed))
        return check_results(task, outcomes, repeated, fail_fast), outcomes

    def _cannot_pass(self, task: Task, group: Group) -> bool:
        """Return whether a group needs what cannot be used, or is wholly still to be written."""
        submission = self._plan.submission
        holes = submission.named(task.holes_of(group, submission.layout))
        nothing = bool(holes) and len(submission.open(holes)) == len(holes)
        return nothing or bool(self._excuse(task, group))

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


def _functions_of(task: Task, check: CheckResult, functions: Sequence[Hole]) -> Sequence[Hole]:
    """Return the functions that a check is about: those of its group, if it has any."""
    groups = (group for group in task.groups if check.name in group.checks)
    group = next(groups, None)
    own = [hole for hole in functions if group is not None and group.judges(hole.name)]
    return own or functions


def _speed_group(speed: Sequence[SpeedResult], worth: float) -> GroupResult:
    """Return the group of the points for speed."""
    status = decide(
        GroupEvidence(checks=tuple(CheckResult(each.workload, each.status) for each in speed))
    )
    why = "" if status.judged else "its speed was not measured"
    return GroupResult("speed", status, points(status, worth), worth, why)
