"""Results of checks, computed from the outcomes of their cases."""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

import msgspec

from grading.judge.causes import Search, no_search, with_causes
from grading.judge.decide import CaseEvidence, CheckEvidence, decide, reason
from grading.judge.faults import fault_of, harness_error, is_lost, is_unimplemented
from grading.judge.recorder import NOT_JUDGED, Outcome
from grading.judge.records import CheckResult, Fault, Measurement, Status
from grading.judge.text import clean_line
from grading.tasks.model import Task


def check_results(
    task: Task,
    outcomes: Sequence[Outcome],
    repeated: Sequence[Outcome] = (),
    fail_fast: Set[str] = frozenset(),
    search: Search = no_search,
) -> tuple[CheckResult, ...]:
    """Return the results of all checks in the table: by groups, then advice.

    A check in the table that did not run is an error of the grader, unless a failure ended its
    group; so is a check that ran without being in the table.

    Args:
        task: The task.
        outcomes: Outcomes of all cases.
        repeated: Outcomes of the second runs.
        fail_fast: Names of groups that end at their first failure.
        search: As in `with_causes`.
    """
    expected = {name: group.name for group in task.groups for name in group.checks}
    names = (*expected, *task.checks.advice)
    by_name: dict[str, list[Outcome]] = {name: [] for name in names}
    failed: dict[str, str] = {}
    for outcome in outcomes:
        name = task.selector_of(outcome.check, outcome.case)
        by_name.setdefault(name, []).append(outcome)
        group = expected.get(name, "")
        if outcome.error is not None and group in fail_fast:
            failed.setdefault(group, outcome.title)
    again = {(outcome.check, outcome.case): outcome for outcome in repeated}
    results = tuple(
        _check_result(
            task, name, name in names, cases, again, failed.get(expected.get(name, ""), "")
        )
        for name, cases in by_name.items()
    )
    return with_causes(task, results, outcomes, search)


def measurements(outcomes: Iterable[Outcome]) -> tuple[Measurement, ...]:
    """Return the measurements recorded by `record_property("measured", {...})`."""
    return tuple(
        msgspec.convert(value, Measurement)
        for outcome in outcomes
        for name, value in outcome.measured
        if name == "measured"
    )


def _check_result(
    task: Task,
    name: str,
    is_expected: bool,
    cases: Sequence[Outcome],
    again: Mapping[tuple[str, str], Outcome],
    failed_before: str,
) -> CheckResult:
    judged = [_case(case, again.get((case.check, case.case))) for case in cases]
    statuses = tuple(each.status for each in judged)
    required = name not in task.checks.advice
    evidence = CheckEvidence(name, is_expected, failed_before, statuses)
    status, explanation = decide(evidence), reason(evidence)
    if explanation:
        return CheckResult(name, status, required, explanation)
    worst = statuses.index(status)
    fault = judged[worst].fault
    repeated = again.get((cases[worst].check, cases[worst].case))
    return CheckResult(
        name=name,
        status=status,
        required=required,
        reason=judged[worst].reason or task.checks.advice.get(name, ""),
        seconds=round(sum(case.seconds for case in cases), 3),
        cases=len(cases),
        case=clean_line(cases[worst].case, 120) if len(cases) > 1 and fault else "",
        fault=fault,
        again="" if repeated is None or not fault else _again(fault, cases[worst], repeated),
    )


class _Case(NamedTuple):
    """Status, fault and reason of a case."""

    status: Status
    fault: Fault | None
    reason: str


def _case(outcome: Outcome, repeated: Outcome | None) -> _Case:
    fault, evidence = _case_evidence(outcome, repeated)
    status = decide(evidence)
    return _Case(status, fault if status.bad else None, reason(evidence))


def _case_evidence(outcome: Outcome, repeated: Outcome | None) -> tuple[Fault | None, CaseEvidence]:
    skip, error = outcome.skipped, outcome.error
    if skip is not None:
        lacking = skip.startswith(NOT_JUDGED)
        return None, CaseEvidence(
            unavailable=skip.removeprefix(NOT_JUDGED) if lacking else None,
            skipped=None if lacking else skip,
        )
    if error is None:
        return None, CaseEvidence()
    fault = fault_of(error)
    return fault, CaseEvidence(
        raised=True,
        harness_error=harness_error(error) if fault is None else "",
        fault="" if fault is None else fault.sentence,
        lost=is_lost(error),
        passed_again=repeated is not None and repeated.passed,
        unimplemented=is_unimplemented(error),
    )


def _again(fault: Fault, first: Outcome, repeated: Outcome) -> str:
    """Return the result of the second run with the same seed, in words."""
    if repeated.passed:
        return "passed: same input, different answers"
    other = None if repeated.error is None else fault_of(repeated.error)
    # The second run ends at the first failing input, not at the reported one.
    drawn = None if first.drawn is None else fault_of(first.drawn)
    earlier = (fault, drawn or fault)
    if other is None or any(_is_same(other, each) for each in earlier):
        return "same failure"
    return f"different failure: {other.sentence}"


def _is_same(fault: Fault, other: Fault) -> bool:
    return fault.place == other.place != "" or _kind(fault) == _kind(other)


def _kind(fault: Fault) -> str:
    """Return the sentence of a fault without its numbers, which depend on the input."""
    return re.sub(r"[-+]?\b(\d[\d.]*(e[-+]?\d+)?|inf|nan)\b|[(),\s]", "", fault.sentence)
