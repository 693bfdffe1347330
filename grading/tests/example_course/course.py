"""The example course: its hand-ins, their stored reports, and the exports of the platforms.

Hand-ins with the same solution share one report: `evidence` has the reports of one graded run of
all solutions. Only the name of the submission is replaced.
"""

import csv
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from grading.batch.store import REPORT, Grade, Store
from grading.judge.exit_codes import FAILED, OK
from grading.judge.records import Report, from_json, to_json
from grading.paths import ROOT
from grading.reports import html
from grading.tests.example_course.solutions import SEED, SOLUTIONS, TASKS, write_solution

HERE = Path(__file__).parent
EVIDENCE = HERE / "evidence"
POLICIES = ("course.toml", "strict.toml", "kind.toml")

LEARNERS = tuple(f"learner{number:02}" for number in range(1, 31))
PAIRS = {
    "pair1": ("learner25", "learner26"),
    "pair2": ("learner27", "learner28"),
    "pair3": ("learner29", "learner30"),
}

DEADLINE = datetime.fromisoformat("2030-10-08T23:59:00+02:00")

FIRST = ("early", "relu", "map", "is_close", "unfinished", "reduce")
SECOND = ("right", "right", "is_close", "right", "relu", "right")
"""The solutions of the hand-ins, in turn."""

SOLUTION = {"learner08-2": "map", "learner12-2": "relu", "pair2-2": "right", "learner14-2": "early"}
"""The solutions of some hand-ins."""

DELAY = {
    "learner03-2": timedelta(minutes=7),
    "learner05-2": timedelta(hours=5),
    "learner07-2": timedelta(days=2),
    "learner11-2": timedelta(hours=30),
    "learner14-2": timedelta(days=1),
    "learner19-2": timedelta(days=9),
    "pair2-2": timedelta(days=3, hours=1),
}
"""The delays after the deadline; all others are early."""


@dataclass(frozen=True)
class HandedIn:
    """A hand-in of the course.

    Attributes:
        submission: The name of its folder.
        who: The learner or the pair.
        at: The time.
        solution: The name of the solution.
    """

    submission: str
    who: str
    at: datetime
    solution: str


def hand_ins() -> Iterator[HandedIn]:
    """Yield all hand-ins: two of each learner who works alone, and of each pair."""
    alone = [name for name in LEARNERS if all(name not in pair for pair in PAIRS.values())]
    for number, who in enumerate([*alone, *PAIRS]):
        for attempt, solutions in ((1, FIRST), (2, SECOND)):
            name = f"{who}-{attempt}"
            early = timedelta(days=6 - 3 * attempt, hours=number % 20)
            delay = DELAY.get(name)
            at = DEADLINE - early if delay is None else DEADLINE + delay
            solution = SOLUTION.get(name, solutions[number % len(solutions)])
            yield HandedIn(name, who, at, solution)


def write_course(folder: Path) -> None:
    """Write the course to a new folder."""
    folder.mkdir(parents=True)
    for name in POLICIES:
        shutil.copy(HERE / name, folder / name)
    write_submissions(folder / "submissions")
    write_results(folder / "results", folder / "submissions")
    rows = [(each.submission, each.who, each.at.isoformat()) for each in hand_ins()]
    _write(folder / "hand-ins.csv", [("submission", "learner", "time"), *rows])
    roster = [(name, str(5000 + i), str(7700 + i)) for i, name in enumerate(LEARNERS, start=1)]
    _write(folder / "roster.csv", [("learner", "canvas_id", "moodle_id"), *roster])
    (folder / "canvas.csv").write_bytes(canvas_export())
    (folder / "moodle.csv").write_bytes(moodle_export())


def write_submissions(folder: Path) -> None:
    """Write the submissions, one folder for each hand-in."""
    for each in hand_ins():
        write_solution(folder / each.submission, each.solution)


def write_results(folder: Path, submissions: Path) -> None:
    """Write the stored results of the submissions."""
    store = Store(folder)
    store.seed(SEED, SEED)
    reports = {each.solution: evidence(each.solution) for each in hand_ins()}
    for each in hand_ins():
        report = reports[each.solution]
        submission = msgspec.structs.replace(
            report.submission,
            name=each.submission,
            path=str((submissions / each.submission).absolute()),
        )
        report = msgspec.structs.replace(report, submission=submission)
        bad = any(task.status.bad for task in report.tasks)
        grade = Grade(
            each.submission, "graded", "", seconds=report.seconds, code=FAILED * bad or OK
        )
        files = {REPORT: to_json(report), "report.html": html.write(report)}
        store.keep(each.submission, grade, files)


def evidence(solution: str) -> Report:
    """Return the report of a graded solution."""
    return from_json((EVIDENCE / f"{solution}.json").read_bytes())


def grade_solutions() -> None:
    """Grade each solution and store its report."""
    reports = {}
    for name in SOLUTIONS:
        with tempfile.TemporaryDirectory() as folder:
            reports[name] = graded(name, Path(folder))
    # Written last, so that the reports name a commit without changes.
    for name, report in reports.items():
        path = f"/course/submissions/{name}"
        submission = msgspec.structs.replace(report.submission, path=path)
        report = msgspec.structs.replace(report, submission=submission)
        (EVIDENCE / f"{name}.json").write_bytes(to_json(report))


def graded(solution: str, folder: Path) -> Report:
    """Return the report of a run of the grader on a solution, which is written to a folder."""
    tree, file = folder / solution, folder / "report.json"
    write_solution(tree, solution)
    command = [sys.executable, "-m", "grading", "grade", *TASKS, "--no-speed"]
    options = ("--seed", str(SEED), "--submission", str(tree), "--json", str(file))
    subprocess.run([*command, *options], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    return from_json(file.read_bytes())


def canvas_export() -> bytes:
    """Return the gradebook as Canvas exports it, with the marks of another assignment."""
    computed = ["Current Score", "Final Score"]
    header = ["Student", "ID", "SIS Login ID", "Section", "Module 0 (4711)", "Essay (4712)"]
    rows = [
        [*header, *computed],
        ["", "", "", "", "Manual Posting", "", "", ""],
        ["    Points Possible", "", "", "", "100", "10", "(read only)", "(read only)"],
    ]
    for i, name in enumerate(LEARNERS, start=1):
        grade = "55" if i == 2 else "-" if i == 4 else ""
        essay = f"{i % 11}"
        rows.append([f"{name}, student", str(5000 + i), name, "A", grade, essay, "70.5", "70.5"])
    rows.append(["Student, Test", "5099", "f00", "A", "", "", "", ""])
    return _csv(rows, "\n")


def moodle_export() -> bytes:
    """Return the grading worksheet as Moodle exports it, with comments."""
    header = [
        *("Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade"),
        *("Grade can be changed", "Last modified (submission)", "Last modified (grade)"),
        "Feedback comments",
    ]
    rows = [header]
    for i, name in enumerate(LEARNERS, start=1):
        graded = i == 2
        rows.append(
            [
                *(f"Participant {7700 + i}", name, f"{name}@example.org"),
                "Submitted for grading - Graded" if graded else "Submitted for grading",
                *("55.00" if graded else "", "100.00", "Yes"),
                "Tuesday, 8 October 2030, 11:20 PM",
                "Wednesday, 9 October 2030, 9:00 AM" if graded else "-",
                'See me about "relu", please' if graded else "",
            ]
        )
    return b"\xef\xbb\xbf" + _csv(rows, "\r\n")


def _write(path: Path, rows: "list[tuple[str, ...]]") -> None:
    path.write_bytes(_csv([list(row) for row in rows], "\n"))


def _csv(rows: list[list[str]], end: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end).writerows(rows)
    return text.getvalue().encode()
