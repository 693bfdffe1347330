"""Decisions about the status of a case, of a check and of a task, each as a table of conditions.

`decide` is pure: everything that a decision depends on is in the evidence. The first row of a table
whose condition holds decides. A reason in a row says why the outcome of the checks is not reported
as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from grading.judge.records import CheckResult, Status
from grading.tasks.model import Task


@dataclass(frozen=True)
class CaseEvidence:
    """Facts about one case of a check: the check with one set of parameters.

    Attributes:
        unavailable: What this machine lacks, if that is why the check skipped itself.
        skipped: The reason of any other skip.
        raised: Whether an exception ended the check.
        harness_error: The exception, if it is the harness's own.
        fault: What is wrong, if the exception is about the code under test.
        lost: Whether the worker was lost or the time was up.
        passed_again: Whether the case passed when it was repeated.
        unimplemented: Whether the function is still to be written.
    """

    unavailable: str | None = None
    skipped: str | None = None
    raised: bool = False
    harness_error: str = ""
    fault: str = ""
    lost: bool = False
    passed_again: bool = False
    unimplemented: bool = False


@dataclass(frozen=True)
class CheckEvidence:
    """Facts about one check.

    Attributes:
        name: The name of the check.
        expected: Whether the table of tasks names it.
        stopped: Whether the failure of another check ended the run.
        cases: The status of each of its cases.
    """

    name: str = ""
    expected: bool = True
    stopped: bool = False
    cases: tuple[Status, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Facts about one task of a submission.

    Attributes:
        missing: What the submission lacks to have done the task; empty if nothing.
        harness_error: Why the harness could not run the checks; empty if it could.
        open: Whether a function of the task is still to be written.
        failing_before: The first task that this one builds on and that fails in this run.
        open_before: The first task that this one builds on and that is not implemented yet.
        checks: The result of every check.
        slow: Whether a workload is too slow, where points are for speed.
    """

    missing: str = ""
    harness_error: str = ""
    open: bool = False
    failing_before: str = ""
    open_before: str = ""
    checks: tuple[CheckResult, ...] = ()
    slow: bool = False

    @property
    def counted(self) -> set[Status]:
        """The statuses that decide: those of required checks, and errors of any check."""
        return {
            check.status for check in self.checks if check.required or check.status is Status.ERROR
        }

    @property
    def bad(self) -> bool:
        """Whether a required check went wrong."""
        return any(status.bad for status in self.counted)

    @property
    def judged(self) -> bool:
        """Whether anything was found out, if only by an advice."""
        return any(check.status.judged for check in self.checks)


AnyEvidence: TypeAlias = CaseEvidence | CheckEvidence | Evidence
E = TypeVar("E", CaseEvidence, CheckEvidence, Evidence)


@dataclass(frozen=True)
class Row(Generic[E]):
    """One row of a table of decisions.

    Attributes:
        applies: The condition.
        status: The status, if the condition holds.
        reason: The reason as a format string, in which `e` is the evidence; empty if what went
            wrong tells enough.
    """

    applies: Callable[[E], object]
    status: Status
    reason: str = ""


CASE: tuple[Row[CaseEvidence], ...] = (
    Row(lambda e: e.unavailable is not None, Status.NOT_JUDGED, "{e.unavailable}"),
    Row(lambda e: e.skipped is not None, Status.ERROR, "the check was skipped: {e.skipped}"),
    Row(lambda e: not e.raised, Status.PASSED),
    Row(lambda e: e.harness_error, Status.ERROR, "{e.harness_error}"),
    Row(
        lambda e: e.lost and e.passed_again,
        Status.PASSED,
        "{e.fault} at first, and passed when it was repeated",
    ),
    Row(lambda e: e.unimplemented, Status.UNIMPLEMENTED),
    Row(lambda e: True, Status.FAILED),
)

CHECK: tuple[Row[CheckEvidence], ...] = (
    Row(lambda e: e.stopped and not e.cases, Status.NOT_JUDGED, "not run any more"),
    Row(lambda e: not e.expected, Status.ERROR, "{e.name} is not in the table of tasks"),
    Row(lambda e: not e.cases, Status.ERROR, "the check did not run"),
    # An error wins over everything: nobody is charged for it. A wrong answer wins over what is
    # still to be written.
    Row(lambda e: Status.ERROR in e.cases, Status.ERROR),
    Row(lambda e: Status.FAILED in e.cases, Status.FAILED),
    Row(lambda e: Status.UNIMPLEMENTED in e.cases, Status.UNIMPLEMENTED),
    Row(lambda e: Status.NOT_JUDGED in e.cases, Status.NOT_JUDGED),
    Row(lambda e: True, Status.PASSED),
)

TASK: tuple[Row[Evidence], ...] = (
    Row(lambda e: e.missing, Status.NOT_THERE, "{e.missing}"),
    Row(lambda e: e.harness_error, Status.ERROR, "{e.harness_error}"),
    Row(lambda e: Status.ERROR in e.counted, Status.ERROR),
    Row(lambda e: e.bad and e.open, Status.UNIMPLEMENTED),
    Row(
        lambda e: e.bad and e.failing_before,
        Status.NOT_JUDGED,
        "it builds on task {e.failing_before}, which fails",
    ),
    Row(
        lambda e: e.bad and e.open_before,
        Status.NOT_JUDGED,
        "it builds on task {e.open_before}, which is not implemented yet",
    ),
    Row(lambda e: Status.FAILED in e.counted, Status.FAILED),
    Row(lambda e: Status.UNIMPLEMENTED in e.counted, Status.UNIMPLEMENTED),
    Row(lambda e: Status.NOT_JUDGED in e.counted, Status.NOT_JUDGED),
    Row(lambda e: not e.judged, Status.NOT_JUDGED),
    Row(lambda e: e.slow, Status.FAILED),
    Row(lambda e: True, Status.PASSED),
)

TABLES: dict[type[AnyEvidence], tuple[Row[Any], ...]] = {
    CaseEvidence: CASE,
    CheckEvidence: CHECK,
    Evidence: TASK,
}


def decide(evidence: AnyEvidence) -> Status:
    """Return the status of a case, of a check or of a task."""
    return _row(evidence).status


def reason(evidence: AnyEvidence) -> str:
    """Return the reason of a decision; empty if what went wrong tells enough.

    A task with a reason is reported without its checks.
    """
    return _row(evidence).reason.format(e=evidence)


def points(task: Task, status: Status, slow: bool, simulated: bool) -> float | None:
    """Return the points that a task earns: none if a required check fails.

    Args:
        task: The task.
        status: Its status without regard to speed.
        slow: Whether a workload is too slow.
        simulated: Whether kernels for a GPU were judged on the simulator.

    Returns:
        The points; None if the task was not judged.
    """
    if not status.judged:
        return None
    if status.bad:
        return 0.0
    for_speed = task.speed.points if task.speed is not None else 0.0
    share = task.simulated if simulated else 1.0
    return share * (task.points - (for_speed if slow else 0.0))


def _row(evidence: AnyEvidence) -> Row[Any]:
    return next(row for row in TABLES[type(evidence)] if row.applies(evidence))
