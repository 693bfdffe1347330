"""From what became of every case of every check to what became of the task."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from grading.isolation import Turns
from grading.judge.faults import fault_of, is_late, is_lost, is_unimplemented, trouble_of
from grading.judge.recorder import NOT_JUDGED, Outcome
from grading.judge.records import CheckResult, Fault, Measurement, Status
from grading.judge.text import clean_line
from grading.tasks.model import Task

GRAVEST = (
    Status.ERROR,
    Status.FAILED,
    Status.UNIMPLEMENTED,
    Status.NOT_JUDGED,
    Status.PASSED,
)
"""Which status of several wins. An error wins over everything: nobody is charged for it."""


def check_results(
    task: Task,
    outcomes: Sequence[Outcome],
    repeated: Sequence[Outcome] = (),
    *,
    partly: bool = False,
) -> tuple[CheckResult, ...]:
    """Return what became of each check that the table expects, in the table's order.

    The table decides what is expected. A check that did not run is an error of the harness, and
    so is one that ran and is not in the table.

    Args:
        task: The task.
        outcomes: What became of each case.
        repeated: What became of those that were tried again.
        partly: Whether the first failure ended the run.
    """
    by_name: dict[str, list[Outcome]] = {name: [] for name in task.checks.names}
    for outcome in outcomes:
        by_name.setdefault(outcome.check, []).append(outcome)
    again = {(outcome.check, outcome.case): outcome for outcome in repeated}
    busy = too_busy(repeated)
    # One counter-example may fit several mistakes: what all checks found decides between them.
    evidence = [finding for outcome in outcomes for finding in outcome.findings]
    for outcome in outcomes:
        if outcome.error is not None:
            outcome.findings = [*outcome.findings, *evidence]
    stopped = partly and any(outcome.error is not None for outcome in outcomes)
    return tuple(
        CheckResult(name, Status.NOT_JUDGED, name not in task.checks.advice, "not run any more")
        if stopped and not cases
        else _check_result(task, name, cases, again, busy)
        for name, cases in by_name.items()
    )


def measurements(outcomes: Iterable[Outcome]) -> tuple[Measurement, ...]:
    """Return what checks recorded as `record_property("measured", {...})`."""
    return tuple(
        msgspec.convert(value, Measurement)
        for outcome in outcomes
        for name, value in outcome.measured
        if name == "measured"
    )


def task_status(checks: Sequence[CheckResult]) -> Status:
    """Return the status of a task: the gravest of what counts.

    An advice counts only if it could not be run, and where nothing else is there to be passed.
    """
    errors = [check.status for check in checks if check.status is Status.ERROR]
    required = [check.status for check in checks if check.required]
    if not required and not errors:
        judged = any(check.status.judged for check in checks)
        return Status.PASSED if judged else Status.NOT_JUDGED
    return gravest([*required, *errors])


def too_busy(outcomes: Sequence[Outcome]) -> str:
    """Say how the code under test waited for a processor most of the time; empty if it did not.

    What it took is then the machine's time, not its own. Code that sleeps does not wait.
    """
    seconds = sum(outcome.seconds for outcome in outcomes)
    turns = sum((outcome.turns for outcome in outcomes), Turns())
    if turns.waited <= max(turns.ran, seconds / 2):
        return ""
    return (
        f"this machine is too busy; in {seconds:.0f} s the code waited {turns.waited:.0f} s for a "
        f"processor and had one for {turns.ran:.0f} s"
    )


def gravest(statuses: Iterable[Status]) -> Status:
    """Return the status that wins; of none, that nothing was judged."""
    present = set(statuses)
    # Where one thing is wrong and another still to be written, the first is the news.
    return next((status for status in GRAVEST if status in present), Status.NOT_JUDGED)


def _check_result(
    task: Task,
    name: str,
    cases: Sequence[Outcome],
    again: Mapping[tuple[str, str], Outcome],
    busy: str,
) -> CheckResult:
    required = name not in task.checks.advice
    reason = task.checks.advice.get(name, "")
    if name not in task.checks.names:
        return CheckResult(name, Status.ERROR, True, f"{name} is not in the table of tasks")
    if not cases:
        return CheckResult(name, Status.ERROR, required, "the check did not run")
    told = [_case(task, case, again.get((case.check, case.case)), busy) for case in cases]
    status = gravest(each for each, _, _ in told)
    worst = next(i for i, (each, _, _) in enumerate(told) if each is status)
    _, fault, why = told[worst]
    repeated = again.get((cases[worst].check, cases[worst].case))
    return CheckResult(
        name=name,
        status=status,
        required=required,
        reason=why or reason,
        seconds=round(sum(case.seconds for case in cases), 3),
        cases=len(cases),
        case=clean_line(cases[worst].case, 120) if len(cases) > 1 and fault else "",
        fault=fault,
        again="" if repeated is None or not fault else _again(task, fault, repeated),
    )


def _case(
    task: Task, outcome: Outcome, repeated: Outcome | None, busy: str
) -> tuple[Status, Fault | None, str]:
    """Return status, fault and the reason of no judgement of one case."""
    if outcome.skipped is not None:
        if outcome.skipped.startswith(NOT_JUDGED):
            return Status.NOT_JUDGED, None, outcome.skipped.removeprefix(NOT_JUDGED)
        return Status.ERROR, None, f"the check was skipped: {outcome.skipped}"
    if outcome.error is None:
        return Status.PASSED, None, ""
    fault = fault_of(task.id, outcome.error, outcome.findings)
    if fault is None:
        return Status.ERROR, None, trouble_of(outcome.error)
    if repeated is not None and repeated.passed and is_lost(outcome.error):
        why = f"{fault.sentence} at first, and passed when it was repeated"
        return Status.PASSED, None, why
    second = None if repeated is None else repeated.error
    if busy and second is not None and is_late(outcome.error) and is_late(second):
        return Status.NOT_JUDGED, None, busy
    if is_unimplemented(outcome.error):
        return Status.UNIMPLEMENTED, fault, ""
    return Status.FAILED, fault, ""


def _again(task: Task, fault: Fault, repeated: Outcome) -> str:
    """Say what a check said when it was repeated with the same seed."""
    if repeated.passed:
        return "passed: the code does not always do the same"
    other = None if repeated.error is None else fault_of(task.id, repeated.error, ())
    if other is None or other.place == fault.place != "" or other.sentence == fault.sentence:
        return "failed in the same way"
    # The repetition looks for no smaller input.
    return f"failed: {other.sentence}"
