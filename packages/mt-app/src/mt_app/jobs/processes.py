"""A queue of commands, each in a separate process, one at a time.

Closing its standard input tells a process to stop. This also happens when this process ends for any
reason. A process that does not stop in time is killed.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

State = Literal["queued", "running", "ended"]

PATIENCE = 0.7
"""The time for a process to stop before it is killed, in seconds.

With a smaller value a run may lose the steps since its last checkpoint.
"""
OUTPUT = "output.txt"
"""The name of the file with a process's output, in its folder."""


@dataclass(eq=False)
class _Job:
    """A command, and its process after the start."""

    folder: Path
    command: tuple[str, ...]
    cwd: Path | None
    process: subprocess.Popen[bytes] | None = None
    stopped: bool = False
    ended: threading.Event = field(default_factory=threading.Event)


class ProcessQueue:
    """A thread-safe queue that runs commands one after the other.

    A job is identified by its folder.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Job] = deque()
        self._current: _Job | None = None

    def submit(self, folder: Path, command: Sequence[str], cwd: Path | None = None) -> None:
        """Add a command to the queue.

        Args:
            folder: An existing folder for this job; the output is written to `output.txt` there.
            command: The program and its arguments.
            cwd: The working directory, by default that of this process.

        Raises:
            ValueError: The folder's job has not ended.
        """
        job = _Job(folder.resolve(), tuple(command), cwd)
        with self._lock:
            if self._find(job.folder) is not None:
                raise ValueError(f"the job in {folder} has not ended; stop it first")
            self._waiting.append(job)
            idle = self._current is None
            if idle:
                self._current = self._waiting.popleft()
        if idle:
            threading.Thread(target=self._work, name="jobs", daemon=True).start()

    def stop(self, folder: Path) -> None:
        """Remove a job from the queue, or end its process within a second. Return at once."""
        with self._lock:
            job = self._find(folder.resolve())
            if job is None:
                return
            job.stopped = True
            if job in self._waiting:
                self._waiting.remove(job)
                job.ended.set()
                return
            process = job.process
        if process is not None:
            threading.Thread(target=_end, args=(process,), daemon=True).start()

    def state(self, folder: Path) -> State:
        """Return the state of a job; "ended" for a job that was never submitted."""
        with self._lock:
            job = self._find(folder.resolve())
            if job is None:
                return "ended"
            return "queued" if job in self._waiting else "running"

    def position(self, folder: Path) -> int:
        """Return the number of jobs before a queued one."""
        with self._lock:
            folders = [job.folder for job in self._waiting]
            return folders.index(folder.resolve()) + 1 if folder.resolve() in folders else 0

    @property
    def busy(self) -> bool:
        """True if a job is queued or running."""
        with self._lock:
            return self._current is not None

    def wait(self, folder: Path, timeout: float) -> bool:
        """Wait until a job has ended; return whether it has."""
        with self._lock:
            job = self._find(folder.resolve())
        return job is None or job.ended.wait(timeout)

    def _find(self, folder: Path) -> _Job | None:
        current = [] if self._current is None else [self._current]
        return next((job for job in (*current, *self._waiting) if job.folder == folder), None)

    def _work(self) -> None:
        """Run queued jobs until the queue is empty."""
        job = self._current
        while job is not None:
            with suppress(OSError):  # After a full disk or a missing program the queue continues.
                self._run(job)
            with self._lock:
                self._current = self._waiting.popleft() if self._waiting else None
                following = self._current
            job.ended.set()
            job = following

    def _run(self, job: _Job) -> None:
        with (job.folder / OUTPUT).open("ab") as output:
            with self._lock:
                if job.stopped:
                    return
                job.process = subprocess.Popen(
                    job.command,
                    cwd=job.cwd,
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    # Ctrl-C in the app's terminal ends the app, which closes the standard input.
                    start_new_session=True,
                )
            job.process.wait()
            if job.process.stdin is not None:
                with suppress(OSError):
                    job.process.stdin.close()


def python_command(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs a module with this Python interpreter."""
    return (sys.executable, "-m", module, *arguments)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Tell a process to stop; kill it and its children if it does not stop in time."""
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return
        time.sleep(0.02)
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
