"""The speed of a task's workloads, as records."""

from grading.judge.records import SpeedResult
from grading.judge.subjects import Subjects
from grading.table import Task


def speed_results(task: Task, subjects: Subjects, seed: int) -> tuple[SpeedResult, ...]:
    """Measure the workloads of a task."""
    return ()
