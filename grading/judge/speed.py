"""Speed of a task's kernels, as records of the report."""

from asv_benchmarks.workloads import BY_NAME
from grading.judge.faults import fault_of, harness_error
from grading.judge.records import SpeedResult, Status
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
            BY_NAME[name],
            speed.fast[name],
            limit=speed.ratio,
            seed=seed,
            reference=reference,
        )
    except UNMEASURABLE as error:
        fault = fault_of(task.id, error, ())
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
