"""One run of the grader: selected tasks of one submission, in the table's order."""

import os
import platform
import secrets
import time
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from typing import Self

import msgspec

from grading.accuracy.logs import claim
from grading.correction.search import corrections
from grading.diagnosis import Answers, Diagnosis
from grading.isolation import IsolatedSubject, Isolation
from grading.judge.ahead import (
    compile_ahead,
    compile_for_speed,
    environment_of_second_worker,
    reference_kernels,
    tasks_of_second_worker,
)
from grading.judge.causes import no_search
from grading.judge.decide import Evidence, GroupEvidence, decide, points, reason, total
from grading.judge.excuses import UNUSABLE, excuse_text
from grading.judge.forbidden_calls import forbidden_calls
from grading.judge.functions import (
    absent_groups,
    hole_records,
    with_location,
    with_missing_function,
)
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
from grading.judge.replays import prepare, replays
from grading.judge.session import SessionError, run_checks
from grading.judge.speed import speed_group, speed_results
from grading.judge.subjects import Subjects, starter
from grading.judge.text import clean_line
from grading.judge.verdict import check_results, measurements
from grading.judge.version import grader_commit
from grading.phases import CAUSES, REPLAYS, SPEED, checks_of, measuring, phase
from grading.submissions.submission import Submission
from grading.tasks.model import Group, Table, Task, split_selector


@dataclass(frozen=True)
class Plan:
    """Options of a run.

    Attributes:
        submission: The submission to judge.
        tasks: The tasks, in the table's order.
        seed: Seed of all random inputs.
        simulate: True to run GPU kernels on numba's simulator.
        speed: True to measure speed.
        isolation: Required isolation.
        reference: The reference solution, for a comparison of speed; None if there is none.
    """

    submission: Submission
    tasks: tuple[Task, ...]
    seed: int
    simulate: bool = False
    speed: bool = True
    isolation: Isolation = "best"
    reference: Submission | None = None


Progress = Callable[[Task, str], None]
"""Callback at the start of a task, with an empty text, and of each check, with its name."""


def draw_seed() -> int:
    """Return a random seed of at most six digits, which is easy to type."""
    return secrets.randbelow(1_000_000)


def judge(plan: Plan, table: Table, progress: Progress = lambda task, check: None) -> Report:
    """Judge a submission.

    No behaviour of the submission ends the run. Errors of the grader are part of the report and
    cost no points.

    Raises:
        IsolationError: A worker with the required isolation cannot be started.
    """
    created, began = datetime.now(UTC), time.monotonic()
    with ExitStack() as stack:
        phases = stack.enter_context(measuring())
        # Workers end with the thread that started them, so the threads end after all workers.
        beside = _Beside.within(stack) if PROCESSORS > 1 else None
        # Each task has its time limit four times: for its checks, second runs, replays, and speed;
        # each needed task has it twice.
        seconds = 4.0 * sum(task.seconds for task in plan.tasks)
        seconds += 2.0 * sum(task.seconds for task in table.needed_by(plan.tasks))
        subjects = Subjects(starter(plan.submission, plan.isolation), plan.simulate, seconds)
        stack.enter_context(subjects)
        references = None
        if plan.reference is not None:
            trusted = starter(plan.reference, plan.isolation, kernels=reference_kernels())
            references = stack.enter_context(Subjects(trusted, total_seconds=seconds))
        copies = stack.enter_context(
            Subjects(starter(plan.submission, plan.isolation), total_seconds=seconds)
        )
        run = _Run(plan, table, subjects, references, copies, beside, progress)
        run.begin(stack)
        for task in plan.tasks:
            progress(task, "")
            run.check(task)
        run.wait()
        for task in plan.tasks:
            run.finish(task)
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
        grader=grader_commit(),
        phases={name: round(seconds, 2) for name, seconds in phases.seconds.items()},
    )


PROCESSORS = os.cpu_count() or 1
"""With more than one, other threads repeat requests and compile ahead, beside the checks."""


@dataclass(frozen=True)
class _Beside:
    """The threads for work beside the checks.

    Attributes:
        replays: The thread for replays, which wait between their requests.
        compilation: The thread for compilation, which uses this time.
    """

    replays: ThreadPoolExecutor
    compilation: ThreadPoolExecutor

    @classmethod
    def within(cls, stack: ExitStack) -> Self:
        """Return threads that end with a stack."""
        return cls(*(stack.enter_context(ThreadPoolExecutor(1)) for _ in range(2)))


@dataclass(frozen=True)
class _Checked:
    """A task after its checks, before the results of its replays and its speed.

    Attributes:
        task: The task for the edition of the submission.
        functions: Its functions.
        absent: Reasons why groups are not there.
        checks: Results of the checks.
        forbidden: Forbidden calls by group.
        outcomes: Outcomes of the checks.
        harness_error: An error of the grader; empty if there was none.
        replays: The failed checks of replays by group.
        remarks: Remarks of the driver.
        seconds: Duration so far, in seconds.
    """

    task: Task
    functions: tuple[Hole, ...]
    absent: Mapping[str, str]
    checks: tuple[CheckResult, ...]
    forbidden: dict[str, CheckResult]
    outcomes: Sequence[Outcome]
    harness_error: str
    replays: "Future[dict[str, CheckResult]]"
    remarks: tuple[str, ...]
    seconds: float = 0.0


class _Run:
    """State of a run: results and errors so far.

    Args:
        plan: The options.
        table: The table of tasks.
        subjects: The workers of the submission.
        references: The workers of the reference solution.
        copies: The workers of copies of the submission without functions.
        beside: The threads for work beside the checks; None to do it between them.
        progress: The callback of the run.
    """

    def __init__(
        self,
        plan: Plan,
        table: Table,
        subjects: Subjects,
        references: Subjects | None,
        copies: Subjects,
        beside: _Beside | None,
        progress: Progress,
    ) -> None:
        self._copies = copies
        self._beside = beside
        self._checked: dict[str, _Checked] = {}
        self._copies_of_second: Subjects | None = None
        self._second: tuple[Task, ...] = ()
        self._ahead: Future[IsolatedSubject | None] | None = None
        self._first: IsolatedSubject | None = None
        self._compiling: list[Future[None]] = []
        self._plan = plan
        self._progress = progress
        self._table = table
        self._subjects = subjects
        self._references = references
        self.results: dict[str, TaskResult] = {}
        self.errors: list[str] = []
        self._shown_remarks: set[str] = set()
        self._groups: dict[tuple[str, str], GroupResult] = {}
        self._from_sources: dict[tuple[str, str], Status] = {}

    def begin(self, stack: ExitStack) -> None:
        """Start the compilation of later tasks beside the checks of earlier ones.

        Args:
            stack: Ends the workers with the run.
        """
        plan = self._plan
        self._second = tasks_of_second_worker(plan.tasks, plan.submission)
        if self._beside is not None and self._second:
            environment = environment_of_second_worker(plan.tasks, self._second)
            start = starter(plan.submission, plan.isolation, environment)
            seconds = sum(task.seconds for task in self._second)
            self._copies_of_second = stack.enter_context(Subjects(start, total_seconds=seconds))
            self._ahead = self._beside.compilation.submit(compile_ahead, start("cpu"), self._second)

    def check(self, task: Task) -> None:
        """Run the checks of a task, and start its replays."""
        began = time.monotonic()
        if self._ahead is not None and task in self._second:
            worker = self._ahead.result()
            if self._first is None and worker is not None:
                # Speed is never measured in the second worker, so there always is a first one.
                self._subjects.on("cpu")
                self._first = self._subjects.use("cpu", worker)
                # Replays compare results exactly, so their kernels have the same optimisation.
                assert self._copies_of_second is not None
                self._copies = self._copies_of_second
        checked = self._check(task)
        self._checked[task.id] = replace(checked, seconds=time.monotonic() - began)
        self._compile_for_speed(task)

    def wait(self) -> None:
        """Wait for the work beside the checks, which would disturb measurements of speed."""
        for checked in self._checked.values():
            checked.replays.exception()
        # The first worker has the kernels whose speed is measured.
        self._return_to_first()

    def _return_to_first(self) -> None:
        """Use the worker of the tasks before those of the second worker again."""
        for compiling in self._compiling:
            compiling.result()
        if self._first is not None:
            self._subjects.use("cpu", self._first)
            self._first = None

    def finish(self, task: Task) -> None:
        """Decide on a task after its checks, and store its result."""
        began = time.monotonic()
        checked = self._checked[task.id]
        result = self._finish(checked)
        seconds = round(checked.seconds + time.monotonic() - began, 2)
        self.results[task.id] = msgspec.structs.replace(result, seconds=seconds)

    def _check(self, task: Task) -> _Checked:
        submission = self._plan.submission
        task = task.for_edition(submission.edition_for(task.module))
        functions = hole_records(task.holes_in(submission.layout), submission)
        absent = absent_groups(task, submission)
        checks: tuple[CheckResult, ...] = ()
        forbidden: dict[str, CheckResult] = {}
        outcomes: Sequence[Outcome] = ()
        harness_error = ""
        if not task.groups or len(absent) < len(task.groups):
            try:
                with phase(checks_of(task.id), divided=True):
                    checks, outcomes = self._checks(task, RunOptions())
                forbidden = forbidden_calls(task, submission)
            except SessionError as error:
                harness_error = clean_line(str(error))
                self.errors.append(harness_error)
        self._record_errors(task, checks)
        groups = self._groups_of(task, absent, harness_error, checks, forbidden)
        if self._judge_needs(task, groups, forbidden):
            groups = self._groups_of(task, absent, harness_error, checks, forbidden)
        inherits = submission.layout == "upstream"
        remarks = repairs(self._subjects, known=self._shown_remarks) if inherits else ()
        self._shown_remarks.update(remarks)
        return _Checked(
            task=task,
            functions=tuple(functions),
            absent=absent,
            checks=checks,
            forbidden=forbidden,
            outcomes=outcomes,
            harness_error=harness_error,
            replays=self._replays(task, groups, outcomes),
            remarks=tuple(remarks),
        )

    def _submit(
        self, work: Callable[[], dict[str, CheckResult]]
    ) -> "Future[dict[str, CheckResult]]":
        """Do some work beside the checks, or now if there is no thread for it."""
        if self._beside is not None:
            return self._beside.replays.submit(work)
        done: Future[dict[str, CheckResult]] = Future()
        done.set_result(work())
        return done

    def _finish(self, checked: _Checked) -> TaskResult:
        submission = self._plan.submission
        task, checks, forbidden = checked.task, checked.checks, checked.forbidden
        replayed = checked.replays.result()
        groups = self._groups_of(
            task, checked.absent, checked.harness_error, checks, {**forbidden, **replayed}
        )
        evidence = Evidence(
            harness_error=checked.harness_error,
            groups=groups,
            advice=tuple(check.status for check in checks if not check.required),
        )
        speed = self._speed(task) if decide(evidence) is Status.PASSED else ()
        self.errors += [
            f"task {task.id}: speed of {each.workload}: {each.remark}"
            for each in speed
            if each.status is Status.ERROR
        ]
        absent_task = decide(evidence) is Status.NOT_THERE
        if task.speed is not None and task.speed.points and not absent_task:
            groups = (*groups, speed_group(speed, {task.speed.ratio: task.speed.points}))
            evidence = replace(evidence, groups=groups)
        status = decide(evidence)
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
                with_location(
                    with_missing_function(check, checked.functions, submission),
                    _functions_of(task, check, checked.functions),
                )
                for check in (*checks, *forbidden.values(), *replayed.values())
            ),
            speed=speed,
            measurements=tuple(
                _with_claim(each, submission) for each in measurements(checked.outcomes)
            ),
            holes=checked.functions,
            remarks=checked.remarks,
            doc=task.doc,
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
        refused: Mapping[str, CheckResult],
    ) -> tuple[GroupResult, ...]:
        """Return the results of the groups in the table's order: a group may need earlier ones."""
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
                refused=group.name in refused,
                checks=of_group,
            )
            status = decide(evidence)
            result = GroupResult(
                name=group.name,
                status=status,
                points=points(status, group.points, share),
                max_points=group.points,
                reason=reason(evidence),
            )
            self._groups[task.id, group.name] = result
            found.append(result)
        return tuple(found)

    def _replays(
        self, task: Task, groups: Sequence[GroupResult], outcomes: Sequence[Outcome]
    ) -> "Future[dict[str, CheckResult]]":
        """Repeat requests of the groups that passed, without the functions of the course."""
        passed = {group.name for group in groups if group.status is Status.PASSED}
        if task.device != "cpu" or not passed:
            return self._submit(dict)
        of_table = self._table.tasks
        earlier = of_table[: [each.id for each in of_table].index(task.id)]
        to_repeat = [group for group in task.groups if group.name in passed]
        replay = prepare(task, earlier, to_repeat, outcomes, self._plan.submission)
        copies = self._copies

        def repeat() -> dict[str, CheckResult]:
            copies.begin_task(task.seconds, task.memory_mb)
            copies.begin_check()
            with phase(REPLAYS):
                return replays(task, replay, partial(copies.on, "cpu"))

        return self._submit(repeat)

    def _excuse(self, task: Task, group: Group) -> str:
        """Return the first unusable function that a group needs, with the reason; empty if none."""
        for of, needed in self._table.needs(task, group):
            problem = UNUSABLE.get(self._known_status(of, needed))
            if problem:
                return excuse_text(task, of, needed, problem)
        return ""

    def _judge_needs(
        self, task: Task, groups: Sequence[GroupResult], refused: Mapping[str, CheckResult]
    ) -> bool:
        """Judge the groups of other tasks that failed groups need, up to the first unusable one.

        So the mark of a task does not depend on the tasks that are judged with it. Only a run with
        a failure takes this time.

        Returns:
            True if a group was judged.
        """
        failed = {
            group.name
            for group in groups
            if group.status is Status.FAILED and group.name not in refused
        }
        is_any_judged = False
        for group in task.groups:
            if group.name not in failed:
                continue
            needs: dict[str, list[Group]] = {}
            for of, needed in self._table.needs(task, group):
                if (of.id, needed.name) not in self._groups:
                    needs.setdefault(of.id, []).append(needed)
            for task_id, needed_groups in needs.items():
                if self._excuse(task, group):
                    break
                self._judge_groups(self._table.task(task_id), needed_groups)
                is_any_judged = True
        return is_any_judged

    def _judge_groups(self, task: Task, groups: Sequence[Group]) -> None:
        """Judge some groups of a task that is not part of the run."""
        self._return_to_first()
        submission = self._plan.submission
        task = task.for_edition(submission.edition_for(task.module))
        names = {group.name for group in groups}
        task = msgspec.structs.replace(
            task,
            groups=tuple(group for group in task.groups if group.name in names),
            checks=msgspec.structs.replace(task.checks, advice={}),
        )
        checks: tuple[CheckResult, ...] = ()
        harness_error = ""
        selected = dict.fromkeys(
            split_selector(check)[0] for group in task.groups for check in group.checks
        )
        absent = absent_groups(task, submission)
        if selected and len(absent) < len(task.groups):
            try:
                options = RunOptions(shrink=False, only_groups=True)
                with phase(checks_of(task.id), divided=True):
                    checks, _ = self._checks(task, options, list(selected))
            except SessionError as error:
                harness_error = clean_line(str(error))
        self._groups_of(task, absent, harness_error, checks, {})

    def _known_status(self, task: Task, group: Group) -> Status:
        """Return the status of a group: from this run, or from the sources."""
        result = self._groups.get((task.id, group.name))
        if result is not None and (result.status.judged or result.status in UNUSABLE):
            return result.status
        key = task.id, group.name
        if key not in self._from_sources:
            self._from_sources[key] = self._status_from_sources(task, group)
        return self._from_sources[key]

    def _status_from_sources(self, task: Task, group: Group) -> Status:
        submission = self._plan.submission
        holes = task.holes_of(group, submission.layout)
        if submission.missing(holes):
            return Status.NOT_THERE
        return Status.UNIMPLEMENTED if submission.open(holes) else Status.NOT_JUDGED

    def _compile_for_speed(self, task: Task) -> None:
        """Compile beside the checks what the measurement of the task's speed will need."""
        speed = task.speed if self._plan.speed else None
        if speed is None or self._beside is None:
            return
        groups = [group for (id, _), group in self._groups.items() if id == task.id]
        if not all(group.status is Status.PASSED for group in groups):
            return
        compilation = self._beside.compilation
        if self._references is not None:
            reference = self._references.on("cpu")
            self._compiling.append(compilation.submit(compile_for_speed, reference, speed))
        first = self._first
        if first is not None:
            # The checks used the second worker; the speed is that of the first one.
            limits = replace(first.limits, memory_mb=task.memory_mb, check_seconds=task.seconds)

            def compile_in_first() -> None:
                first.begin_check(limits)
                compile_for_speed(first, speed)

            self._compiling.append(compilation.submit(compile_in_first))

    def _speed(self, task: Task) -> tuple[SpeedResult, ...]:
        """Measure the speed of a task, if the table and the plan request it."""
        if task.speed is None or not self._plan.speed:
            return ()
        self._subjects.begin_task(task.seconds, task.memory_mb)
        self._subjects.begin_check()
        subject = self._subjects.on("cpu")
        reference = None if self._references is None else self._references.on("cpu")
        with phase(SPEED):
            return speed_results(task, task.speed, subject, self._plan.seed, reference)

    def _checks(
        self, task: Task, options: RunOptions, names: Sequence[str] = ()
    ) -> tuple[tuple[CheckResult, ...], list[Outcome]]:
        """Run the checks of a task, and repeat failed ones with the same seed.

        Args:
            task: The task.
            options: Options of the run; groups that cannot pass always fail fast.
            names: Names of the checks to run; empty for all checks.
        """
        seed = self._plan.seed
        fail_fast = frozenset(group.name for group in task.groups if self._cannot_pass(task, group))
        self._subjects.begin_task(task.seconds, task.memory_mb)
        begins = partial(self._progress, task)
        options = replace(options, fail_fast=fail_fast, begins=begins)
        outcomes = run_checks(task, self._subjects, seed, options, names)
        failed = dict.fromkeys(
            outcome.check
            for outcome in outcomes
            if outcome.error is not None
            and task.group_of(outcome.check, outcome.case) not in fail_fast
        )
        repeated: list[Outcome] = []
        if failed:
            self._subjects.begin_task(task.seconds, task.memory_mb)
            again = replace(options, shrink=False)
            repeated = run_checks(task, self._subjects, seed, again, list(failed))
        search = partial(self._corrections, task, fail_fast) if options.shrink else no_search
        return check_results(task, outcomes, repeated, fail_fast, search), outcomes

    def _corrections(
        self, task: Task, excused: Set[str], answers: Sequence[Answers]
    ) -> list[Diagnosis]:
        """Search for changes of the submission that make wrong answers of a task right."""
        if task.device != "cpu":
            return []
        plan = self._plan
        with phase(CAUSES):
            return corrections(task, plan.submission, plan.isolation, answers, excused)

    def _cannot_pass(self, task: Task, group: Group) -> bool:
        """Return True if a group needs an unusable function, or all its functions are open."""
        submission = self._plan.submission
        holes = submission.named(task.holes_of(group, submission.layout))
        nothing = bool(holes) and len(submission.open(holes)) == len(holes)
        return nothing or bool(self._excuse(task, group))

    def _record_errors(self, task: Task, checks: Sequence[CheckResult]) -> None:
        for check in checks:
            if check.status is Status.ERROR:
                self.errors.append(f"task {task.id}: {check.name}: {check.reason}")


def _with_claim(measured: Measurement, submission: Submission) -> Measurement:
    """Add the value in the submission's log to a measurement."""
    claimed = claim(submission, measured.name.removesuffix(" correct"))
    return msgspec.structs.replace(measured, claimed=claimed)


def submission_record(submission: Submission) -> SubmissionRecord:
    """Return the record of a submission."""
    return SubmissionRecord(
        name=clean_line(submission.root.name),
        path=clean_line(str(submission.root)),
        layout=submission.layout,
        edition=submission.edition or "",
    )


def machine_record() -> MachineRecord:
    """Return the record of this machine."""
    return MachineRecord(
        python=platform.python_version(),
        platform=platform.platform(),
        cores=os.cpu_count() or 1,
        packages={name: metadata.version(name) for name in ("numpy", "numba", "hypothesis")},
    )


def _functions_of(task: Task, check: CheckResult, functions: Sequence[Hole]) -> Sequence[Hole]:
    """Return the functions of a check's group; without such functions, those of the task."""
    groups = (group for group in task.groups if check.name in group.checks)
    group = next(groups, None)
    own = [hole for hole in functions if group is not None and group.judges(hole.name)]
    return own or functions
