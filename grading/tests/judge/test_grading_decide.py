"""The tables of `grading.judge.decide`: each row decides, and the rows above it win."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.judge.decide import (
    TABLES,
    AnyEvidence,
    CaseEvidence,
    CheckEvidence,
    Evidence,
    GroupEvidence,
    decide,
    points,
    reason,
    total,
)
from grading.judge.records import CheckResult, GroupResult, Status

PASSED, FAILED, ERROR = Status.PASSED, Status.FAILED, Status.ERROR
UNIMPLEMENTED, NOT_JUDGED, NOT_THERE = Status.UNIMPLEMENTED, Status.NOT_JUDGED, Status.NOT_THERE
PARTLY = Status.PARTLY


def of(*checks: Status, **more: object) -> GroupEvidence:
    """Return the evidence of a group whose checks have some statuses."""
    results = tuple(
        CheckResult(f"test_{i}", status, reason="no GPU" if status is NOT_JUDGED else "")
        for i, status in enumerate(checks)
    )
    return GroupEvidence(checks=results, **more)  # type: ignore[arg-type]


NEEDS = "needs `tile`, which fails"

GROUPS: list[tuple[GroupEvidence, Status, str]] = [
    (GroupEvidence(missing="no nn"), NOT_THERE, "no nn"),
    (GroupEvidence(missing="no nn", harness_error="no pytest"), NOT_THERE, "no nn"),
    (GroupEvidence(missing="no nn", open=True, excuse=NEEDS), NOT_THERE, "no nn"),
    (GroupEvidence(missing="no {nn}"), NOT_THERE, "no {nn}"),
    (GroupEvidence(harness_error="no pytest"), ERROR, "no pytest"),
    (GroupEvidence(harness_error="no pytest", open=True, excuse=NEEDS), ERROR, "no pytest"),
    # An error of the harness wins over everything that the checks found.
    (of(PASSED, ERROR), ERROR, ""),
    (of(FAILED, ERROR), ERROR, ""),
    (of(UNIMPLEMENTED, NOT_JUDGED, ERROR), ERROR, ""),
    (of(FAILED, ERROR, open=True), ERROR, ""),
    (of(FAILED, ERROR, excuse=NEEDS), ERROR, ""),
    # What passes counts wherever it stands; what fails and is not where it should be is not there.
    (of(PASSED, missing="no nn"), PASSED, ""),
    (of(PASSED, FAILED, missing="no nn"), NOT_THERE, "no nn"),
    (of(FAILED, missing="no nn", refused=True), NOT_THERE, "no nn"),
    # A forbidden call is charged, whatever the checks say and whatever is needed.
    (of(PASSED, refused=True), FAILED, ""),
    (of(FAILED, refused=True, excuse=NEEDS), FAILED, ""),
    (of(FAILED, refused=True, open=True), FAILED, ""),
    (of(NOT_JUDGED, refused=True), FAILED, ""),
    # A function that is still to be written makes a failure "not implemented".
    (of(FAILED, open=True), UNIMPLEMENTED, ""),
    (of(UNIMPLEMENTED, open=True), UNIMPLEMENTED, ""),
    (of(FAILED, open=True, excuse=NEEDS), UNIMPLEMENTED, ""),
    (of(PASSED, open=True), PASSED, ""),
    (of(NOT_JUDGED, open=True), NOT_JUDGED, "no GPU"),
    # A failure is excused by a function that is needed; what passes counts whatever it needs.
    (of(FAILED, excuse=NEEDS), NOT_JUDGED, NEEDS),
    (of(UNIMPLEMENTED, excuse=NEEDS), NOT_JUDGED, NEEDS),
    (of(PASSED, FAILED, excuse=NEEDS), NOT_JUDGED, NEEDS),
    (of(FAILED, NOT_JUDGED, excuse=NEEDS), NOT_JUDGED, NEEDS),
    (of(PASSED, excuse=NEEDS), PASSED, ""),
    (of(NOT_JUDGED, excuse=NEEDS), NOT_JUDGED, "no GPU"),
    # Of the checks, the gravest status counts.
    (of(PASSED, FAILED), FAILED, ""),
    (of(UNIMPLEMENTED, FAILED), FAILED, ""),
    (of(NOT_JUDGED, FAILED), FAILED, ""),
    (of(PASSED, UNIMPLEMENTED), UNIMPLEMENTED, ""),
    (of(NOT_JUDGED, UNIMPLEMENTED), UNIMPLEMENTED, ""),
    (of(PASSED, NOT_JUDGED), NOT_JUDGED, "no GPU"),
    (of(PASSED, PASSED), PASSED, ""),
    (of(), NOT_JUDGED, "the group has no checks"),
]


def groups(*statuses: Status, advice: Sequence[Status] = (), **more: object) -> Evidence:
    """Return the evidence of a task whose groups, and advice, have some statuses."""
    results = tuple(
        GroupResult(f"f{i}", status, None, 1.0, "" if status.judged else "no nn")
        for i, status in enumerate(statuses)
    )
    return Evidence(groups=results, advice=tuple(advice), **more)  # type: ignore[arg-type]


TASKS: list[tuple[Evidence, Status, str]] = [
    (groups(ERROR, ERROR, harness_error="no pytest"), ERROR, "no pytest"),
    (groups(NOT_THERE, ERROR, harness_error="no pytest"), ERROR, "no pytest"),
    (groups(PASSED, ERROR), ERROR, ""),
    (groups(FAILED, ERROR), ERROR, ""),
    (groups(PASSED, advice=[ERROR]), ERROR, ""),
    (groups(advice=[ERROR]), ERROR, ""),
    (groups(NOT_THERE, NOT_THERE), NOT_THERE, "no nn"),
    # One wrong group makes a task fail, whatever the others say.
    (groups(PASSED, FAILED), FAILED, ""),
    (groups(UNIMPLEMENTED, FAILED), FAILED, ""),
    (groups(NOT_JUDGED, FAILED), FAILED, ""),
    (groups(NOT_THERE, FAILED), FAILED, ""),
    (groups(PASSED, UNIMPLEMENTED), UNIMPLEMENTED, ""),
    (groups(NOT_JUDGED, UNIMPLEMENTED), UNIMPLEMENTED, ""),
    (groups(PASSED, PASSED), PASSED, ""),
    # Where nothing is wrong and not everything was judged, that is said.
    (groups(PASSED, NOT_JUDGED), PARTLY, ""),
    (groups(NOT_THERE, PASSED), PARTLY, ""),
    (groups(NOT_JUDGED, NOT_JUDGED), NOT_JUDGED, "no nn"),
    (groups(NOT_THERE, NOT_JUDGED), NOT_JUDGED, "no nn"),
    # An advice costs nothing; where there is nothing else, it is enough that it was judged.
    (groups(PASSED, advice=[FAILED]), PASSED, ""),
    (groups(PASSED, advice=[NOT_JUDGED]), PASSED, ""),
    (groups(FAILED, advice=[PASSED]), FAILED, ""),
    (groups(NOT_JUDGED, advice=[PASSED]), NOT_JUDGED, "no nn"),
    (groups(advice=[PASSED]), PASSED, ""),
    (groups(advice=[FAILED]), PASSED, ""),
    (groups(advice=[NOT_JUDGED]), NOT_JUDGED, "no check could be judged"),
    (groups(), NOT_JUDGED, "no check could be judged"),
]

CHECKS: list[tuple[CheckEvidence, Status, str]] = [
    (CheckEvidence(failed_before="tiles"), NOT_JUDGED, "skipped, because tiles fails"),
    (CheckEvidence(failed_before="tiles", cases=(FAILED,)), FAILED, ""),
    (CheckEvidence("test_a", expected=False, cases=(PASSED,)), ERROR, "test_a is not in the table"),
    (CheckEvidence(), ERROR, "the check did not run"),
    (CheckEvidence(cases=(PASSED, FAILED, UNIMPLEMENTED, NOT_JUDGED, ERROR)), ERROR, ""),
    (CheckEvidence(cases=(PASSED, NOT_JUDGED, UNIMPLEMENTED, FAILED)), FAILED, ""),
    (CheckEvidence(cases=(PASSED, NOT_JUDGED, UNIMPLEMENTED)), UNIMPLEMENTED, ""),
    (CheckEvidence(cases=(PASSED, NOT_JUDGED)), NOT_JUDGED, ""),
    (CheckEvidence(cases=(PASSED, PASSED)), PASSED, ""),
]


def raised(**more: object) -> CaseEvidence:
    """Return the evidence of a case that an exception ended."""
    return CaseEvidence(raised=True, **more)  # type: ignore[arg-type]


CASES: list[tuple[CaseEvidence, Status, str]] = [
    (CaseEvidence(unavailable="there is no GPU"), NOT_JUDGED, "there is no GPU"),
    (CaseEvidence(skipped="no mood"), ERROR, "the check was skipped: no mood"),
    (CaseEvidence(skipped=""), ERROR, "the check was skipped: "),
    (CaseEvidence(), PASSED, ""),
    (raised(harness_error="KeyError"), ERROR, "KeyError"),
    (raised(harness_error="KeyError", lost=True, passed_again=True), ERROR, "KeyError"),
    (
        raised(fault="it was late", lost=True, passed_again=True),
        PASSED,
        "first run: it was late; second run: passed",
    ),
    (raised(fault="wrong", passed_again=True), FAILED, ""),
    (raised(fault="it was late", lost=True), FAILED, ""),
    (raised(fault="it was late", lost=True), FAILED, ""),
    (raised(fault="a stub", unimplemented=True), UNIMPLEMENTED, ""),
    (raised(fault="a stub", unimplemented=True, passed_again=True), UNIMPLEMENTED, ""),
    (raised(fault="wrong"), FAILED, ""),
]


@pytest.mark.parametrize(("evidence", "status", "why"), [*TASKS, *GROUPS, *CHECKS, *CASES])
def test_decisions(evidence: AnyEvidence, status: Status, why: str) -> None:
    assert decide(evidence) is status
    assert reason(evidence).startswith(why)
    assert bool(reason(evidence)) == bool(why)


@pytest.mark.parametrize(
    ("kind", "cases"),
    [(CaseEvidence, CASES), (CheckEvidence, CHECKS), (GroupEvidence, GROUPS), (Evidence, TASKS)],
)
def test_every_row_decides_some_evidence(
    kind: type[AnyEvidence], cases: Sequence[tuple[AnyEvidence, Status, str]]
) -> None:
    decisive = {
        next(i for i, row in enumerate(TABLES[kind]) if row.applies(evidence))
        for evidence, _, _ in cases
    }
    assert decisive == set(range(len(TABLES[kind])))


@pytest.mark.parametrize(
    ("status", "share", "earned"),
    [
        (PASSED, 1.0, 3.0),
        (PASSED, 0.5, 1.5),
        (FAILED, 1.0, 0.0),
        (UNIMPLEMENTED, 1.0, 0.0),
        (NOT_JUDGED, 1.0, None),
        (NOT_THERE, 1.0, None),
        (ERROR, 1.0, None),
    ],
)
def test_points(status: Status, share: float, earned: float | None) -> None:
    assert points(status, 3, share) == earned


statuses = st.sampled_from(list(Status))


@given(st.lists(st.tuples(statuses, st.integers(1, 10)), min_size=1))
def test_points_never_exceed_what_was_judged(of_groups: list[tuple[Status, int]]) -> None:
    earned = [points(status, worth) for status, worth in of_groups]
    judged = sum(worth for status, worth in of_groups if status.judged)
    assert (total(earned) is None) == (judged == 0)
    assert 0 <= (total(earned) or 0) <= judged


@given(st.lists(statuses, min_size=1), st.booleans())
def test_an_excused_group_never_costs_anything(others: list[Status], bad: bool) -> None:
    """A failure with an excuse leaves the points of the other groups as they are."""
    excused = decide(of(FAILED if bad else UNIMPLEMENTED, excuse=NEEDS))
    earned = [points(status, 1) for status in others]
    assert total([*earned, points(excused, 1)]) == total(earned)
