"""One run of the grader on one submission, as a command: it may end as it likes.

A job holds nothing but texts and numbers, and its outcome nothing but texts, numbers and the
contents of files, so that another machine can run it just as well.
"""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

FILES = "{files}"
"""At the beginning of an argument: the folder for what it writes, which is gone afterwards."""

MAX_TEXT_CHARACTERS = 20_000
"""How much of what a command prints is kept: the end of it, in characters."""

MAX_FILE_BYTES = 50_000_000
"""Bytes. A longer file is left where it is."""

TERMINATION_SECONDS = 10.0
"""Seconds between the request to end and the end."""


@dataclass(frozen=True)
class Job:
    """A command to run.

    Attributes:
        command: The program and its arguments.
        folder: Where it runs.
        seconds: How long it may take.
        files: The names of the files that are wanted of those that it writes.
    """

    command: tuple[str, ...]
    folder: str
    seconds: float
    files: tuple[str, ...]


@dataclass(frozen=True)
class JobResult:
    """What became of a job.

    Attributes:
        code: Its exit code; negative for the signal that ended it.
        seconds: How long it took.
        text: The end of what it printed.
        files: What it wrote.
        timed_out: Whether it was ended because its time was up.
    """

    code: int
    seconds: float
    text: str
    files: dict[str, bytes]
    timed_out: bool = False


Process: TypeAlias = "subprocess.Popen[bytes]"


def run(job: Job, running: set[Process] | None = None) -> JobResult:
    """Run a job to its end, or to the end of its time.

    Args:
        job: What to run.
        running: Holds the process while it runs, so that others can end it.
    """
    running = set() if running is None else running
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mt-grade-") as files, tempfile.TemporaryFile() as text:
        command = [
            files + part.removeprefix(FILES) if part.startswith(FILES) else part
            for part in job.command
        ]
        process = subprocess.Popen(
            command,
            cwd=job.folder,
            stdin=subprocess.DEVNULL,
            stdout=text,
            stderr=subprocess.STDOUT,
            # Text as UTF-8, as wide as a page, and without colours.
            env={**os.environ, "PYTHONUTF8": "1", "COLUMNS": "100", "NO_COLOR": "1"},
            start_new_session=True,
        )
        running.add(process)
        timed_out = False
        try:
            process.wait(job.seconds)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            # Also if this process is interrupted.
            end(process)
            running.discard(process)
        return JobResult(
            code=process.returncode,
            seconds=round(time.monotonic() - began, 2),
            text=_end_of(text),
            files=_read(Path(files), job.files),
            timed_out=timed_out,
        )


def end(process: Process) -> None:
    """End a process with all that it started, unless it has ended: SIGTERM, then SIGKILL."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(TERMINATION_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end_of(text: IO[bytes]) -> str:
    size = text.seek(0, os.SEEK_END)
    text.seek(max(0, size - 4 * MAX_TEXT_CHARACTERS))
    return text.read().decode("utf-8", "replace")[-MAX_TEXT_CHARACTERS:]


def _read(folder: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    found = {}
    for name in names:
        path = folder / name
        if path.is_file() and path.stat().st_size <= MAX_FILE_BYTES:
            found[name] = path.read_bytes()
    return found
