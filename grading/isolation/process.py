"""One worker, from its start to its end."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from grading.isolation.budget import Allowance, Budget
from grading.isolation.channel import Channel
from grading.isolation.errors import IsolationError, LostError
from grading.isolation.launch import Level
from grading.isolation.limits import Limits
from grading.isolation.output import Output
from grading.isolation.replies import printable
from grading.isolation.stacks import Call, catches_signal, last_calls
from grading.isolation.watch import Watch, descendants
from grading.isolation.worker_files import WorkerSetup
from grading.protocol.wire import Frame, WireError
from grading.worker.compiling import COMPILING, IMPORTING
from grading.worker.last_calls import CALLS_START, PATH_START, SIGNAL

STACK_SIZE = 65_536
"""Bytes at the end of the calls that a worker has written; more than its largest stack."""

STACK_SECONDS = 0.5
"""Longest time to wait for the calls of a worker that is to be stopped, in seconds."""


class WorkerProcess:
    """A worker that waits for requests.

    Args:
        level: The level of isolation.
        setup: The files and variables that it sees.
        limits: Its resource limits.

    Raises:
        IsolationError: It did not start; no code under test has run.
    """

    def __init__(self, level: Level, setup: WorkerSetup, limits: Limits) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mt-worker-")).resolve()
        self._shared = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  (`end` closes it)
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._budget: Budget | None = None
        try:
            self._start(level, setup, limits)
        except BaseException:
            self.end()
            raise

    def _start(self, level: Level, setup: WorkerSetup, limits: Limits) -> None:
        self._launch = level.launch(setup, limits, self._folder)
        settings = json.dumps(self._launch.settings.as_plain())
        judge_end, worker_end = socket.socketpair()
        reading, writing = os.pipe()
        self.output = Output(reading)
        descriptors = worker_end.fileno(), self._shared.fileno()
        with worker_end:
            try:
                self._process = subprocess.Popen(
                    [*self._launch.command, settings, *map(str, descriptors)],
                    stdin=subprocess.DEVNULL,
                    stdout=writing,
                    stderr=writing,
                    cwd=self._folder,
                    env=dict(self._launch.environment),
                    pass_fds=descriptors,
                    start_new_session=True,
                )
            except OSError as error:
                judge_end.close()
                raise IsolationError(f"no worker can be started: {error}") from error
            finally:
                os.close(writing)
        self._limits = limits
        self._watch = Watch(self._process.pid, limits, self.output, self._launch.scratch)
        self._channel = Channel(judge_end, limits.reply_mb << 20, self._watch.check)
        budget = self.budget(Allowance(limits.start_seconds, 0.0, limits.start_seconds))
        try:
            if self._channel.receive(budget).header.get("ready") is not True:
                raise WireError("the first message is not the ready signal")
            budget.update()
        except (LostError, WireError) as error:
            self.end()
            printed = self.output.tail().strip()
            raise IsolationError(
                f"the worker did not start ({level.name}): {error}\n{printed}".strip()
            ) from error

    def accept(self, limits: Limits) -> bool:
        """Set the judge's limits; return whether the kernel's limits are not lower."""
        self._watch.limits = limits
        return all(
            getattr(limits, name) <= getattr(self._limits, name)
            for name in ("memory_mb", "processes", "file_mb", "scratch_mb", "reply_mb")
        )

    def budget(self, allowance: Allowance) -> Budget:
        """Return the budget of a call that starts now.

        Its first sample is the last one of the previous call. So what a worker computes between
        two calls counts for the second one.
        """
        before = None if self._budget is None else self._budget.sample
        self._budget = Budget(
            allowance,
            self._watch.cpu_time,
            lambda: self._activity() == COMPILING,
            lambda: self._activity() == IMPORTING,
            before=before,
        )
        return self._budget

    def exchange(self, frame: Frame, budget: Budget) -> Frame:
        """Send a request and receive a reply.

        Raises:
            LostError: The worker ended, or exceeds a limit.
            WireError: The message received is not a reply.
        """
        assert self._channel is not None
        if self._channel.pending():
            if self._process is not None and self._process.poll() is not None:
                raise LostError("WorkerDied", "the worker ended between two requests")
            raise WireError("unsolicited message from the worker")
        self._channel.send(frame, budget)
        return self._channel.receive(budget)

    def _activity(self) -> bytes:
        """Return the byte by which the worker reports that it compiles or imports."""
        return os.pread(self._shared.fileno(), 1, 0)

    def last_calls(self, ask: bool) -> list[Call]:
        """Return the calls that the worker has written, outermost first.

        If it wrote none, the only call is the import that was running.

        Args:
            ask: True to let a running worker write the calls in which it is. It writes none if it
                ignores the signal, or if it is not scheduled in time.
        """
        if ask:
            self._ask_for_calls()
        calls = last_calls(printable(self.display_paths(self._written()), STACK_SIZE))
        path = os.pread(self._shared.fileno(), CALLS_START - PATH_START, PATH_START).rstrip(b"\0")
        if path and not calls:
            file = printable(self.display_paths(path.decode("utf-8", "replace")))
            calls = [(file, 1, "<module>")]
        return calls

    def _ask_for_calls(self) -> None:
        """Send the signal at which the worker writes its calls, and wait until it has done so."""
        assert self._process is not None
        worker = next(filter(catches_signal, descendants(self._process.pid)), None)
        if worker is None:
            return
        before = written = self._written()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(worker, SIGNAL)
        end = time.monotonic() + STACK_SECONDS
        while time.monotonic() < end:
            time.sleep(0.02)
            earlier, written = written, self._written()
            if written != before and written == earlier:
                return

    def _written(self) -> str:
        """Return the end of the calls that the worker has written."""
        descriptor = self._shared.fileno()
        start = max(CALLS_START, os.fstat(descriptor).st_size - STACK_SIZE)
        return os.pread(descriptor, STACK_SIZE, start).decode("utf-8", "replace")

    def display_paths(self, text: str) -> str:
        """Return a text with the paths of the worker shortened for reports."""
        for prefix, instead in self._launch.path_prefixes.items():
            text = text.replace(prefix, instead)
        return text

    def end(self) -> str:
        """End the worker and its processes.

        Returns:
            The way in which the worker ended by itself; empty if it was still running.
        """
        if self._channel is not None:
            self._channel.close()
        how = ""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                how = _how(self._process.wait(0.2))
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            # A process that waits for a device ends only when the device responds.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            self._launch.end()
            self.output.finish()
            self._process = None
        self._shared.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        return how


def _how(status: int) -> str:
    """Return a sentence about the end of a process. A sandbox reports a signal n as 128 + n."""
    number = -status if status < 0 else status - 128
    if number > 0:
        with contextlib.suppress(ValueError):
            return f"it was ended by {signal.Signals(number).name}"
    return f"it ended with status {status}"
