"""Workers with the code under test, one per device, started on first use."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import pytest

from grading.isolation import IsolatedSubject, Isolation, Limits
from grading.protocol.messages import Request, Response, Subject, SubjectError
from grading.submissions.submission import Submission

Device = Literal["cpu", "gpu", "simulator"]

SIMULATED_THREADS = 1024
"""Maximum number of threads per block; the simulator runs each in a thread of the system."""

FINAL_REQUEST_SECONDS = 5.0
"""Time limit of requests after the checks, in seconds."""

Start = Callable[[Device], IsolatedSubject]
"""Function that starts the code under test on a device."""


def starter(
    submission: Submission,
    isolation: Isolation = "best",
    environment: Mapping[str, str] | None = None,
    kernels: Path | None = None,
) -> Start:
    """Return a function that starts workers with a submission.

    Args:
        submission: The submission.
        isolation: The required isolation.
        environment: Environment variables of the workers in addition to the usual ones.
        kernels: A folder of compiled kernels that outlives the workers; for trusted code only.
    """

    def start(device: Device) -> IsolatedSubject:
        simulator = {"NUMBA_ENABLE_CUDASIM": "1"} if device == "simulator" else {}
        return IsolatedSubject(
            submission,
            environment={**(environment or {}), **simulator},
            isolation=isolation,
            gpu=device == "gpu",
            kernels=kernels,
        )

    return start


class OutOfTimeError(SubjectError):
    """The time of the task is used up, so a request was refused."""

    def __init__(self, seconds: float, request: Request) -> None:
        message = f"the {seconds:g} s of processor time of this task are used up"
        super().__init__(["OutOfTime"], message, request)


class Subjects:
    """The workers of one run, each started at most once; a context manager that ends them.

    Args:
        start: Function that starts a worker.
        simulate: True to run GPU kernels on numba's simulator.
        total_seconds: Time limit of all requests of the run, in seconds.
    """

    def __init__(
        self,
        start: Start,
        simulate: bool = False,
        total_seconds: float = Limits().total_seconds,
    ) -> None:
        self._start = start
        self._workers: dict[Device, IsolatedSubject] = {}
        self._unused: list[IsolatedSubject] = []
        self._limits = Limits(total_seconds=total_seconds)
        self._seconds = float("inf")
        self._before = 0.0
        self.simulate = simulate

    def on(self, device: Device) -> Subject:
        """Return the code under test on a device.

        Raises:
            IsolationError: A worker cannot be started on this machine.
        """
        if device not in self._workers:
            self._workers[device] = self._start(device)
            self._workers[device].begin_check(self._current_limits(device))
        return _TimedSubject(self, self._workers[device])

    def use(self, device: Device, worker: IsolatedSubject) -> IsolatedSubject | None:
        """Use another worker for a device from now on; all of them end with the run.

        Call this between two tasks: requests of the new worker before the next task do not count.

        Returns:
            The worker used so far, which keeps its kernels; None if there was none.
        """
        before = self._workers.get(device)
        if before is not None:
            self._unused.append(before)
        self._workers[device] = worker
        return before

    def running(self) -> list[Subject]:
        """Return the workers that run, with a short time limit."""
        running: list[Subject] = []
        for device, worker in self._workers.items():
            if worker.running:
                limits = self._current_limits(device)
                worker.begin_check(replace(limits, check_seconds=FINAL_REQUEST_SECONDS, stops=1))
                running.append(worker)
        return running

    def begin_task(self, seconds: float, memory_mb: int) -> None:
        """Start the processor time of a task, in seconds, and set its memory limit, in MB."""
        self._seconds = seconds
        self._before = self._used
        self._limits = replace(self._limits, memory_mb=memory_mb)

    def begin_check(self) -> None:
        """Begin a check, with a new count of lost workers."""
        for device, worker in self._workers.items():
            worker.begin_check(self._current_limits(device))

    def answer(self, worker: IsolatedSubject, request: Request) -> Response:
        """Send a request to a worker and return its response.

        Raises:
            OutOfTimeError: The time of the task is used up.
        """
        if self._left <= 0:
            raise OutOfTimeError(self._seconds, request)
        return worker.answer(request)

    @property
    def level(self) -> tuple[str, tuple[str, ...]] | None:
        """Isolation level and missing protections; None before the first worker starts."""
        for worker in self._workers.values():
            return worker.level.name, tuple(worker.level.undefended)
        return None

    def _current_limits(self, device: Device) -> Limits:
        left = self._left
        limits = replace(self._limits, check_seconds=None if left == float("inf") else max(left, 1))
        if device == "cpu":
            return limits
        # Calls take longer there; threads of the simulator may end between two observations.
        limits = replace(limits, call_seconds=60.0, hang_seconds=300.0)
        more = SIMULATED_THREADS if device == "simulator" else 0
        return replace(limits, processes=limits.processes + more)

    @property
    def _used(self) -> float:
        """Time used by all requests so far, in seconds."""
        return sum(worker.seconds for worker in self._workers.values())

    @property
    def _left(self) -> float:
        """Remaining time of the task, in seconds."""
        return self._seconds - (self._used - self._before)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in (*self._workers.values(), *self._unused):
            worker.end_worker()
        self._workers.clear()
        self._unused.clear()


class _TimedSubject(Subject):
    """A worker that refuses requests once the time of the task is used up."""

    def __init__(self, subjects: Subjects, worker: IsolatedSubject) -> None:
        self._subjects = subjects
        self._worker = worker
        self.folder = worker.folder

    def answer(self, request: Request) -> Response:
        return self._subjects.answer(self._worker, request)

    def without_submission(self) -> Subject:
        return self._worker.without_submission()

    def changed(
        self, sources: Mapping[str, str], compiled: bool = True
    ) -> AbstractContextManager[Subject]:
        return self._worker.changed(sources, compiled)


SUBJECTS = pytest.StashKey[Subjects]()
"""Key of pytest's stash with the workers of the run."""
