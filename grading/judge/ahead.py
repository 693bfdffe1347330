"""Compilation of kernels ahead: a second worker compiles them while the first one is judged.

Compilation takes most of the time of module 4, and one worker compiles with one processor. Tasks
4.3 and 4.4 need the most kernels, and share some. So they get a second worker, which compiles them
during the checks of earlier tasks. The kernels whose speed is measured later are compiled beside
the checks, too: those of the reference solution, and those of the first worker for tasks of the
second one. The requests here only cause compilation; their responses are ignored.

Nothing measures the speed of the second worker, so LLVM does not optimise its code: this takes a
third less time. With its last task, the run returns to the first worker.
"""

import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asv_benchmarks.workloads import GRADED
from grading.isolation import CheckAbandoned, IsolatedSubject, Limits, WorkerError
from grading.phases import COMPILATION, phase
from grading.protocol.messages import DriverError, Request, Subject, SubjectError
from grading.speed.trial import Bench
from grading.submissions.submission import Submission
from grading.tasks.model import Speed, Task


def _on_fast(operation: str, shape: tuple[int, ...], **options: object) -> Request:
    x = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    upstream = np.ones((*shape[:-1], 1)) if operation == "nn.max" else np.ones(shape)
    return Request(operation, (x,), {**options, "backend": "fast"}, upstream)


REQUESTS: dict[str, tuple[Request, ...]] = {
    "4.3": (_on_fast("nn.avgpool2d", (1, 1, 2, 2), kernel=[1, 1]),),
    "4.4": (
        _on_fast("nn.max", (2, 2), dim=1),
        _on_fast("nn.softmax", (2, 2), dim=1),
        _on_fast("nn.logsoftmax", (2, 2), dim=1),
        _on_fast("nn.maxpool2d", (1, 1, 2, 2), kernel=[1, 1]),
    ),
}
"""For each task of the second worker, requests that need its kernels."""


UNOPTIMISED = {"NUMBA_OPT": "0"}
"""Environment variables of a worker whose code LLVM does not optimise."""


def environment_of_second_worker(tasks: Sequence[Task], second: Sequence[Task]) -> dict[str, str]:
    """Return the environment variables of the second worker.

    A later task on the processor uses its kernels, too, for training: then they are optimised.

    Args:
        tasks: The tasks of the run, in the table's order.
        second: The tasks of the second worker.
    """
    on_processor = [task for task in tasks if task.device == "cpu"]
    return UNOPTIMISED if on_processor[-1:] == list(second[-1:]) else {}


def tasks_of_second_worker(tasks: Sequence[Task], submission: Submission) -> tuple[Task, ...]:
    """Return the tasks of the second worker; the first task never waits for its compilation."""
    return tuple(
        task
        for task in tasks[1:]
        if task.id in REQUESTS and submission.locations(task.holes_in(submission.layout))
    )


def compile_ahead(worker: IsolatedSubject, tasks: Sequence[Task]) -> IsolatedSubject | None:
    """Compile the kernels of tasks.

    Args:
        worker: A worker, which is ended if it cannot answer.
        tasks: The tasks.

    Returns:
        The worker; None if it was lost. The checks then find the reason with another worker.
    """
    # A worker with lower limits of memory than a task would be replaced.
    memory_mb, seconds = max(task.memory_mb for task in tasks), sum(task.seconds for task in tasks)
    worker.begin_check(Limits(memory_mb=memory_mb, check_seconds=seconds))
    with phase(COMPILATION, divided=True):
        for task in tasks:
            for request in REQUESTS[task.id]:
                try:
                    worker.answer(request)
                except (WorkerError, CheckAbandoned):
                    worker.end_worker()
                    return None
                except (SubjectError, DriverError):
                    continue
    return worker


def reference_kernels() -> Path | None:
    """Return the folder in which the kernels of the reference solution stay from run to run.

    Its workers write there, and no worker with a submission sees it. Workers run as other users,
    which can write to the folder, but only this user can enter the folder above it. None if such a
    folder cannot be created; then each run compiles the reference solution.
    """
    variables = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")
    caches = next(filter(None, map(os.environ.get, variables)), "~/.cache")
    try:
        private = Path(caches).expanduser().resolve() / "mt_grading"
        private.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = private.lstat()
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != 0o700:
            return None
        folder = private / "kernels"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        # The package of the kernels would create this folder for its own user only.
        (folder / "mt_kernels_cpu").mkdir(exist_ok=True)
        (folder / "mt_kernels_cpu").chmod(0o777)
    except (OSError, RuntimeError):
        return None
    return folder


def compile_for_speed(subject: Subject, speed: Speed) -> None:
    """Compile the kernels of a subject for the workloads of a task.

    Errors are ignored: the measurement of the speed finds them again. Its inputs are others, so
    the code under test cannot compute their results in advance.

    Args:
        subject: A worker of the submission, or the reference solution.
        speed: The workloads.
    """
    with phase(COMPILATION, divided=True):
        for name in speed.workloads:
            bench = Bench(GRADED[name], secrets.randbits(32))
            try:
                subject.answer(bench.prepare())
                subject.answer(bench.trial().request())
            except (SubjectError, DriverError, CheckAbandoned):
                continue
