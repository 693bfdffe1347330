"""The speed of a task's workloads, as records."""

from asv_benchmarks.workloads import BY_NAME
from grading.compare import MismatchError
from grading.judge.records import SpeedResult, Status
from grading.judge.subjects import Subjects
from grading.judge.text import clean_line
from grading.speed.verdict import Verdict, judge
from grading.subject import Subject, SubjectError
from grading.table import Speed, Task

STATUS = {
    "fast enough": Status.PASSED,
    "too slow": Status.FAILED,
    "too busy": Status.NOT_JUDGED,
}


def speed_results(task: Task, subjects: Subjects, seed: int) -> tuple[SpeedResult, ...]:
    """Measure the workloads of a task, which has its time once more for this."""
    if task.speed is None:
        return ()
    subjects.begin_task(task.seconds, task.memory_mb)
    subject = subjects.on("cpu")
    return tuple(_result(name, task.speed, subject, seed) for name in task.speed.workloads)


def _result(name: str, speed: Speed, subject: Subject, seed: int) -> SpeedResult:
    fast, limit = speed.fast[name], speed.ratio
    try:
        verdict = judge(subject, BY_NAME[name], fast, limit=limit, seed=seed)
    except (MismatchError, SubjectError) as error:
        remark = clean_line(str(error).splitlines()[0])
        return SpeedResult(name, Status.FAILED, allowed=limit, remark=remark)
    return SpeedResult(
        workload=name,
        status=STATUS[verdict.outcome],
        seconds=verdict.seconds,
        ratio=verdict.ratio,
        low=verdict.low,
        high=verdict.high,
        allowed=limit,
        reference=verdict.reference,
        remark=_remark(verdict),
    )


def _remark(verdict: Verdict) -> str:
    if verdict.outcome == "too busy":
        return "machine too busy"
    if verdict.outcome == "too slow":
        return "measured twice"
    return ""
