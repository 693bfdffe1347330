"""Decisions about the status of a case, a check, a group of checks and a task, each as a table.

`decide` is pure: everything that a decision depends on is in the evidence. The first row of a table
whose condition holds decides. A reason in a row says why the outcome of the checks is not reported
as it is.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from grading.judge.records import CheckResult, GroupResult, Status


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
        failed_before: A check of the same group whose failure was enough; empty if there is none.
        cases: The status of each of its cases.
    """

    name: str = ""
    expected: bool = True
    failed_before: str = ""
    cases: tuple[Status, ...] = ()


@dataclass(frozen=True)
class GroupEvidence:
    """Facts about the required checks of one function, or of a few that belong together.

    Attributes:
        missing: What the submission lacks to have written the functions; empty if nothing.
        harness_error: Why the harness could not run the checks; empty if it could.
        open: Whether a function of the group is still to be written.
        excuse: The function that the group needs and that fails, is not written or is not there.
        forbidden: Whether a function of the group reaches a call that may not do the work.
        checks: The result of every check of the group.
    """

    missing: str = ""
    harness_error: str = ""
    open: bool = False
    excuse: str = ""
    forbidden: bool = False
    checks: tuple[CheckResult, ...] = ()

    @property
    def statuses(self) -> set[Status]:
        """The statuses of the checks."""
        return {check.status for check in self.checks}

    @property
    def bad(self) -> bool:
        """Whether a check went wrong."""
        return any(status.bad for status in self.statuses)

    @property
    def judged(self) -> bool:
        """Whether a check found anything out."""
        return any(status.judged for status in self.statuses)

    @property
    def not_judged(self) -> str:
        """The reason of the first check that was not judged."""
        unjudged = (check for check in self.checks if check.status is Status.NOT_JUDGED)
        return next((check.reason for check in unjudged), "")


@dataclass(frozen=True)
class Evidence:
    """Facts about one task of a submission.

    Attributes:
        harness_error: Why the harness could not run the checks; empty if it could.
        groups: The result of every group of required checks, and of speed where points are for it.
        advice: The status of every check that is advice.
    """

    harness_error: str = ""
    groups: tuple[GroupResult, ...] = ()
    advice: tuple[Status, ...] = ()

    @property
    def statuses(self) -> set[Status]:
        """The statuses of the groups."""
        return {group.status for group in self.groups}

    @property
    def missing(self) -> str:
        """What is not there."""
        absent = (group for group in self.groups if group.status is Status.NOT_THERE)
        return next((group.reason for group in absent), "")

    @property
    def not_judged(self) -> str:
        """The reason of the first group that was not judged."""
        unjudged = (group for group in self.groups if group.status is Status.NOT_JUDGED)
        return next((group.reason for group in unjudged), "")


AnyEvidence: TypeAlias = CaseEvidence | CheckEvidence | GroupEvidence | Evidence
E = TypeVar("E", CaseEvidence, CheckEvidence, GroupEvidence, Evidence)


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
    Row(
        lambda e: e.failed_before and not e.cases,
        Status.NOT_JUDGED,
        "left out, because {e.failed_before} fails",
    ),
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

GROUP: tuple[Row[GroupEvidence], ...] = (
    Row(lambda e: e.missing and not e.judged, Status.NOT_THERE, "{e.missing}"),
    Row(lambda e: e.harness_error, Status.ERROR, "{e.harness_error}"),
    Row(lambda e: Status.ERROR in e.statuses, Status.ERROR),
    # What passes counts, whatever it needs and wherever it stands.
    Row(lambda e: e.bad and e.missing, Status.NOT_THERE, "{e.missing}"),
    Row(lambda e: e.forbidden, Status.FAILED),
    Row(lambda e: e.bad and e.open, Status.UNIMPLEMENTED),
    Row(lambda e: e.bad and e.excuse, Status.NOT_JUDGED, "{e.excuse}"),
    Row(lambda e: Status.FAILED in e.statuses, Status.FAILED),
    Row(lambda e: Status.UNIMPLEMENTED in e.statuses, Status.UNIMPLEMENTED),
    Row(lambda e: Status.NOT_JUDGED in e.statuses, Status.NOT_JUDGED, "{e.not_judged}"),
    Row(lambda e: not e.judged, Status.NOT_JUDGED, "it has no checks"),
    Row(lambda e: True, Status.PASSED),
)

TASK: tuple[Row[Evidence], ...] = (
    Row(lambda e: e.harness_error, Status.ERROR, "{e.harness_error}"),
    Row(lambda e: Status.ERROR in {*e.statuses, *e.advice}, Status.ERROR),
    Row(lambda e: e.statuses == {Status.NOT_THERE}, Status.NOT_THERE, "{e.missing}"),
    Row(lambda e: Status.FAILED in e.statuses, Status.FAILED),
    Row(lambda e: Status.UNIMPLEMENTED in e.statuses, Status.UNIMPLEMENTED),
    Row(lambda e: e.statuses == {Status.PASSED}, Status.PASSED),
    Row(lambda e: Status.PASSED in e.statuses, Status.PARTLY),
    Row(lambda e: e.groups, Status.NOT_JUDGED, "{e.not_judged}"),
    # Nothing is required: it is enough that an advice was judged.
    Row(lambda e: any(status.judged for status in e.advice), Status.PASSED),
    Row(lambda e: True, Status.NOT_JUDGED, "nothing could be judged"),
)

TABLES: dict[type[AnyEvidence], tuple[Row[Any], ...]] = {
    CaseEvidence: CASE,
    CheckEvidence: CHECK,
    GroupEvidence: GROUP,
    Evidence: TASK,
}


def decide(evidence: AnyEvidence) -> Status:
    """Return the status of a case, of a check, of a group or of a task."""
    return _row(evidence).status


def reason(evidence: AnyEvidence) -> str:
    """Return the reason of a decision; empty if what went wrong tells enough."""
    return _row(evidence).reason.format(e=evidence)


def points(status: Status, worth: float, share: float = 1.0) -> float | None:
    """Return the points that a group of checks earns: none if one of them fails.

    Args:
        status: The status of the group.
        worth: The points of the group.
        share: Which share of them can be earned here: on a simulator it may be less than 1.

    Returns:
        The points; None if the group was not judged.
    """
    if not status.judged:
        return None
    return 0.0 if status.bad else share * worth


def total(earned: Iterable[float | None]) -> float | None:
    """Add up the points of groups; None if none of them was judged."""
    judged = [points for points in earned if points is not None]
    return sum(judged) if judged else None


def _row(evidence: AnyEvidence) -> Row[Any]:
    return next(row for row in TABLES[type(evidence)] if row.applies(evidence))
