"""The example course: graded once, marked under three policies, exported and read back."""

import csv
import io
import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grading.cli import main
from grading.judge.exit_codes import FAILED, OK, USAGE
from grading.judge.records import Mark
from grading.judge.version import grader_commit
from grading.policy.load import load
from grading.policy.pseudonyms import replace_names, without_names
from grading.tasks.table import table
from grading.tests.example_course.course import (
    DEADLINE,
    LEARNERS,
    PAIRS,
    evidence,
    graded,
    hand_ins,
    write_course,
)
from grading.tests.policy.importers import CanvasCourse, MoodleAssignment

AFTER = "2030-11-01T00:00:00+01:00"
BEFORE = "2030-10-01T00:00:00+02:00"

POINTS = {
    # Earned and judged points under `course.toml`: `reduce` has 4 points, and the threshold of
    # `is_close` is advice. Without a policy, `class.csv` of the graded run has 7 of 15, 19 of 20 …
    "early": (7, 17),
    "is_close": (21, 22),
    "map": (18, 20),
    "reduce": (15, 19),
    "relu": (21, 22),
    "right": (22, 22),
    "unfinished": (18, 20),
}

DAYS = {"learner05": 1, "learner11": 2, "learner14": 1, "learner27": 1, "learner28": 1}
"""Started days after each learner's own deadline: pair2 is extended by three days."""


@pytest.fixture(scope="module")
def written_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example course, without its submissions: marks need only their reports."""
    folder = tmp_path_factory.mktemp("example") / "course"
    write_course(folder)
    shutil.rmtree(folder / "submissions")
    return folder


@pytest.fixture
def course(written_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the course, on a machine on which no process can be started."""
    shutil.copytree(written_course, tmp_path / "course")
    grader_commit()

    def refuse(*arguments: Any, **more: Any) -> None:
        raise AssertionError(f"a process was started: {arguments}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr("grading.judge.run.judge", refuse)
    monkeypatch.setattr("grading.isolation.process.subprocess.Popen", refuse)
    return tmp_path / "course"


def regrade(course: Path, policy: str, *options: str, at: str = AFTER) -> int:
    folder = str(course / f"marks-{policy}")
    file = str(course / f"{policy}.toml")
    given = ("--policy", file, "--marks", folder, "--at", at)
    return main(["regrade", str(course / "results"), *given, *options])


def rows(file: Path) -> dict[str, dict[str, str]]:
    text = file.read_text(encoding="utf-8-sig")
    return {row["learner"]: row for row in csv.DictReader(io.StringIO(text))}


def solution_of(learner: str, attempt: int) -> str:
    who = next((pair for pair, members in PAIRS.items() if learner in members), learner)
    return next(each.solution for each in hand_ins() if each.submission == f"{who}-{attempt}")


def expected(learner: str) -> float:
    """Return the mark under `course.toml`, computed by hand from the table above."""
    # Nine days late is too late; the first hand-in counts.
    attempt = 1 if learner == "learner19" else 2
    earned, judged = POINTS[solution_of(learner, attempt)]
    return round(100 * earned / judged * (1 - 0.1 * DAYS.get(learner, 0)), 2)


def canvas_before() -> CanvasCourse:
    users = {
        str(5000 + i): {"SIS Login ID": name, "name": f"{name}, student"}
        for i, name in enumerate(LEARNERS, start=1)
    }
    users["5099"] = {"SIS Login ID": "f00", "name": "Student, Test"}
    canvas = CanvasCourse(users, {"4711": ("Module 0", 100.0), "4712": ("Essay", 10.0)})
    canvas.grades = {(str(5000 + i), "4712"): f"{i % 11:.2f}" for i in range(1, 31)}
    canvas.grades["5002", "4711"] = "55.00"
    return canvas


def moodle_before() -> MoodleAssignment:
    numbers = [str(7700 + i) for i in range(1, 31)]
    moodle = MoodleAssignment(100.0, dict.fromkeys(numbers))
    moodle.grades["7702"] = 55.0
    moodle.modified["7702"] = datetime(2030, 10, 9, 9, 0)
    moodle.comments = {**dict.fromkeys(numbers, ""), "7702": 'See me about "relu", please'}
    return moodle


def test_marks_of_the_example(course: Path) -> None:
    assert regrade(course, "course") == OK
    marks = rows(course / "marks-course" / "marks.csv")
    assert list(marks) == list(LEARNERS)
    assert {name: float(row["mark"]) for name, row in marks.items()} == {
        name: expected(name) for name in LEARNERS
    }
    assert marks["learner07"]["late"] == ""
    assert marks["learner05"]["late"] == "1 day late"
    assert marks["learner03"]["late"] == "", "seven minutes are within the grace"


def test_three_policies_without_running_anything(course: Path) -> None:
    for policy in ("course", "strict", "kind"):
        assert regrade(course, policy) == OK
    strict = rows(course / "marks-strict" / "marks.csv")
    kind = rows(course / "marks-kind" / "marks.csv")
    # Task 0.1 is all or nothing: 10 of 20 points, less 2 of 100 for a started hour.
    assert (strict["learner03"]["mark"], strict["learner03"]["0.1"]) == ("48", "0")
    # Five of ten groups earn nothing of 48 hours late: at most 60 of 100 points are deducted.
    assert (strict["learner07"]["mark"], strict["learner07"]["deducted"]) == ("40", "60")
    # An excused group leaves the mark open.
    assert solution_of("learner08", 2) == "map"
    assert strict["learner08"]["mark"] == ""
    assert strict["learner08"]["remark"] == "2 of 20 points were not judged"
    # The best of two hand-ins, and points for each of the three checks of `relu`.
    assert solution_of("learner08", 1) == "relu"
    assert (kind["learner08"]["hand_in"], kind["learner08"]["late"]) == ("learner08-1", "")
    assert float(kind["learner08"]["earned"]) == 19 and kind["learner08"]["possible"] == "21"


def test_canvas_reads_the_filled_gradebook(course: Path) -> None:
    file = course / "canvas.csv"
    original = file.read_bytes()
    canvas = canvas_before()
    canvas.upload(original)
    assert canvas.changes == [], "the export of the example is that of this gradebook"
    main(_override(course, "learner20", "excused", "hardship"))
    assert regrade(course, "course", "--into", str(file)) == OK
    canvas.upload(file.read_bytes())
    assert (canvas.new_assignments, canvas.missing_students) == ([], [])
    assert {assignment for _, assignment, _, _ in canvas.changes} == {"4711"}
    marks = {name: f"{expected(name):.2f}" for name in LEARNERS} | {"learner20": "EX"}
    by_id = {str(5000 + i): marks[name] for i, name in enumerate(LEARNERS, start=1)}
    assert {u: g for (u, a), g in canvas.grades.items() if a == "4711"} == by_id
    assert (course / "canvas.csv.original").read_bytes() == original


def test_moodle_reads_the_filled_worksheet(course: Path) -> None:
    file = course / "moodle.csv"
    moodle = moodle_before()
    before = dict(moodle.comments)
    moodle.upload(file.read_bytes())
    assert moodle.changes == []
    moodle.skipped.clear()
    main(_override(course, "learner20", "excused", "hardship"))
    assert regrade(course, "course", "--into", str(file)) == OK
    moodle.upload(file.read_bytes())
    marks: dict[str, float | None] = {
        str(7700 + i): expected(name) for i, name in enumerate(LEARNERS, start=1)
    }
    # The worksheet cannot excuse: the cell stays blank, which leaves the grade alone.
    marks["7720"] = None
    assert moodle.grades == marks
    assert moodle.skipped == {"7720": "empty"}
    assert moodle.comments == before


def test_marks_that_are_open_leave_grades_alone(course: Path) -> None:
    """Learners 8 and 14 have no mark under `strict.toml`; in Canvas, a blank clears a score."""
    for name, column, identifier in (("canvas", "Module 0 (4711)", 1), ("moodle", "Grade", 0)):
        file = course / f"{name}.csv"
        table_ = [*csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline=""))]
        at = table_[0].index(column)
        row = next(r for r in table_ if r[identifier] in ("5008", "Participant 7708"))
        row[at] = "31"
        text = io.StringIO(newline="")
        csv.writer(text).writerows(table_)
        file.write_bytes(text.getvalue().encode())
    canvas, moodle = canvas_before(), moodle_before()
    canvas.grades["5008", "4711"] = "31.00"
    moodle.grades["7708"] = 31.0
    files = [str(course / "canvas.csv"), str(course / "moodle.csv")]
    assert regrade(course, "strict", "--into", files[0], "--into", files[1]) == OK
    canvas.upload(Path(files[0]).read_bytes())
    moodle.upload(Path(files[1]).read_bytes())
    assert canvas.grades["5008", "4711"] == "31.00"
    assert moodle.grades["7708"] == 31.0
    assert ("5014", "4711") not in canvas.grades
    assert moodle.grades["7714"] is None


def test_a_new_export_has_an_original_of_its_own(course: Path) -> None:
    file = course / "canvas.csv"
    first = file.read_bytes()
    assert regrade(course, "course", "--into", str(file)) == OK
    filled = file.read_bytes()
    assert regrade(course, "course", "--into", str(file)) == OK
    # The next week, the instructor downloads the gradebook again, with another column changed.
    second = first.replace(b"70.5", b"71.5")
    file.write_bytes(second)
    assert regrade(course, "course", "--into", str(file)) == OK
    assert (course / "canvas.csv.original").read_bytes() == first
    assert (course / "canvas.csv.original-2").read_bytes() == second
    # The filled file of that export, and the first export once more, need no further copy.
    for content in (file.read_bytes(), first):
        file.write_bytes(content)
        assert regrade(course, "course", "--into", str(file)) == OK
    assert file.read_bytes() == filled
    copies = sorted(each.name for each in course.glob("canvas.csv.original*"))
    assert copies == ["canvas.csv.original", "canvas.csv.original-2"]


def test_all_exports_are_checked_before_one_is_written(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = course / "canvas.csv", course / "notes.csv"
    bad.write_text("a,b\n1,2\n")
    before = good.read_bytes()
    assert regrade(course, "course", "--into", str(good), "--into", str(bad)) == USAGE
    assert "notes.csv" in capsys.readouterr().err
    assert good.read_bytes() == before
    assert not (course / "canvas.csv.original").exists()


@pytest.mark.parametrize("name", ["canvas", "moodle"])
def test_only_grade_cells_change(name: str, course: Path) -> None:
    file = course / f"{name}.csv"
    before = file.read_bytes()
    assert regrade(course, "course", "--into", str(file)) == OK
    after = file.read_bytes()
    old_lines, new_lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    assert len(old_lines) == len(new_lines)
    column = {"canvas": 4, "moodle": 4}[name]
    for old, new in zip(old_lines, new_lines, strict=True):
        assert old.endswith(b"\r\n") == new.endswith(b"\r\n")
        (before_row,), (after_row,) = (csv.reader([line.decode()]) for line in (old, new))
        del before_row[column], after_row[column]
        assert before_row == after_row
    assert after.startswith(b"\xef\xbb\xbf") == before.startswith(b"\xef\xbb\xbf")


def test_a_second_regrade_changes_no_cell(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ("--into", str(course / "canvas.csv"), "--into", str(course / "moodle.csv"))
    regrade(course, "course", *files)
    capsys.readouterr()
    regrade(course, "course", *files)
    assert capsys.readouterr().out.count("0 cells of the column") == 2


def test_exports_name_their_origin(course: Path) -> None:
    file = course / "canvas.csv"
    regrade(course, "course", "--into", str(file))
    checksum = load(course / "course.toml", table()).checksum
    made = json.loads(file.with_name("canvas.csv.made.json").read_text())
    graded_by = evidence("right").grader
    for content in (made, json.loads((course / "marks-course" / "made.json").read_text())):
        assert (content["policy"], content["checksum"]) == ("example course", checksum)
        assert (content["grader"], content["seeds"]) == (grader_commit(), [18])
        assert content["graded_by"] == [graded_by]
        made_at = datetime.fromisoformat(content["made"])
        assert timedelta(0) <= datetime.now(UTC) - made_at < timedelta(minutes=5)
    assert made["changed"]["5005"] == f"{expected('learner05'):g}"
    row = rows(course / "marks-course" / "marks.csv")["learner05"]
    names = ("policy", "checksum", "grader", "graded_by", "seed")
    assert [row[name] for name in names] == [
        *("example course", checksum, grader_commit(), graded_by, "18")
    ]


def _override(course: Path, learner: str, points: str, reason: str, *task: str) -> list[str]:
    return [
        *("grade", *task, "--override", learner, "--out", str(course / "results")),
        *("--policy", str(course / "course.toml"), "--points", points, "--reason", reason),
        *("--by", "instructor"),
    ]


def test_an_override_is_kept_through_regrading(course: Path) -> None:
    assert main(_override(course, "learner12", "88", "explained it orally")) == OK
    for policy in ("course", "strict", "kind"):
        regrade(course, policy)
        folder = course / f"marks-{policy}"
        row = rows(folder / "marks.csv")["learner12"]
        assert row["mark"] == "88"
        assert "instructor at 20" in row["set_by_hand"]
        assert "explained it orally" in row["set_by_hand"]
        for name in ("learner12.json", "learner12.html"):
            text = (folder / "learners" / name).read_text(encoding="utf-8")
            assert "explained it orally" in text and "instructor" in text
    assert main(_override(course, "learner12", "withdrawn", "an error")) == OK
    regrade(course, "course")
    row = rows(course / "marks-course" / "marks.csv")["learner12"]
    assert (float(row["mark"]), row["set_by_hand"]) == (expected("learner12"), "")
    lines = (course / "results" / "overrides.jsonl").read_text().splitlines()
    log = [json.loads(line) for line in lines]
    assert [line["override"]["reason"] for line in log] == ["explained it orally", "an error"]
    assert all(line["override"]["by"] == "instructor" for line in log)


def test_overrides_of_a_group_and_a_task(course: Path) -> None:
    override = _override(course, "learner12", "1", "right, with a typing error", "task0_1")
    assert main([*override, "--group", "relu"]) == OK
    assert solution_of("learner12", 2) == "relu"
    assert main(_override(course, "learner14", "excused", "ill", "task0_3")) == OK
    regrade(course, "course")
    marks = rows(course / "marks-course" / "marks.csv")
    assert (marks["learner12"]["0.1"], marks["learner12"]["mark"]) == ("10", "100")
    # Task 0.1 alone is judged: 7 of 10 points, one day late.
    assert (marks["learner14"]["0.3"], marks["learner14"]["mark"]) == ("", "63")


def test_an_override_that_a_policy_cannot_apply_is_reported(course: Path) -> None:
    override = _override(course, "learner12", "1", "a reason", "task0_1")
    assert main([*override, "--group", "relu"]) == OK
    regrade(course, "strict")
    row = rows(course / "marks-strict" / "marks.csv")["learner12"]
    assert "0.1 relu have no effect under this policy" in row["remark"]


def test_an_override_of_a_learner_who_has_left(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(_override(course, "learner12", "88", "explained it")) == OK
    for name in ("roster.csv", "hand-ins.csv"):
        file = course / name
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(line for line in lines if "learner12" not in line))
    for attempt in (1, 2):
        shutil.rmtree(course / "results" / f"learner12-{attempt}")
    capsys.readouterr()
    assert regrade(course, "course") == USAGE
    assert "--override learner12 --points withdrawn" in capsys.readouterr().err
    assert main(_override(course, "learner12", "withdrawn", "left the course")) == OK
    assert regrade(course, "course") == OK
    assert "learner12" not in rows(course / "marks-course" / "marks.csv")


def test_reports_without_names(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(_override(course, "learner12", "88", "learner12 explained it orally"))
    capsys.readouterr()
    assert regrade(course, "course", "--no-names") == OK
    shown = capsys.readouterr().out
    folder = course / "marks-course"
    texts = [shown.replace(str(course), "")]
    texts += [file.read_text(encoding="utf-8-sig") for file in folder.rglob("*") if file.is_file()]
    texts += [str(file.relative_to(folder)) for file in folder.rglob("*")]
    assert len(texts) > 60
    for name in (*LEARNERS, *PAIRS, "5012", "7712", str(course)):
        assert not any(name in text for text in texts), name
    marks = rows(folder / "marks.csv")
    assert sorted(row["mark"] for row in marks.values()) == sorted(
        "88" if name == "learner12" else f"{expected(name):g}" for name in LEARNERS
    )
    numbers = {row["hand_in"]: name for name, row in marks.items()}
    assert regrade(course, "course", "--no-names") == OK
    again = rows(folder / "marks.csv")
    assert {row["hand_in"]: name for name, row in again.items()} == numbers


def test_ids_that_are_also_other_numbers(course: Path) -> None:
    """Canvas' ids 01 to 30 and Moodle's ids from 2001 are lines, days and years in reports."""
    assert regrade(course, "course", "--no-names") == OK
    files = sorted((course / "marks-course" / "learners").glob("*.json"))
    before = [json.loads(file.read_text()) for file in files]
    roster = course / "roster.csv"
    roster.write_text(roster.read_text().replace(",50", ",").replace(",77", ",20"))
    assert "learner12,12,2012" in roster.read_text()
    assert regrade(course, "course", "--no-names") == OK
    for file, old in zip(files, before, strict=True):
        new = json.loads(file.read_text())
        assert new["tasks"] == old["tasks"]
        datetime.fromisoformat(new["mark"]["marked"])
        assert new["mark"]["deadline"] == old["mark"]["deadline"]


@pytest.mark.parametrize("name", ["a", "12", "1234567", "Doe"])
def test_names_in_fields_and_texts(name: str) -> None:
    text = "3 of 12 lines, 0.1234567, 2012-12-01, a value"
    mark = Mark("p", "c", "g", "m", 10.0, reason=f"{text}; {name}", learner=name, hand_in=name)
    found = replace_names(mark, {name: "person-001"})
    assert (found.learner, found.hand_in) == ("person-001", "person-001")
    assert found.reason.startswith(text), "numbers of other meanings stay"
    assert found.reason.endswith("person-001") == (len(name) > 2)


@pytest.mark.parametrize("name", ["Max", "relu", "Sum"])
def test_a_name_that_is_a_word_of_the_course(name: str) -> None:
    report = evidence("relu")
    (task, other) = report.tasks
    path = f"/home/{name.lower()}/hw/minitorch/operators.py"
    check = msgspec.structs.replace(task.checks[0], reason=f"{path}: {name}.forward is wrong")
    task = msgspec.structs.replace(task, checks=(check, *task.checks[1:]))
    submission = msgspec.structs.replace(report.submission, name=name)
    report = msgspec.structs.replace(report, tasks=(task, other), submission=submission)
    found = without_names(report, {name: "person-001"})
    assert found.submission.name == "person-001"
    assert [group.name for group in found.tasks[0].groups] == [g.name for g in task.groups]
    assert found.tasks[0].checks[1:] == task.checks[1:]
    text = f"/home/person-001/hw/minitorch/operators.py: {name}.forward is wrong"
    assert found.tasks[0].checks[0].reason == text


def test_a_damaged_file_of_numbers(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = course / "results" / "pseudonyms.json"
    file.write_text("{")
    assert regrade(course, "course", "--no-names") == USAGE
    assert "pseudonyms.json is damaged" in capsys.readouterr().err
    assert file.read_text() == "{"


def test_learners_who_are_not_in_the_file(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = course / "canvas.csv"
    lines = [line for line in file.read_text().splitlines(keepends=True) if "learner05" not in line]
    file.write_text("".join(lines))
    assert regrade(course, "course", "--into", str(file)) == FAILED
    assert "not in the file, so their marks are missing there: learner05" in capsys.readouterr().out


def test_learners_see_the_allowed_part_before_the_deadline(course: Path) -> None:
    assert solution_of("learner12", 2) == "relu"
    file = course / "marks-course" / "learners" / "learner12.json"
    regrade(course, "course", at=BEFORE)
    shown = json.loads(file.read_text())
    faults = [c["fault"] for task in shown["tasks"] for c in task["checks"] if "fault" in c]
    assert faults == [{"sentence": "the result is wrong"}] * len(faults) != []
    assert shown["seed"] is None
    regrade(course, "course", at=AFTER)
    shown = json.loads(file.read_text())
    faults = [c["fault"] for task in shown["tasks"] for c in task["checks"] if "fault" in c]
    assert all(fault["expected"] and fault["received"] for fault in faults)
    assert shown["seed"] == 18


@pytest.mark.slow
def test_the_stored_reports_are_those_of_the_grader(tmp_path: Path) -> None:
    """One of the solutions is graded again: the statuses and points are those that are stored."""
    found, stored = graded("map", tmp_path), evidence("map")
    assert [task.groups for task in found.tasks] == [task.groups for task in stored.tasks]
    statuses = [
        {check.name: check.status for task in each.tasks for check in task.checks}
        for each in (found, stored)
    ]
    assert statuses[0] == statuses[1]


def test_an_extension_extends_the_time_of_restricted_reports(course: Path) -> None:
    at = DEADLINE.replace(day=10).isoformat()
    regrade(course, "course", at=at)
    folder = course / "marks-course" / "learners"
    seeds = {n: json.loads((folder / f"{n}.json").read_text())["seed"] for n in LEARNERS}
    restricted = {name for name, seed in seeds.items() if seed is None}
    assert restricted == {"learner07", "learner27", "learner28"}
