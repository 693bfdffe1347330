"""The tables of `grading.judge.decide`: each row decides, and the rows above it win."""

from collections.abc import Sequence

import msgspec
import pytest

from grading.judge.decide import (
    TABLES,
    AnyEvidence,
    CaseEvidence,
    CheckEvidence,
    Evidence,
    decide,
    points,
    reason,
)
from grading.judge.records import CheckResult, Status
from grading.tasks.model import Speed
from grading.tasks.table import table

PASSED, FAILED, ERROR = Status.PASSED, Status.FAILED, Status.ERROR
UNIMPLEMENTED, NOT_JUDGED, NOT_THERE = Status.UNIMPLEMENTED, Status.NOT_JUDGED, Status.NOT_THERE


def of(*required: Status, advice: Status | None = None, **more: object) -> Evidence:
    """Return the evidence of a task whose required checks, and an advice, have some statuses."""
    checks = [CheckResult(f"test_{i}", status) for i, status in enumerate(required)]
    if advice is not None:
        checks.append(CheckResult("test_advice", advice, required=False))
    return Evidence(checks=tuple(checks), **more)  # type: ignore[arg-type]


TASKS: list[tuple[Evidence, Status, str]] = [
    (Evidence(missing="no nn"), NOT_THERE, "no nn"),
    (Evidence(missing="no nn", harness_error="no pytest"), NOT_THERE, "no nn"),
    (Evidence(missing="no nn", open=True, failing_before="2.3"), NOT_THERE, "no nn"),
    (Evidence(missing="no {nn}"), NOT_THERE, "no {nn}"),
    (Evidence(harness_error="no pytest"), ERROR, "no pytest"),
    (Evidence(harness_error="no pytest", open=True, failing_before="2.3"), ERROR, "no pytest"),
    # An error of the harness wins over everything that the checks found.
    (of(PASSED, ERROR), ERROR, ""),
    (of(FAILED, ERROR), ERROR, ""),
    (of(UNIMPLEMENTED, NOT_JUDGED, ERROR), ERROR, ""),
    (of(FAILED, ERROR, open=True), ERROR, ""),
    (of(FAILED, ERROR, failing_before="2.3"), ERROR, ""),
    (of(PASSED, advice=ERROR), ERROR, ""),
    (of(FAILED, advice=ERROR), ERROR, ""),
    (of(advice=ERROR), ERROR, ""),
    # A function that is still to be written makes a failure "not implemented".
    (of(FAILED, open=True), UNIMPLEMENTED, ""),
    (of(UNIMPLEMENTED, open=True), UNIMPLEMENTED, ""),
    (of(FAILED, open=True, failing_before="2.3", open_before="2.1"), UNIMPLEMENTED, ""),
    (of(PASSED, open=True), PASSED, ""),
    (of(NOT_JUDGED, open=True), NOT_JUDGED, ""),
    # A failure is not judged while a task before it fails or is not written.
    (of(FAILED, failing_before="2.3"), NOT_JUDGED, "it builds on task 2.3, which fails"),
    (of(UNIMPLEMENTED, failing_before="2.3"), NOT_JUDGED, "it builds on task 2.3, which fails"),
    (
        of(FAILED, failing_before="2.3", open_before="2.1"),
        NOT_JUDGED,
        "it builds on task 2.3, which fails",
    ),
    (
        of(FAILED, open_before="2.1"),
        NOT_JUDGED,
        "it builds on task 2.1, which is not implemented yet",
    ),
    (
        of(UNIMPLEMENTED, open_before="2.1"),
        NOT_JUDGED,
        "it builds on task 2.1, which is not implemented yet",
    ),
    (of(PASSED, failing_before="2.3"), PASSED, ""),
    (of(PASSED, open_before="2.1"), PASSED, ""),
    (of(NOT_JUDGED, failing_before="2.3"), NOT_JUDGED, ""),
    # Of the required checks, the gravest status counts.
    (of(PASSED, FAILED), FAILED, ""),
    (of(UNIMPLEMENTED, FAILED), FAILED, ""),
    (of(NOT_JUDGED, FAILED), FAILED, ""),
    (of(PASSED, UNIMPLEMENTED), UNIMPLEMENTED, ""),
    (of(NOT_JUDGED, UNIMPLEMENTED), UNIMPLEMENTED, ""),
    (of(PASSED, NOT_JUDGED), NOT_JUDGED, ""),
    (of(PASSED, PASSED), PASSED, ""),
    # An advice costs nothing; where there is nothing else, it is enough that it was judged.
    (of(PASSED, advice=FAILED), PASSED, ""),
    (of(PASSED, advice=NOT_JUDGED), PASSED, ""),
    (of(FAILED, advice=PASSED), FAILED, ""),
    (of(NOT_JUDGED, advice=PASSED), NOT_JUDGED, ""),
    (of(advice=PASSED), PASSED, ""),
    (of(advice=FAILED), PASSED, ""),
    (of(advice=FAILED, open=True, failing_before="2.3"), PASSED, ""),
    (of(advice=NOT_JUDGED), NOT_JUDGED, ""),
    (of(), NOT_JUDGED, ""),
    # Speed is charged to what is right otherwise.
    (of(PASSED, slow=True), FAILED, ""),
    (of(PASSED, slow=True, failing_before="2.3"), FAILED, ""),
    (of(NOT_JUDGED, slow=True), NOT_JUDGED, ""),
    (of(UNIMPLEMENTED, slow=True), UNIMPLEMENTED, ""),
]

CHECKS: list[tuple[CheckEvidence, Status, str]] = [
    (CheckEvidence(stopped=True), NOT_JUDGED, "not run any more"),
    (CheckEvidence(stopped=True, cases=(FAILED,)), FAILED, ""),
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
        "it was late at first, and passed when it was repeated",
    ),
    (raised(fault="wrong", passed_again=True), FAILED, ""),
    (raised(fault="it was late", lost=True), FAILED, ""),
    (raised(fault="it was late", lost=True), FAILED, ""),
    (raised(fault="a stub", unimplemented=True), UNIMPLEMENTED, ""),
    (raised(fault="a stub", unimplemented=True, passed_again=True), UNIMPLEMENTED, ""),
    (raised(fault="wrong"), FAILED, ""),
]


@pytest.mark.parametrize(("evidence", "status", "why"), [*TASKS, *CHECKS, *CASES])
def test_decisions(evidence: AnyEvidence, status: Status, why: str) -> None:
    assert decide(evidence) is status
    assert reason(evidence).startswith(why)
    assert bool(reason(evidence)) == bool(why)


@pytest.mark.parametrize(
    ("kind", "cases"), [(CaseEvidence, CASES), (CheckEvidence, CHECKS), (Evidence, TASKS)]
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
    ("status", "slow", "simulated", "earned"),
    [
        (PASSED, False, False, 10.0),
        (PASSED, True, False, 6.0),
        (PASSED, False, True, 5.0),
        (PASSED, True, True, 3.0),
        (FAILED, False, False, 0.0),
        (UNIMPLEMENTED, False, False, 0.0),
        (NOT_JUDGED, False, False, None),
        (NOT_THERE, False, False, None),
        (ERROR, False, False, None),
    ],
)
def test_points(status: Status, slow: bool, simulated: bool, earned: float | None) -> None:
    task = msgspec.structs.replace(
        table().task("3.1"), points=10.0, simulated=0.5, speed=Speed({"mul": 1.0}, points=4.0)
    )
    assert points(task, status, slow, simulated) == earned
