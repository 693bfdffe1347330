"""Deadlines, extensions and deductions, and the times of hand-ins."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from math import isclose
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.batch.commits import commit_time
from grading.batch.find import find_submissions
from grading.batch.store import Grade, Outcome, Store
from grading.judge.records import to_json
from grading.policy.deadlines import Lateness, deadline_of, deduction, lateness
from grading.policy.hand_ins import HandIn, find_hand_ins, parsed_time
from grading.policy.load import PolicyError
from grading.policy.marks import mark_class, mark_one
from grading.policy.model import Deadline, Extension, Late, Pair, Policy
from grading.tasks.table import table
from grading.tests.policy.rules import REPORTS, course

AT = datetime(2030, 10, 8, 22, 0, tzinfo=UTC)
RULE = '[deadline]\nat = 2030-10-08T22:00:00Z\n[late]\nper = "day"\npercent = 10\n'


def policy(late: Late | None = None, grace: float = 0.0, *extensions: Extension) -> Policy:
    return Policy(
        version=1,
        name="test",
        deadline=Deadline(at=AT, grace_minutes=grace),
        late=late,
        extensions=extensions,
        pairs=(Pair(name="p", members=("a", "b")),),
    )


@given(seconds=st.integers(-(10**6), 10**6), grace=st.integers(0, 120))
def test_each_started_hour_counts(seconds: int, grace: int) -> None:
    """The oracle counts hours in a loop."""
    found = lateness(
        policy(Late(per="hour", percent=1.0), grace), "a", AT + timedelta(seconds=seconds)
    )
    hours = 0
    while seconds > 60 * grace and hours * 3600 < seconds:
        hours += 1
    assert (found.units, found.unit) == (hours, "hour")


@given(
    earned=st.integers(0, 40),
    units=st.integers(0, 50),
    percent=st.integers(0, 100),
    most=st.integers(0, 100),
    of=st.sampled_from(["earned", "possible"]),
)
def test_a_deduction_takes_at_most_the_earned_points(
    earned: int, units: int, percent: int, most: int, of: str
) -> None:
    rule = Late(per="day", percent=percent, at_most_percent=most, of=of)  # type: ignore[arg-type]
    lost = deduction(rule, Lateness(units, "day"), earned, 40.0)
    basis = earned if of == "earned" else 40
    assert 0.0 <= lost <= earned
    assert isclose(lost, min(units * percent, most) * basis / 100, abs_tol=1e-9) or lost == earned


def test_deductions_in_points_and_without_a_rule() -> None:
    assert deduction(Late(per="day", points=2.0), Lateness(3, "day"), 10.0, 20.0) == 6.0
    assert deduction(Late(per="day", points=2.0), Lateness(9, "day"), 10.0, 20.0) == 10.0
    assert deduction(None, Lateness(3, "day"), 10.0, 20.0) == 0.0


def test_extensions_of_learners_and_pairs() -> None:
    later = [AT + timedelta(days=days) for days in (1, 2)]
    rules = policy(
        None, 0.0, Extension(who="p", until=later[0]), Extension(who="b", until=later[1])
    )
    assert [deadline_of(rules, who) for who in "abc"] == [later[0], later[1], AT]
    assert lateness(rules, "a", AT + timedelta(days=1, hours=1)).text == "1 day late"
    assert lateness(rules, "b", AT + timedelta(days=1, hours=1)).text == ""


def test_the_last_moment_moves_with_an_extension() -> None:
    last = AT + timedelta(days=3)
    rule = Late(per="day", percent=10.0, until=last)
    rules = policy(rule, 0.0, Extension(who="a", until=AT + timedelta(days=2)))
    at = last + timedelta(days=1)
    assert lateness(rules, "a", at) == Lateness(2, "day")
    assert lateness(rules, "c", at) == Lateness(4, "day", counts=False)


def test_times_of_files() -> None:
    assert parsed_time("2030-10-08T23:59:00+02:00", "", "x").astimezone(UTC).hour == 21
    assert parsed_time("2030-10-08 23:59", "Europe/Berlin", "x").astimezone(UTC).hour == 21
    assert parsed_time("2030-12-08 23:59", "Europe/Berlin", "x").astimezone(UTC).hour == 22
    with pytest.raises(PolicyError, match=r"f:3: '2030-10-08 23:59' has no offset .* zone ="):
        parsed_time("2030-10-08 23:59", "", "f:3")
    for text in ("yesterday", "2030-10-08", "20301008"):
        with pytest.raises(PolicyError, match=f"'{text}' is not a time"):
            parsed_time(text, "Europe/Berlin", "f:3")


class Results:
    """A folder with stored reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "results")
        self.store.seed(18, 18)

    def add(
        self,
        name: str,
        solution: str | None,
        who: str = "",
        handed_in: str = "",
        committed: str = "",
    ) -> None:
        """Add a hand-in; without a solution, the grader failed on it."""
        outcome: Outcome = "graded" if solution else "grader failed"
        reason = "" if solution else "exit code 3"
        grade = Grade(name, outcome, "", who, reason, handed_in=handed_in, committed=committed)
        content = {"report.json": to_json(REPORTS[solution])} if solution else {}
        self.store.keep(name, grade, content)

    def marks(self, text: str, rows: str = "") -> dict[str, tuple[float | None, str, str]]:
        """Return mark, hand-in and remark of each learner."""
        if rows:
            (self.folder / "hand-ins.csv").write_text(rows, encoding="utf-8")
        made = course(self.folder, text)
        found = mark_class(made, self.store, table(), AT + timedelta(days=90))
        return {e.mark.learner: (e.mark.points, e.mark.hand_in, e.mark.reason) for e in found}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path)


CSV = '[hand_ins]\ntimes = "csv"\nfile = "hand-ins.csv"\n'
HEADER = "submission,learner,time\n"


def test_the_latest_or_the_best_hand_in(results: Results) -> None:
    results.add("a1", "right")
    results.add("a2", "early")
    # Not in the order of the names: the time counts.
    rows = f"{HEADER}a1,a,2030-10-02T00:00:00Z\na2,a,2030-10-03T00:00:00Z\n"
    assert results.marks(CSV, rows)["a"] == (9.33, "a2", "")
    assert results.marks(f'{CSV}count = "best"\n', rows)["a"] == (20.0, "a1", "")
    rows = f"{HEADER}a1,a,2030-10-04T00:00:00Z\na2,a,2030-10-03T00:00:00Z\n"
    assert results.marks(CSV, rows)["a"] == (20.0, "a1", "")


def test_the_best_hand_in_is_that_after_the_deduction(results: Results) -> None:
    results.add("a1", "relu")
    results.add("a2", "right")
    rows = f"{HEADER}a1,a,2030-10-08T21:00:00Z\na2,a,2030-10-09T21:00:00Z\n"
    assert results.marks(f'{RULE}{CSV}count = "best"\n', rows)["a"] == (19.0, "a1", "")
    assert results.marks(RULE + CSV, rows)["a"] == (18.0, "a2", "")


def test_an_ungraded_hand_in_is_no_zero(results: Results) -> None:
    results.add("a1", "right")
    results.add("a2", None)
    rows = f"{HEADER}a1,a,2030-10-02T00:00:00Z\na2,a,2030-10-03T00:00:00Z\n"
    points, hand_in, reason = results.marks(CSV, rows)["a"]
    assert (points, hand_in) == (None, "a2")
    assert reason == "not graded: grader failed: exit code 3"
    # A hand-in that nobody has graded yet, too.
    rows += "a3,a,2030-10-04T00:00:00Z\n"
    assert results.marks(CSV, rows)["a"] == (None, "a3", "not graded: was not graded")


@pytest.mark.parametrize(("rule", "mark"), [("open", None), ("zero", 0.0)])
def test_a_learner_without_a_hand_in(rule: str, mark: float | None, results: Results) -> None:
    results.add("a1", "right")
    (results.folder / "roster.csv").write_text("learner\na\nb\n", encoding="utf-8")
    rows = f"{HEADER}a1,a,2030-10-20T00:00:00Z\n"
    until = "until = 2030-10-10T00:00:00Z\n"
    text = f'{RULE}{until}{CSV}nothing = "{rule}"\n[roster]\nfile = "roster.csv"\n'
    marks = results.marks(text, rows)
    assert marks["a"] == (mark, "", "every hand-in was too late")
    assert marks["b"] == (mark, "", "nothing was handed in")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("submission,who,time\na1,a,2030-10-02T00:00:00Z\n", "has no column 'learner'; it has"),
        (f"{HEADER}a1,a,2nd of October\n", "hand-ins.csv:2: time: '2nd of October' is not a time"),
        (
            f"{HEADER}a1,a,2030-10-02T00:00:00Z\na1,b,2030-10-02T00:00:00Z\n",
            ":3: 'a1' is in line 2",
        ),
        (f"{HEADER}a1,,2030-10-02T00:00:00Z\n", "hand-ins.csv:2: the learner of 'a1' is empty"),
        (f"{HEADER}a9,a,2030-10-02T00:00:00Z\n", "has no row for 'a1'"),
        ("submission,learner,time,time\na1,a,,\n", r"hand_ins\.time: .*has 2 columns 'time'"),
    ],
)
def test_errors_in_the_file_of_hand_ins(rows: str, message: str, results: Results) -> None:
    results.add("a1", "right")
    with pytest.raises(PolicyError, match=message):
        results.marks(CSV, rows)


def test_files_that_a_spreadsheet_has_saved(results: Results) -> None:
    """Semicolons, a byte order mark, and rows of empty cells."""
    results.add("a1", "right")
    row = "a1,a,2030-10-02T00:00:00Z\n"
    expected = results.marks(CSV, HEADER + row)
    text = f"\ufeff{HEADER}{row},,\n".replace(",", ";").replace("\n", "\r\n")
    assert results.marks(CSV, text) == expected
    (results.folder / "hand-ins.csv").write_bytes("submission;learner;Übung\n".encode("latin-1"))
    with pytest.raises(PolicyError, match=r"is not UTF-8 \(.* at byte 19\); save it as CSV"):
        results.marks(CSV)


def test_unknown_names(results: Results) -> None:
    results.add("learner1", "right")
    (results.folder / "roster.csv").write_text("learner\nlearner1\n", encoding="utf-8")
    rows = f"{HEADER}learner1,learner1,2030-10-02T00:00:00Z\n"
    extension = '[[extension]]\nwho = "lerner1"\nuntil = 2030-11-01T00:00:00Z\n'
    with pytest.raises(PolicyError, match=r"extension\[0\]\.who: .*did you mean 'learner1'\?"):
        results.marks(f"{RULE}{CSV}{extension}", rows)
    rows = f"{HEADER}learner1,lerner1,2030-10-02T00:00:00Z\n"
    with pytest.raises(
        PolicyError, match=r"who is not in the roster; add a row .*; did you mean 'learner1'\?"
    ):
        results.marks(f'{CSV}[roster]\nfile = "roster.csv"\n', rows)


def test_a_deadline_needs_times(results: Results) -> None:
    results.add("a1", "right")
    with pytest.raises(PolicyError, match=r"course\.toml:3: deadline: .* \[hand_ins\] with times"):
        results.marks(RULE)
    assert results.marks("")["a1"] == (20.0, "a1", "")


def test_tasks_that_were_not_graded(results: Results) -> None:
    results.add("a1", "right")
    with pytest.raises(PolicyError, match=r"tasks\[0\]: .* grade the class with task1_1"):
        results.marks('tasks = ["task1_1"]\n')


def test_times_of_the_platform(results: Results) -> None:
    """Gradescope's export names time and submitters of each folder."""
    batch = results.folder / "export"
    (batch / "submission_1").mkdir(parents=True)
    (batch / "submission_metadata.yml").write_text(
        "submission_1:\n  :submitters:\n  - :name: x\n    :email: a@example.org\n"
        "  - :email: b@example.org\n  :created_at: 2030-10-09 12:00:00.5 +02:00\n",
        encoding="utf-8",
    )
    (entry,) = find_submissions(batch)
    results.add("submission_1", "right", who=entry.who, handed_in=entry.handed_in)
    marks = results.marks(f'{RULE}[hand_ins]\ntimes = "platform"\n')
    assert marks == {f"{who}@example.org": (18.0, "submission_1", "") for who in "ab"}


def test_the_time_of_a_commit_counts_only_if_the_policy_says_so(results: Results) -> None:
    results.add("a1", "right", committed="2030-10-01T00:00:00+00:00")
    results.add("b1", "right", committed="")
    with pytest.raises(PolicyError, match=r"b1 has no git commit; use times = \"csv\""):
        results.marks(f'{RULE}[hand_ins]\ntimes = "commit"\n')
    with pytest.raises(PolicyError, match="a1 has no time in the platform's metadata"):
        results.marks(f'{RULE}[hand_ins]\ntimes = "platform"\n')
    results.add("b1", "right", committed="2030-10-09T00:00:00+00:00")
    marks = results.marks(f'{RULE}[hand_ins]\ntimes = "commit"\n')
    assert {who: mark[0] for who, mark in marks.items()} == {"a1": 20.0, "b1": 18.0}


def test_a_commit_is_read_without_the_configuration_of_its_repository(tmp_path: Path) -> None:
    folder, trap = tmp_path / "work", tmp_path / "trap"
    folder.mkdir()
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/executed\n", encoding="utf-8")
    trap.chmod(0o755)
    date = "2030-10-01T12:00:00+0200"
    author = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a", "GIT_AUTHOR_DATE": date}
    committer = {key.replace("AUTHOR", "COMMITTER"): value for key, value in author.items()}

    def git(*arguments: str) -> None:
        environment = {**os.environ, **author, **committer}
        subprocess.run(["git", *arguments], cwd=folder, check=True, env=environment)

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "work")
    assert commit_time(folder) == "2030-10-01T12:00:00+02:00"
    for key in ("core.fsmonitor", "core.sshCommand", "gpg.program", "core.pager", "core.hooksPath"):
        git("config", key, str(trap))
    git("config", "extensions.partialClone", "origin")
    git("config", "remote.origin.url", f"ext::{trap}")
    (tmp_path / "executed").unlink(missing_ok=True)
    assert commit_time(folder) == "2030-10-01T12:00:00+02:00"
    (folder / ".git" / "HEAD").write_text("ref: refs/../../../outside\n", encoding="utf-8")
    assert commit_time(folder) == ""
    (folder / ".git" / "HEAD").write_text("0" * 40 + "\n", encoding="utf-8")
    assert commit_time(folder) == ""
    assert not (tmp_path / "executed").exists()
    assert commit_time(tmp_path) == ""


def test_a_single_submission_under_a_policy(tmp_path: Path) -> None:
    made = course(tmp_path, f'{RULE}[hand_ins]\ntimes = "platform"\n')
    at = AT + timedelta(hours=1)
    marked = mark_one(made, table(), REPORTS["right"], "a", at, AT + timedelta(days=2))
    assert (marked.mark.points, marked.mark.late, marked.mark.deducted) == (18.0, "1 day late", 2.0)


def test_a_class_that_was_not_graded(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="has no results; `hatch run grade --batch"):
        find_hand_ins(course(tmp_path, ""), Store(tmp_path / "results"))


def test_pairs_hand_in_under_their_name_or_a_members(results: Results) -> None:
    for name in ("p-1", "b-2"):
        results.add(name, "right")
    rows = f"{HEADER}p-1,p,2030-10-01T00:00:00Z\nb-2,b,2030-10-02T00:00:00Z\n"
    pair = '[[pair]]\nname = "p"\nmembers = ["a", "b"]\n'
    assert {who: mark[1] for who, mark in results.marks(CSV + pair, rows).items()} == {
        "a": "b-2",
        "b": "b-2",
    }
    found = find_hand_ins(course(results.folder, CSV + pair), results.store)
    assert all(isinstance(each, HandIn) and each.learners == ("a", "b") for each in found)
