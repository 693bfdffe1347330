"""Decision tables for the status of a case, a check, a group of checks and a task.

`decide` is a pure function of the evidence. The first row of a table whose condition holds decides.
The reason of a row explains a status that does not follow from failed checks.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from grading.judge.records import CheckResult, GroupResult, Status


@dataclass(frozen=True)
class CaseEvidence:
    """Facts about one case of a check: the check with one parameter set.

    Attributes:
        unavailable: Missing feature of this machine, if the check was skipped for it.
        skipped: Reason of any other skip.
        raised: True if an exception ended the check.
        harness_error: The exception, if the grader caused it.
        fault: The fault, if the code under test caused the exception.
        lost: True if the worker was lost or the time limit was reached.
        passed_again: True if the second run of the case passed.
        unimplemented: True if the function is not implemented yet.
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
        expected: True if the table of tasks contains the check.
        failed_before: A failed check that ended the group; empty if there is none.
        cases: The status of each case.
    """

    name: str = ""
    expected: bool = True
    failed_before: str = ""
    cases: tuple[Status, ...] = ()


@dataclass(frozen=True)
class GroupEvidence:
    """Facts about the required checks of one function, or of a few related ones.

    Attributes:
        missing: Missing file of the functions; empty if all files exist.
        harness_error: Reason why the grader could not run the checks; empty if it could.
        open: True if a function of the group is not implemented yet.
        excuse: The unusable function that the group needs, with the reason; empty if there is none.
        refused: True if a function of the group reaches a forbidden call, or if other code computes
            its results.
        checks: The results of the checks of the group.
    """

    missing: str = ""
    harness_error: str = ""
    open: bool = False
    excuse: str = ""
    refused: bool = False
    checks: tuple[CheckResult, ...] = ()

    @property
    def statuses(self) -> set[Status]:
        """The set of statuses of the checks."""
        return {check.status for check in self.checks}

    @property
    def bad(self) -> bool:
        """True if a check failed or is not implemented."""
        return any(status.bad for status in self.statuses)

    @property
    def judged(self) -> bool:
        """True if at least one check was judged."""
        return any(status.judged for status in self.statuses)

    @property
    def not_judged(self) -> str:
        """The reason of the first check that was not judged; empty if there is none."""
        return _first_reason(self.checks, Status.NOT_JUDGED)


@dataclass(frozen=True)
class Evidence:
    """Facts about one task of a submission.

    Attributes:
        harness_error: Reason why the grader could not run the checks; empty if it could.
        groups: The results of the groups of required checks, and of speed if it has points.
        advice: The status of every check that is advice.
    """

    harness_error: str = ""
    groups: tuple[GroupResult, ...] = ()
    advice: tuple[Status, ...] = ()

    @property
    def statuses(self) -> set[Status]:
        """The set of statuses of the groups."""
        return {group.status for group in self.groups}

    @property
    def missing(self) -> str:
        """The reason of the first group that is not there; empty if there is none."""
        return _first_reason(self.groups, Status.NOT_THERE)

    @property
    def not_judged(self) -> str:
        """The reason of the first group that was not judged; empty if there is none."""
        return _first_reason(self.groups, Status.NOT_JUDGED)


AnyEvidence: TypeAlias = CaseEvidence | CheckEvidence | GroupEvidence | Evidence
E = TypeVar("E", CaseEvidence, CheckEvidence, GroupEvidence, Evidence)


@dataclass(frozen=True)
class Row(Generic[E]):
    """One row of a table of decisions.

    Attributes:
        applies: The condition.
        status: The status, if the condition holds.
        reason: Format string of the reason, with the evidence as `e`; empty if faults explain the
            status.
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
        "first run: {e.fault}; second run: passed",
    ),
    Row(lambda e: e.unimplemented, Status.UNIMPLEMENTED),
    Row(lambda e: True, Status.FAILED),
)

CHECK: tuple[Row[CheckEvidence], ...] = (
    Row(
        lambda e: e.failed_before and not e.cases,
        Status.NOT_JUDGED,
        "skipped, because {e.failed_before} fails",
    ),
    Row(lambda e: not e.expected, Status.ERROR, "{e.name} is not in the table of tasks"),
    Row(lambda e: not e.cases, Status.ERROR, "the check did not run"),
    # An error has priority, so that it costs no points. A wrong answer has priority over a function
    # that is not implemented.
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
    # A group that passes counts, also if a function that it needs fails.
    Row(lambda e: e.bad and e.missing, Status.NOT_THERE, "{e.missing}"),
    Row(lambda e: e.refused, Status.FAILED),
    Row(lambda e: e.bad and e.open, Status.UNIMPLEMENTED),
    Row(lambda e: e.bad and e.excuse, Status.NOT_JUDGED, "{e.excuse}"),
    Row(lambda e: Status.FAILED in e.statuses, Status.FAILED),
    Row(lambda e: Status.UNIMPLEMENTED in e.statuses, Status.UNIMPLEMENTED),
    Row(lambda e: Status.NOT_JUDGED in e.statuses, Status.NOT_JUDGED, "{e.not_judged}"),
    Row(lambda e: not e.judged, Status.NOT_JUDGED, "the group has no checks"),
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
    # A task without required checks passes if any advice was judged.
    Row(lambda e: any(status.judged for status in e.advice), Status.PASSED),
    Row(lambda e: True, Status.NOT_JUDGED, "no check could be judged"),
)

TABLES: dict[type[AnyEvidence], tuple[Row[Any], ...]] = {
    CaseEvidence: CASE,
    CheckEvidence: CHECK,
    GroupEvidence: GROUP,
    Evidence: TASK,
}


def decide(evidence: AnyEvidence) -> Status:
    """Return the status of a case, a check, a group or a task."""
    return _row(evidence).status


def reason(evidence: AnyEvidence) -> str:
    """Return the reason of a decision; empty if faults explain the status."""
    return _row(evidence).reason.format(e=evidence)


def points(status: Status, worth: float, share: float = 1.0) -> float | None:
    """Return the points of a group of checks: 0 if one of them fails.

    Args:
        status: The status of the group.
        worth: The maximum points of the group.
        share: Fraction of the points that can be earned here; on a simulator it may be less than 1.

    Returns:
        The points; None if the group was not judged.
    """
    if not status.judged:
        return None
    return 0.0 if status.bad else share * worth


def total(earned: Iterable[float | None]) -> float | None:
    """Return the sum of the points of groups; None if no group was judged."""
    judged = [points for points in earned if points is not None]
    return sum(judged) if judged else None


def all_or_nothing(groups: Sequence[GroupResult]) -> GroupEvidence:
    """Return the evidence for a group that passes only if all given groups pass.

    A failed group decides. Otherwise, a group that was not judged leaves all of it open.
    """
    absent = all(group.status is Status.NOT_THERE for group in groups)
    return GroupEvidence(
        missing=_first_reason(groups, Status.NOT_THERE) if absent else "",
        checks=tuple(
            CheckResult(
                group.name,
                Status.NOT_JUDGED if group.status is Status.NOT_THERE else group.status,
                reason=group.reason,
            )
            for group in groups
        ),
    )


def set_by_hand(group: GroupResult, earned: float | None, reason: str) -> GroupResult:
    """Return a group with the points that an instructor has set.

    Args:
        group: The group.
        earned: The points; None if the group is excused.
        reason: The instructor's reason.
    """
    if earned is None:
        status = Status.NOT_JUDGED
    else:
        status = Status.PASSED if earned >= group.max_points else Status.FAILED
    return GroupResult(group.name, status, earned, group.max_points, f"set by hand: {reason}")


def _first_reason(results: Iterable[CheckResult | GroupResult], status: Status) -> str:
    """Return the reason of the first result with a status; empty if there is none."""
    return next((result.reason for result in results if result.status is status), "")


def _row(evidence: AnyEvidence) -> Row[Any]:
    return next(row for row in TABLES[type(evidence)] if row.applies(evidence))
