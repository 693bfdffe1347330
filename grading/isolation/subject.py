"""A submission as a subject: requests go to a worker, which is replaced whenever it is lost."""

import secrets
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from grading.isolation.asked import Asked, name_of
from grading.isolation.budget import Allowance
from grading.isolation.errors import CheckAbandoned, LostError, WorkerError, smallest
from grading.isolation.launch import Level
from grading.isolation.levels import Isolation, best_level
from grading.isolation.limits import Limits
from grading.isolation.process import WorkerProcess
from grading.isolation.replies import Raised, printable, read_reply
from grading.isolation.snapshot import take
from grading.isolation.worker_files import WorkerSetup
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


class IsolatedSubject(Subject):
    """A submission, reached through a worker. A context manager, which ends the worker.

    The worker starts with the first request. Whatever happens to it becomes a `WorkerError` of
    the request that it happened to, and the next request finds a fresh worker.

    Args:
        submission: The folder to judge.
        environment: Variables of the worker in addition to the usual ones.
        limits: What it may use.
        isolation: "best" takes the best level that this machine offers, "required" refuses
            anything below a sandbox, "none" is a process with limits.
        gpu: Whether the worker may use the GPU.
        changes: Files that have another text than in the submission, by their paths.
        empty: Whether nothing of the submission is there at all.

    Raises:
        IsolationError: What is required is not there.
        SubmissionError: There is no submission.
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
        # Closed to all other users, as temporary folders are; what is in it, anybody may read.
        folder = Path(tempfile.mkdtemp(prefix="mt-submission-")).resolve()
        self._forget = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        snapshot = folder / "submission"
        snapshot.mkdir()
        paths = () if empty else submission.import_paths
        tests = () if empty else submission.test_paths
        take(submission.root, [*paths, *tests], snapshot, changes)
        self._setup = WorkerSetup(
            snapshot,
            tuple(path.relative_to(submission.root) for path in paths),
            dict(environment or {}),
            gpu,
        )
        self._worker: WorkerProcess | None = None
        self._seconds = 0.0
        self._endless: dict[Asked, str] = {}
        self.begin_check()

    def begin_check(self, limits: Limits | None = None) -> None:
        """Begin a check: what was lost in the one before no longer counts.

        Args:
            limits: New limits. A worker that may use less than they allow is replaced.
        """
        if limits is not None:
            self.limits = limits
            if self._alone is not None:
                self._alone.begin_check(limits)
            if self._worker is not None and not self._worker.accept(limits):
                self.end_worker()
        self._seconds_before = self.seconds
        self._lost: list[WorkerError] = []

    @property
    def seconds(self) -> float:
        """Seconds that all requests so far have used, those without the submission included."""
        return self._seconds + (self._alone.seconds if self._alone is not None else 0.0)

    @property
    def running(self) -> bool:
        """Whether there is a worker that waits for requests."""
        return self._worker is not None

    def answer(self, request: Request) -> Response:
        """Have the worker do what is asked.

        Raises:
            SubjectError: The code under test raised an exception.
            DriverError: The driver did, before or after it called the code under test.
            WorkerError: The worker was lost.
            CheckAbandoned: It was lost too often in this check, or a call did not return, now or
                earlier.
            IsolationError: The grader could not start a worker.
        """
        self._refuse(request)
        allowance = self._allowance(request)
        if self._worker is None:
            self._worker = WorkerProcess(self.level, self._setup, self.limits)
        worker, number = self._worker, secrets.token_hex(16)
        budget = worker.budget(allowance)
        try:
            received = worker.exchange(encode_request(request, number), budget)
            budget.update()
            self._seconds += budget.charged
            reply = read_reply(received, request, number)
        except LostError as lost:
            # It is not asked again, and takes no time from the other functions.
            self._seconds += 0.0 if lost.kind == "TimedOut" else budget.charged
            raise self._loss(lost.kind, lost.message, request) from None
        except WireError as error:
            raise self._loss("BadReply", f"this is no reply: {error}", request) from None
        except BaseException:
            # Between a request and its reply nothing else can be asked.
            self.end_worker()
            raise
        if isinstance(reply, Raised):
            raise self._error(worker, reply, request)
        return reply

    def alone(self) -> "IsolatedSubject":
        """Return a worker without the submission; it is the same one each time."""
        if self._alone is None:
            self._alone = IsolatedSubject(
                self.submission, limits=self.limits, isolation=self._isolation, empty=True
            )
        return self._alone

    @contextmanager
    def changed(self, sources: Mapping[str, str]) -> Iterator["IsolatedSubject"]:
        """Return a worker of its own for a copy of the submission with some other files."""
        setup = self._setup
        with IsolatedSubject(
            self.submission,
            environment=setup.environment,
            limits=self.limits,
            isolation=self._isolation,
            gpu=setup.gpu,
            changes=sources,
        ) as copy:
            try:
                yield copy
            finally:
                self._seconds += copy.seconds

    def end_worker(self) -> None:
        """End the worker; the next request starts a fresh one."""
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
        self._forget()

    def _refuse(self, request: Request) -> None:
        """Answer for the worker where it is known that it would not.

        Raises:
            CheckAbandoned: A call of the same function did not return.
        """
        asked = Asked.by(request)
        for endless, message in self._endless.items():
            if asked.calls_all_of(endless):
                raise CheckAbandoned(WorkerError("TimedOut", message, request), message)

    def _allowance(self, request: Request) -> Allowance:
        """Return how long the judge waits for an answer.

        Raises:
            CheckAbandoned: There is no time left at all.
        """
        limits = self.limits
        left = limits.total_seconds - self.seconds
        if limits.check_seconds is not None:
            left = min(left, limits.check_seconds - (self.seconds - self._seconds_before))
        if left <= 0:
            why = "the time for all requests is up"
            raise CheckAbandoned(WorkerError("OutOfTime", why, request), why)
        family = request.operation.partition(".")[0]
        run = {"learn": limits.learn_seconds, "learners_tests": limits.long_seconds}
        run["speed"] = limits.long_seconds
        seconds = run.get(family, limits.call_seconds)
        return Allowance(seconds, limits.compile_seconds, limits.hang_seconds, left)

    def _loss(self, kind: str, message: str, request: Request) -> BaseException:
        """End the worker; return what is to be raised."""
        assert self._worker is not None
        worker = self._worker
        how = self._end(worker)
        self.restarts += 1
        if kind == "WorkerDied" and how:
            message = f"{message}: {how}"
        if kind == "TimedOut":
            message = f"{name_of(request)} {message}"
            self._endless[Asked.by(request)] = message
        output = printable(worker.shown(worker.output.tail()))
        error = WorkerError(kind, message, request, output)
        self._lost.append(error)
        if kind in ("TimedOut", "OutOfTime"):
            return CheckAbandoned(error, message)
        if len(self._lost) < self.limits.stops:
            return error
        times = "once" if len(self._lost) == 1 else f"{len(self._lost)} times"
        return CheckAbandoned(smallest(self._lost), f"the worker was lost {times}")

    def _end(self, worker: WorkerProcess) -> str:
        """End the worker, and say how it had ended."""
        self._worker = None
        return worker.end()

    def _error(self, worker: WorkerProcess, raised: Raised, request: Request) -> Exception:
        trace = [(worker.shown(file), line, function) for file, line, function in raised.trace]
        message = worker.shown(raised.message)
        if raised.graders and not any(is_own(file) for file, _, _ in trace):
            return DriverError(raised.kinds, message, request, trace)
        output = printable(worker.shown(worker.output.tail()))
        return SubjectError(raised.kinds, message, request, trace, output)
