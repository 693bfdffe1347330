"""Speed of a task's kernels, as records of the report."""

from collections.abc import Mapping, Sequence

from asv_benchmarks.workloads import GRADED
from grading.judge.decide import GroupEvidence, decide, points
from grading.judge.faults import fault_of, harness_error
from grading.judge.records import CheckResult, GroupResult, SpeedResult, Status
from grading.protocol.messages import Subject
from grading.speed.verdict import UNMEASURABLE, Outcome, Verdict
from grading.speed.verdict import judge as judge_speed
from grading.tasks.model import Speed, Task

STATUSES: dict[Outcome, Status] = {
    "fast enough": Status.PASSED,
    "too slow": Status.FAILED,
    "too busy": Status.NOT_JUDGED,
}


def speed_results(
    task: Task, speed: Speed, subject: Subject, seed: int, reference: Subject | None = None
) -> tuple[SpeedResult, ...]:
    """Measure the workloads of a task.

    Args:
        task: The task.
        speed: The workloads and limits in the table.
        subject: The code under test.
        seed: Seed of the inputs.
        reference: The reference solution, if it is available.
    """
    return tuple(_result(task, speed, name, subject, seed, reference) for name in speed.workloads)


def _result(
    task: Task,
    speed: Speed,
    name: str,
    subject: Subject,
    seed: int,
    reference: Subject | None,
) -> SpeedResult:
    try:
        verdict = judge_speed(
            subject,
            GRADED[name],
            speed.fast[name],
            limit=speed.ratio,
            seed=seed,
            reference=reference,
        )
    except UNMEASURABLE as error:
        fault = fault_of(error)
        status = Status.ERROR if fault is None else Status.FAILED
        remark = harness_error(error) if fault is None else fault.sentence
        return SpeedResult(name, status, allowed=speed.ratio, remark=remark)
    return SpeedResult(
        workload=name,
        status=STATUSES[verdict.outcome],
        seconds=verdict.seconds,
        ratio=verdict.ratio,
        low=verdict.low,
        high=verdict.high,
        allowed=verdict.limit,
        reference=verdict.reference,
        remark=_remark(verdict),
    )


def _remark(verdict: Verdict) -> str:
    if verdict.outcome == "too busy":
        return "not measured, because this machine is too busy"
    if verdict.outcome == "too slow":
        return "too slow in two measurements"
    return "too slow in the first measurement, fast enough in the second" * verdict.repeated


def speed_group(results: Sequence[SpeedResult], thresholds: Mapping[float, float]) -> GroupResult:
    """Return the result of the group with the points for speed.

    Args:
        results: The speed of all workloads of a task.
        thresholds: The points for each allowed ratio; the slowest workload decides.
    """
    worth, slowest_allowed = max(thresholds.values()), max(thresholds)
    checks = tuple(_against(each, slowest_allowed) for each in results)
    status = decide(GroupEvidence(checks=checks))
    if not status.judged:
        return GroupResult("speed", status, None, worth, "its speed was not measured")
    slowest = max(each.ratio or 0.0 for each in results)
    reached = [value for most, value in thresholds.items() if slowest <= most]
    earned = max(reached, default=thresholds[slowest_allowed])
    return GroupResult("speed", status, points(status, earned), worth)


def _against(result: SpeedResult, most: float) -> CheckResult:
    """Return a workload as a check against an allowed ratio.

    A workload that was not fast enough, or was faster than its own limit, keeps its status if its
    limit is the allowed ratio: two measurements have decided it.
    """
    status = result.status
    if status.judged and result.ratio is not None and result.allowed != most:
        status = Status.PASSED if result.ratio <= most else Status.FAILED
    return CheckResult(result.workload, status)
