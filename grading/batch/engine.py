"""Grading of the open submissions of a class, in parallel on this machine or on a cluster."""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from grading.batch.commits import commit_time
from grading.batch.digest import digest_of_all, digest_of_grader
from grading.batch.find import Entry
from grading.batch.job import FILES, Job, JobResult, Process, end, run
from grading.batch.store import OUTPUT, PAGE, REPORT, Grade, Outcome, Store
from grading.judge.exit_codes import FAILED, OK, USAGE
from grading.judge.records import RecordError, from_json

START_SECONDS = 120.0
"""Time for start, copies and reports, added to the time limit of a run, in seconds."""

FACTOR = 4.0
"""Time limit of a run as a multiple of its tasks' time; failed checks run twice."""


@dataclass(frozen=True)
class Settings:
    """Options of the grading of a class.

    Attributes:
        root: The root of this repository.
        arguments: Arguments of `grade`: tasks and options, without the submission.
        seconds: Time limit of all tasks together, in seconds.
        program: The command that runs the grader.
        start_seconds: Time added to the limit of the tasks, in seconds.
    """

    root: Path
    arguments: tuple[str, ...]
    seconds: float
    program: tuple[str, ...] = (sys.executable, "-m", "grading", "grade")
    start_seconds: float = START_SECONDS

    def job(self, entry: Entry) -> Job:
        """Return the job that grades a submission."""
        command = (
            *self.program,
            *self.arguments,
            *(part for path in entry.paths for part in ("--submission", str(path.absolute()))),
            "--unpacked",
            FILES,
            "--json",
            f"{FILES}/{REPORT}",
            "--html",
            f"{FILES}/{PAGE}",
        )
        seconds = self.start_seconds + FACTOR * self.seconds
        return Job(command, str(self.root), seconds, (REPORT, PAGE))


class Executor(Protocol):
    """Interface of executors."""

    def submit(self, job: Job) -> "Future[JobResult]":
        """Submit a job."""


class LocalExecutor:
    """Executor of jobs in processes on this machine."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._running: set[Process] = set()

    def submit(self, job: Job) -> "Future[JobResult]":
        """Submit a job, which runs in a separate process."""
        return self._pool.submit(run, job, self._running)

    def stop(self) -> None:
        """End running jobs and cancel waiting ones."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in list(self._running):
            end(process)


@contextmanager
def local_executor(jobs: int) -> Iterator[LocalExecutor]:
    """Provide an executor for the given number of parallel jobs; stop it at the end."""
    with ThreadPoolExecutor(jobs, thread_name_prefix="grade") as pool:
        executor = LocalExecutor(pool)
        try:
            yield executor
        finally:
            # After Ctrl-C, jobs may still run.
            executor.stop()


Progress = Callable[[Entry, Grade, bool], None]
"""Callback with a submission, its grade, and True if the grade is from an earlier run."""


def grade_all(
    entries: Sequence[Entry],
    settings: Settings,
    store: Store,
    executor: Executor,
    progress: Progress,
    at_a_time: int,
) -> dict[str, Grade]:
    """Grade all submissions without a current grade; return all grades by key.

    Args:
        entries: The submissions.
        settings: Options of the grading.
        store: The store of the results, including those of earlier runs.
        executor: The executor of the jobs.
        progress: Callback for each grade.
        at_a_time: Maximum number of submitted jobs.
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
            contents = f"{grader}:{'' if entry.problem else digest_of_all(entry.paths)}"
            known = store.grade(entry.key)
            if entry.problem:
                grade = _with_times(
                    Grade(entry.name, "no submission", contents, reason=entry.problem), entry
                )
                store.keep(entry.key, grade, {})
                grades[entry.key] = grade
                progress(entry, grade, False)
            elif known is not None and known.contents == contents and _is_final(known):
                # The metadata may be newer than the grade.
                grade = _with_times(known, entry)
                if grade != known:
                    store.update(entry.key, grade)
                grades[entry.key] = grade
                progress(entry, grade, True)
            else:
                running[executor.submit(settings.job(entry))] = entry, contents
        finished, _ = wait(running, return_when=FIRST_COMPLETED) if running else ((), ())
        for future in finished:
            entry, contents = running.pop(future)
            grade, files = _outcome(entry, contents, future)
            grade = _with_times(grade, entry)
            store.keep(entry.key, grade, files)
            grades[entry.key] = grade
            progress(entry, grade, False)
    return {entry.key: grades[entry.key] for entry in entries}


def _with_times(grade: Grade, entry: Entry) -> Grade:
    """Return a grade with the submitters and times of a submission."""
    return msgspec.structs.replace(
        grade,
        who=entry.who,
        handed_in=entry.handed_in,
        platform=entry.platform,
        committed="" if entry.problem else commit_time(entry.path),
    )


def _is_final(grade: Grade) -> bool:
    """Return True for a final grade; after an error of the grader, a submission is graded again."""
    return grade.outcome != "grader failed"


def _outcome(
    entry: Entry, contents: str, future: "Future[JobResult]"
) -> tuple[Grade, dict[str, bytes]]:
    """Return the grade of a submission, and the files to keep."""
    try:
        done = future.result()
    except Exception as error:
        # A machine was lost, or could not start a process.
        reason = f"the job was lost: {error}"
        return Grade(entry.name, "grader failed", contents, reason=reason), {}
    files = {**done.files, OUTPUT: done.text.encode()}
    outcome: Outcome = "graded"
    reason = ""
    if done.code == USAGE:
        outcome, reason = "no submission", _last_line(done.text)
    elif done.timed_out:
        outcome, reason = "grader failed", f"not finished within {done.seconds:.0f} s"
    elif done.code not in (OK, FAILED) or not _is_report(files):
        outcome, reason = "grader failed", f"exit code {done.code}: {_last_line(done.text)}"
    grade = Grade(
        name=entry.name,
        outcome=outcome,
        contents=contents,
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
    """Return the last non-empty line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ")[:500] if lines else "no output"
