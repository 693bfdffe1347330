"""A submission as a subject: requests go to a worker, which is replaced if it is lost."""

import secrets
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

from grading.isolation.budget import Allowance
from grading.isolation.called import CalledFunctions, name_of
from grading.isolation.errors import CheckAbandoned, LostError, WorkerError, smallest
from grading.isolation.launch import Level
from grading.isolation.levels import Isolation, best_level
from grading.isolation.limits import Limits
from grading.isolation.process import WorkerProcess
from grading.isolation.replies import Raised, printable, read_reply
from grading.isolation.snapshot import copy_submission
from grading.isolation.stacks import split_crash
from grading.isolation.worker_files import WorkerSetup
from grading.phases import ACCURACY, COMPILATION, IMPORTS, START, credit, phase
from grading.protocol.messages import (
    DriverError,
    Request,
    Response,
    Subject,
    SubjectError,
    is_own,
)
from grading.protocol.wire import WireError, encode_request
from grading.submissions.submission import Submission

WITHOUT_COMPILER = {"NUMBA_DISABLE_JIT": "1"}
"""Environment variables of a worker in which kernels run as plain Python."""

INTERPRETED_SECONDS = 5.0
"""Time of one run of the learner's tests without the compiler, in seconds."""

STOPPED = ("TimedOut", "OutOfTime", "OutOfMemory")
"""Losses of a worker that still runs, whose calls show which line used up the resource."""


@dataclass
class Spent:
    """Time of requests, in seconds. Several threads may add to it.

    Attributes:
        all: That of all requests.
        before: That of the requests of earlier checks.
    """

    all: float = 0.0
    before: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, seconds: float) -> None:
        """Add the time of a request."""
        with self._lock:
            self.all += seconds


class IsolatedSubject(Subject):
    """A submission that answers requests in a worker. A context manager that ends the worker.

    The first request starts the worker. If the worker is lost, its current request fails with a
    `WorkerError`, and the next request starts a new worker.

    Args:
        submission: The folder to judge.
        environment: Environment variables of the worker in addition to the usual ones.
        limits: Resource limits of the worker.
        isolation: "best" uses the best level that works on this machine; "required" accepts only
            a sandbox; "none" is a process with limits.
        gpu: True if the worker may use the GPU.
        changes: Texts that replace files of the submission, by their paths.
        empty: True for a worker without any file of the submission.
        spent: The time of another subject that shares its limits with this one.
        kernels: A folder of compiled kernels, as in `WorkerSetup`; for trusted code only.

    Raises:
        IsolationError: No level of the required isolation works.
        SubmissionError: The folder contains no submission.
    """

    def __init__(
        self,
        submission: Submission | Path | str,
        *,
        environment: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        isolation: Isolation = "best",
        gpu: bool = False,
        changes: Mapping[str, str] | None = None,
        empty: bool = False,
        spent: Spent | None = None,
        kernels: Path | None = None,
    ) -> None:
        if not isinstance(submission, Submission):
            submission = Submission.at(submission)
        self.submission = submission
        self.folder = submission.root
        self._isolation: Isolation = isolation
        self._alone: IsolatedSubject | None = None
        self.level: Level = best_level(isolation)
        self.limits = limits or Limits()
        self.restarts = 0
        # Only this user can enter the temporary folder; the files in it are readable by any user.
        folder = Path(tempfile.mkdtemp(prefix="mt-submission-")).resolve()
        self._forget = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        snapshot = folder / "submission"
        snapshot.mkdir()
        paths = () if empty else submission.import_paths
        tests = () if empty else submission.test_paths
        copy_submission(submission.root, [*paths, *tests], snapshot, changes)
        self._setup = WorkerSetup(
            snapshot,
            tuple(path.relative_to(submission.root) for path in paths),
            dict(environment or {}),
            gpu,
            kernels,
        )
        self._worker: WorkerProcess | None = None
        self._spent = spent or Spent()
        self._endless: dict[CalledFunctions, WorkerError] = {}
        self._lost: list[WorkerError] = []

    def begin_check(self, limits: Limits | None = None) -> None:
        """Start a check: workers that an earlier check lost no longer count.

        Args:
            limits: New limits. A worker whose kernel limits are lower is replaced.
        """
        if limits is not None:
            self.limits = limits
            if self._worker is not None and not self._worker.accept(limits):
                self._end(self._worker)
        if self._alone is not None:
            self._alone.begin_check(limits)
        self._spent.before = self._spent.all
        self._lost = []

    @property
    def seconds(self) -> float:
        """Seconds of all requests so far, including those without the submission."""
        return self._spent.all

    @property
    def running(self) -> bool:
        """True if a worker waits for requests."""
        return self._worker is not None

    def answer(self, request: Request) -> Response:
        """Perform a request in the worker.

        Raises:
            SubjectError: The code under test raised an exception.
            DriverError: The driver raised one, before or after it called the code under test.
            WorkerError: The worker was lost.
            CheckAbandoned: This check lost the worker too often, or a call did not return, now or
                earlier.
            IsolationError: The grader could not start a worker.
        """
        trains = request.operation.startswith("learn.")
        with phase(ACCURACY) if trains else nullcontext():
            return self._answer(request)

    def _answer(self, request: Request) -> Response:
        self._refuse(request)
        allowance = self._allowance(request)
        if self._worker is None:
            with phase(START):
                self._worker = WorkerProcess(self.level, self._setup, self.limits)
        worker, number = self._worker, secrets.token_hex(16)
        budget = worker.budget(allowance)
        try:
            received = worker.exchange(encode_request(request, number), budget)
            budget.update()
            self._spent.add(budget.charged)
            reply = read_reply(received, request, number)
        except LostError as lost:
            # The function is not called again, and its time is not taken from other functions.
            self._spent.add(0.0 if lost.kind == "TimedOut" else budget.charged)
            raise self._loss(lost.kind, lost.message, request) from None
        except WireError as error:
            raise self._loss("BadReply", f"invalid reply: {error}", request) from None
        except BaseException:
            # The worker cannot take another request before it has replied to this one.
            self.end_worker()
            raise
        finally:
            credit(COMPILATION, budget.elapsed_compiling)
            credit(IMPORTS, budget.elapsed_importing)
        if isinstance(reply, Raised):
            raise self._error(worker, reply, request)
        return reply

    def without_submission(self) -> "IsolatedSubject":
        """Return the subject without the submission, always the same one.

        Both have one limit for the check and one for all requests.
        """
        if self._alone is None:
            self._alone = IsolatedSubject(
                self.submission,
                limits=self.limits,
                isolation=self._isolation,
                empty=True,
                spent=self._spent,
            )
        return self._alone

    @contextmanager
    def changed(
        self, sources: Mapping[str, str], compiled: bool = True
    ) -> Iterator["IsolatedSubject"]:
        """Return a subject with a separate worker, for a copy of the submission with changes.

        It has the time that is left for the check. Without the compiler, the learner's tests have
        `INTERPRETED_SECONDS`: if they need more, compilation is faster.
        """
        setup = self._setup
        limits = replace(self.limits, check_seconds=self._left())
        if not compiled:
            limits = replace(limits, long_seconds=min(limits.long_seconds, INTERPRETED_SECONDS))
        with IsolatedSubject(
            self.submission,
            environment={**setup.environment, **({} if compiled else WITHOUT_COMPILER)},
            limits=limits,
            isolation=self._isolation,
            gpu=setup.gpu,
            changes=sources,
        ) as copy:
            try:
                yield copy
            finally:
                self._spent.add(copy.seconds)

    def end_worker(self) -> None:
        """End the worker; the next request starts a new one."""
        if self._worker is not None:
            self._end(self._worker)
        if self._alone is not None:
            self._alone.end_worker()

    def __enter__(self) -> "IsolatedSubject":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end_worker()
        if self._alone is not None:
            self._alone._forget()
        self._forget()

    def _refuse(self, request: Request) -> None:
        """Refuse a request with a function that did not return before.

        Raises:
            CheckAbandoned: A call of the same function did not return.
        """
        called = CalledFunctions.of(request)
        for endless, lost in self._endless.items():
            if called.calls_all_of(endless):
                error = WorkerError("TimedOut", lost.message, request, trace=lost.trace)
                raise CheckAbandoned(error, lost.message)

    def _left(self) -> float:
        """Return the seconds that are left for the check, or for all requests if they are fewer."""
        left = self.limits.total_seconds - self.seconds
        if self.limits.check_seconds is not None:
            spent = self._spent.all - self._spent.before
            left = min(left, self.limits.check_seconds - spent)
        return left

    def _allowance(self, request: Request) -> Allowance:
        """Return the time limits of a request.

        Raises:
            CheckAbandoned: There is no time left.
        """
        limits, left = self.limits, self._left()
        if left <= 0:
            reason = "the time for all requests is up"
            raise CheckAbandoned(WorkerError("OutOfTime", reason, request), reason)
        family = request.operation.partition(".")[0]
        run = {"learn": limits.learn_seconds, "learners_tests": limits.long_seconds}
        run["speed"] = limits.long_seconds
        seconds = run.get(family, limits.call_seconds)
        return Allowance(seconds, limits.compile_seconds, limits.hang_seconds, left)

    def _loss(self, kind: str, message: str, request: Request) -> BaseException:
        """End the worker; return the exception to raise."""
        assert self._worker is not None
        worker = self._worker
        calls = worker.last_calls(ask=kind in STOPPED)
        how = self._end(worker)
        self.restarts += 1
        if kind == "WorkerDied" and how:
            message = f"{message}: {how}"
        if kind == "TimedOut":
            message = f"{name_of(request)} {message}"
        output, crash = split_crash(printable(worker.display_paths(worker.output.tail())))
        error = WorkerError(kind, message, request, output, crash or calls)
        if kind == "TimedOut":
            self._endless[CalledFunctions.of(request)] = error
        self._lost.append(error)
        if kind in ("TimedOut", "OutOfTime"):
            return CheckAbandoned(error, message)
        if len(self._lost) < self.limits.stops:
            return error
        times = "once" if len(self._lost) == 1 else f"{len(self._lost)} times"
        return CheckAbandoned(smallest(self._lost), f"the worker was lost {times}")

    def _end(self, worker: WorkerProcess) -> str:
        """End the worker; return how it had ended before."""
        self._worker = None
        return worker.end()

    def _error(self, worker: WorkerProcess, raised: Raised, request: Request) -> Exception:
        trace = [
            (worker.display_paths(file), line, function) for file, line, function in raised.trace
        ]
        message = worker.display_paths(raised.message)
        if raised.graders and not any(is_own(file) for file, _, _ in trace):
            return DriverError(raised.kinds, message, request, trace)
        output = printable(worker.display_paths(worker.output.tail()))
        return SubjectError(raised.kinds, message, request, trace, output)
