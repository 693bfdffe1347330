"""What is left to do of a class, done: here or on a cluster, several submissions at a time."""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from grading.batch.digest import digest_of, digest_of_grader
from grading.batch.find import Entry
from grading.batch.job import FILES, Job, JobResult, Process, end, run
from grading.batch.store import OUTPUT, Grade, Outcome, Store
from grading.judge.exit_codes import FAILED, OK, USAGE
from grading.judge.records import RecordError, from_json

REPORT = "report.json"
PAGE = "report.html"

START_SECONDS = 120.0
"""What a run may take beyond the time of its tasks: to start, to copy, to write reports."""

FACTOR = 4.0
"""How many times the time of its tasks a run may take: checks that fail are repeated."""


@dataclass(frozen=True)
class Settings:
    """How a class is graded.

    Attributes:
        root: The root of this repository.
        arguments: What `grade` is asked for: tasks and options, without the submission.
        seconds: How long all of its tasks may take together.
        program: What runs the grader.
        start_seconds: What it may take beyond the time of the tasks.
    """

    root: Path
    arguments: tuple[str, ...]
    seconds: float
    program: tuple[str, ...] = (sys.executable, "-m", "grading", "grade")
    start_seconds: float = START_SECONDS

    def job(self, entry: Entry) -> Job:
        """Return the command that grades a submission."""
        command = (
            *self.program,
            *self.arguments,
            "--submission",
            str(entry.path.absolute()),
            "--json",
            f"{FILES}/{REPORT}",
            "--html",
            f"{FILES}/{PAGE}",
        )
        seconds = self.start_seconds + FACTOR * self.seconds
        return Job(command, str(self.root), seconds, (REPORT, PAGE))


class Executor(Protocol):
    """What runs jobs."""

    def submit(self, job: Job) -> "Future[JobResult]":
        """Have a job run."""


class LocalExecutor:
    """This machine as an executor of jobs."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._running: set[Process] = set()

    def submit(self, job: Job) -> "Future[JobResult]":
        """Have a job run in a process of its own."""
        return self._pool.submit(run, job, self._running)

    def stop(self) -> None:
        """End what runs, and begin nothing that waits."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in list(self._running):
            end(process)


@contextmanager
def local_executor(jobs: int) -> Iterator[LocalExecutor]:
    """Run so many jobs at a time on this machine."""
    with ThreadPoolExecutor(jobs, thread_name_prefix="grade") as pool:
        executor = LocalExecutor(pool)
        try:
            yield executor
        finally:
            # After Ctrl-C there is something to stop.
            executor.stop()


Progress = Callable[[Entry, Grade, bool], None]
"""Called with every submission, what became of it, and whether that was known before."""


def grade_all(
    entries: Sequence[Entry],
    settings: Settings,
    store: Store,
    executor: Executor,
    progress: Progress,
    at_a_time: int,
) -> dict[str, Grade]:
    """Grade every submission that is not graded yet; return what became of all, by key.

    Args:
        entries: The submissions.
        settings: How they are graded.
        store: Where the results are, and those of an earlier run.
        executor: Who runs the jobs.
        progress: Who looks on.
        at_a_time: How many jobs are handed out before one is done.
    """
    grader = digest_of_grader(settings.root, settings.arguments)
    grades: dict[str, Grade] = {}
    left = iter(entries)
    running: dict[Any, tuple[Entry, str]] = {}
    more = True
    while more or running:
        while more and len(running) < at_a_time:
            entry = next(left, None)
            if entry is None:
                more = False
                break
            contents = f"{grader}:{'' if entry.problem else digest_of(entry.path)}"
            known = store.grade(entry.key)
            if entry.problem:
                grade = Grade(
                    entry.name, "no submission", contents, who=entry.who, reason=entry.problem
                )
                store.keep(entry.key, grade, {})
                grades[entry.key] = grade
                progress(entry, grade, False)
            elif known is not None and known.contents == contents and _is_final(known):
                grades[entry.key] = known
                progress(entry, known, True)
            else:
                running[executor.submit(settings.job(entry))] = entry, contents
        finished, _ = wait(running, return_when=FIRST_COMPLETED) if running else ((), ())
        for future in finished:
            entry, contents = running.pop(future)
            grade, files = _outcome(entry, contents, future)
            store.keep(entry.key, grade, files)
            grades[entry.key] = grade
            progress(entry, grade, False)
    return {entry.key: grades[entry.key] for entry in entries}


def _is_final(grade: Grade) -> bool:
    """Return whether a grade stands; what the grader failed at, it tries again."""
    return grade.outcome != "grader failed"


def _outcome(
    entry: Entry, contents: str, future: "Future[JobResult]"
) -> tuple[Grade, dict[str, bytes]]:
    """Return what became of a submission, and the files to keep."""
    try:
        done = future.result()
    except Exception as error:
        # A machine that was lost, or one that could not start a process.
        reason = f"the job was lost: {error}"
        return Grade(entry.name, "grader failed", contents, entry.who, reason), {}
    files = {**done.files, OUTPUT: done.text.encode()}
    outcome: Outcome = "graded"
    reason = ""
    if done.code == USAGE:
        outcome, reason = "no submission", _last_line(done.text)
    elif done.timed_out:
        outcome, reason = "grader failed", f"no end within {done.seconds:.0f} s"
    elif done.code not in (OK, FAILED) or not _is_report(files):
        outcome, reason = "grader failed", f"exit code {done.code}: {_last_line(done.text)}"
    grade = Grade(
        name=entry.name,
        outcome=outcome,
        contents=contents,
        who=entry.who,
        reason=reason,
        seconds=done.seconds,
        code=done.code,
    )
    return grade, files


def _is_report(files: dict[str, bytes]) -> bool:
    try:
        from_json(files[REPORT])
    except (KeyError, RecordError):
        return False
    return True


def _last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ")[:500] if lines else "it said nothing"
