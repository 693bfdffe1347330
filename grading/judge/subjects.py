"""The code under test on each device, started when a check first asks for it."""

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
"""Threads of a block, at most. The simulator has a thread of the system for each of them."""

FINAL_REQUEST_SECONDS = 5.0
"""Seconds for what a worker says beside the checks."""

Start = Callable[[Device], IsolatedSubject]
"""Starts the code under test on a device."""


def starter(submission: Submission, isolation: Isolation = "best") -> Start:
    """Return what starts a submission in workers of its own."""

    def start(device: Device) -> IsolatedSubject:
        environment = {"NUMBA_ENABLE_CUDASIM": "1"} if device == "simulator" else {}
        return IsolatedSubject(
            submission, environment=environment, isolation=isolation, gpu=device == "gpu"
        )

    return start


class OutOfTimeError(SubjectError):
    """The task's time is up; whatever is asked from now on is refused."""

    def __init__(self, seconds: float, request: Request) -> None:
        message = f"the {seconds:g} s of processor time of this task are used up"
        super().__init__(["OutOfTime"], message, request)


class Subjects:
    """The workers of one run, each started at most once. A context manager, which ends them.

    Args:
        start: How one is started.
        simulate: Whether code for a GPU runs on numba's simulator.
        total_seconds: How long all requests of the run may take together.
    """

    def __init__(
        self,
        start: Start,
        simulate: bool = False,
        total_seconds: float = Limits().total_seconds,
    ) -> None:
        self._start = start
        self._workers: dict[Device, IsolatedSubject] = {}
        self._limits = Limits(total_seconds=total_seconds)
        self._seconds = float("inf")
        self._before = 0.0
        self.simulate = simulate

    def on(self, device: Device) -> Subject:
        """Return the code under test on a device.

        Raises:
            IsolationError: The grader cannot run a worker here.
        """
        if device not in self._workers:
            self._workers[device] = self._start(device)
            self._workers[device].begin_check(self._current_limits(device))
        return _TimedSubject(self, device)

    def running(self) -> list[Subject]:
        """Return the workers that were started and have not been lost, with no time to waste."""
        running: list[Subject] = []
        for device, worker in self._workers.items():
            if worker.running:
                limits = self._current_limits(device)
                worker.begin_check(replace(limits, check_seconds=FINAL_REQUEST_SECONDS, stops=1))
                running.append(worker)
        return running

    def begin_task(self, seconds: float, memory_mb: int) -> None:
        """Give a task its processor time, from now on, and its memory."""
        self._seconds = seconds
        self._before = self._used
        self._limits = replace(self._limits, memory_mb=memory_mb)

    def begin_check(self) -> None:
        """Begin a check: workers that were lost in the one before no longer count."""
        for device, worker in self._workers.items():
            worker.begin_check(self._current_limits(device))

    def answer(self, device: Device, request: Request) -> Response:
        """Have a request answered, as long as the task has time."""
        if self._left <= 0:
            raise OutOfTimeError(self._seconds, request)
        return self._workers[device].answer(request)

    def folder(self, device: Device) -> Path | None:
        """Return the folder with the sources of the code under test."""
        return self._workers[device].folder

    def alone(self, device: Device) -> Subject:
        """Return a worker like that of a device, without the code under test."""
        return self._workers[device].alone()

    def changed(
        self, device: Device, sources: Mapping[str, str]
    ) -> AbstractContextManager[IsolatedSubject]:
        """Return a worker for a copy of the code under test in which some files differ."""
        return self._workers[device].changed(sources)

    @property
    def level(self) -> tuple[str, tuple[str, ...]] | None:
        """How well the code under test is kept apart, and from what it is not; None before."""
        for worker in self._workers.values():
            return worker.level.name, tuple(worker.level.undefended)
        return None

    def _current_limits(self, device: Device) -> Limits:
        left = self._left
        limits = replace(self._limits, check_seconds=None if left == float("inf") else max(left, 1))
        if device == "cpu":
            return limits
        # A call takes longer there, and the threads that wait for it are gone at the next look.
        limits = replace(limits, call_seconds=60.0, hang_seconds=300.0)
        more = SIMULATED_THREADS if device == "simulator" else 0
        return replace(limits, processes=limits.processes + more)

    @property
    def _used(self) -> float:
        """Seconds that all requests so far have used."""
        return sum(worker.seconds for worker in self._workers.values())

    @property
    def _left(self) -> float:
        """Seconds that the task has left."""
        return self._seconds - (self._used - self._before)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self._workers.values():
            worker.end_worker()
        self._workers.clear()


class _TimedSubject(Subject):
    """A worker that answers as long as the task has time."""

    def __init__(self, subjects: Subjects, device: Device) -> None:
        self._subjects = subjects
        self._place = device
        self.folder = subjects.folder(device)

    def answer(self, request: Request) -> Response:
        return self._subjects.answer(self._place, request)

    def alone(self) -> Subject:
        return self._subjects.alone(self._place)

    def changed(self, sources: Mapping[str, str]) -> AbstractContextManager[Subject]:
        return self._subjects.changed(self._place, sources)


SUBJECTS = pytest.StashKey[Subjects]()
"""Where the fixtures find the workers of the run."""
