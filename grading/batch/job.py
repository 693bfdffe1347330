"""One run of the grader on one submission, as a command in a separate process.

A job and its result consist of texts, numbers and contents of files, so that another machine can
run the job.
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
"""Prefix of an argument that stands for a temporary folder for output files."""

MAX_TEXT_CHARACTERS = 20_000
"""Maximum length of the stored end of a command's output, in characters."""

MAX_FILE_BYTES = 50_000_000
"""Maximum size of a result file, in bytes; larger files are dropped."""

TERMINATION_SECONDS = 10.0
"""Time between SIGTERM and SIGKILL, in seconds."""


@dataclass(frozen=True)
class Job:
    """A command to run.

    Attributes:
        command: The program and its arguments.
        folder: The working directory.
        seconds: Time limit in seconds.
        files: The names of the output files to return.
    """

    command: tuple[str, ...]
    folder: str
    seconds: float
    files: tuple[str, ...]


@dataclass(frozen=True)
class JobResult:
    """Result of a job.

    Attributes:
        code: Exit code; the negative number of the signal that ended the process.
        seconds: Duration in seconds.
        text: The end of the output.
        files: Contents of the output files, by name.
        timed_out: True if the process was ended at the time limit.
    """

    code: int
    seconds: float
    text: str
    files: dict[str, bytes]
    timed_out: bool = False


Process: TypeAlias = "subprocess.Popen[bytes]"


def run(job: Job, running: set[Process] | None = None) -> JobResult:
    """Run a job until it ends or reaches its time limit.

    Args:
        job: The job.
        running: Set that contains the process while it runs, so that other threads can end it.
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
            # Output in UTF-8, 100 columns wide, without colours.
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
            # Also on an interrupt of this process.
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
    """End a running process and its children: SIGTERM, then SIGKILL."""
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
