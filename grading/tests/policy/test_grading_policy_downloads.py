"""Hand-ins of a download are named after ids of the platform, which gradebooks have, too."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from grading.batch.store import Grade, Store
from grading.cli import main
from grading.judge.records import Report, to_json
from grading.policy.load import PolicyError
from grading.policy.marks import mark_class
from grading.policy.pseudonyms import without_names
from grading.tasks.table import table
from grading.tests.policy.rules import REPORTS, course

NOW = datetime(2031, 1, 1, tzinfo=UTC)
ROSTER = '[roster]\nfile = "roster.csv"\ncanvas = "canvas"\nmoodle = "moodle"\n'


class Class:
    """Results of a download."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "results")
        self.store.seed(18, 18)
        roster = "learner,canvas,moodle\nanna,101,4711\nben,102,101\n"
        (folder / "roster.csv").write_text(roster, encoding="utf-8")

    def add(self, name: str, platform: str, who: str = "", handed_in: str = "") -> None:
        grade = Grade(name, "graded", "", who, handed_in=handed_in, platform=platform)
        self.store.keep(name, grade, {"report.json": to_json(REPORTS["right"])})

    def hand_ins(self, text: str) -> dict[str, str]:
        """Return the name of the hand-in of each learner with a mark."""
        marks = mark_class(course(self.folder, text), self.store, table(), NOW)
        return {e.mark.learner: e.mark.hand_in for e in marks if e.mark.points is not None}


@pytest.fixture
def results(tmp_path: Path) -> Class:
    return Class(tmp_path)


@pytest.mark.parametrize(
    ("platform", "learner"), [("Canvas", "anna"), ("Moodle", "ben"), ("Blackboard", None)]
)
def test_the_roster_maps_ids_to_learners(
    results: Class, platform: str, learner: str | None
) -> None:
    """The same number is another learner on another platform."""
    results.add("101", platform, "doe jane")
    if learner is None:
        with pytest.raises(PolicyError, match="'101', who is not in the roster"):
            results.hand_ins(ROSTER)
    else:
        assert results.hand_ins(ROSTER) == {learner: "101"}


def test_a_learner_hands_in_for_a_pair(results: Class) -> None:
    results.add("101", "Canvas", "doejane")
    pair = '[[pair]]\nname = "p"\nmembers = ["anna", "ben"]\n'
    assert results.hand_ins(pair + ROSTER) == {"anna": "101", "ben": "101"}


def test_names_of_other_batches_are_not_ids(results: Class) -> None:
    results.add("anna", "")
    assert results.hand_ins(ROSTER) == {"anna": "anna"}


def test_the_time_of_an_attempt_counts_in_the_zone_of_the_policy(results: Class) -> None:
    results.add("jdoe", "Blackboard", handed_in="2030-10-08T23:58:00")
    rules = '[deadline]\nat = 2030-10-08T23:59:00+02:00\n[hand_ins]\ntimes = "platform"\n'
    with pytest.raises(PolicyError, match="no offset from UTC"):
        results.hand_ins(rules)
    late = {}
    for zone in ("Europe/Berlin", "UTC"):
        made = course(results.folder, f'{rules}zone = "{zone}"\n')
        (marked,) = mark_class(made, results.store, table(), NOW)
        assert marked.mark.learner == "jdoe"
        late[zone] = marked.mark.late
    assert late == {"Europe/Berlin": "", "UTC": "1 day late"}


@pytest.mark.parametrize(
    ("platform", "export"),
    [
        ("Canvas", "Student,ID,Section,Task (7)\n    Points Possible,,,20\nDoe,101,A,{}\n"),
        (
            "Moodle",
            "Identifier,Full name,Grade,Maximum Grade,Last modified (grade)\n"
            "Participant 101,Jane Doe,{},20,-\n",
        ),
    ],
)
def test_a_download_fills_the_gradebook_without_a_roster(
    results: Class, platform: str, export: str
) -> None:
    results.add("101", platform, "Jane Doe")
    course(results.folder, "")
    file = results.folder / "gradebook.csv"
    file.write_text(export.format(""), encoding="utf-8")
    policy = str(results.folder / "course.toml")
    arguments = ["regrade", str(results.store.folder), "--policy", policy, "--into", str(file)]
    assert main(arguments) == 0
    assert file.read_text(encoding="utf-8") == export.format("20")


def test_folders_of_a_hand_in_are_not_in_reports_without_names() -> None:
    report: Report = REPORTS["right"]
    record = msgspec.structs.replace(
        report.submission, name="janedoe_1_2_hw.zip", folder="jane", others=("jane-old",)
    )
    report = msgspec.structs.replace(report, submission=record)
    assert b"jane" in to_json(report)
    assert b"jane" not in to_json(without_names(report, {"janedoe_1_2_hw.zip": "submission"}))
