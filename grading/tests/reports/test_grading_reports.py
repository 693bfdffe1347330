"""Every format can be read back, says the same, and shows what a submission says as plain text."""

import csv
import io
import json
import re
import unicodedata
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree

import msgspec
import pytest
from rich.console import Console

from grading.batch import summary
from grading.batch.store import Grade
from grading.cli.files import FORMATS, writer
from grading.judge.exit_codes import FAILED, HARNESS, OK, exit_code
from grading.judge.records import (
    CheckResult,
    Fault,
    GroupResult,
    Hole,
    IsolationRecord,
    MachineRecord,
    Record,
    RecordError,
    Report,
    Status,
    TaskResult,
    from_json,
    schema,
    to_json,
)
from grading.reports import classroom50, gradescope, html, junit, table, terminal, words
from grading.tests.sample_reports import HOSTILE, MARKS, every_kind, fault, report, task


@pytest.fixture(scope="module", params=["the result is wrong", HOSTILE], ids=["plain", "hostile"])
def sample(request: pytest.FixtureRequest) -> Report:
    return every_kind(request.param)


def is_hostile(sample: Report) -> bool:
    return "markup" in sample.submission.name


def shown(sample: Report, width: int, verbose: bool = True, colour: bool = False) -> str:
    file = io.StringIO()
    on = Console(
        file=file, width=width, force_terminal=colour, highlight=False, markup=False, emoji=False
    )
    terminal.show(sample, on, verbose)
    return file.getvalue()


def test_json_is_read_back(sample: Report) -> None:
    assert from_json(to_json(sample)) == sample


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"seed": "seven"},
        {"surprise": 1},
        {"tasks": [{"id": "4.2"}]},
    ],
)
def test_other_json_is_refused(change: dict[str, object]) -> None:
    content = json.loads(to_json(every_kind())) | change
    with pytest.raises(RecordError, match="not a report of version 1"):
        from_json(json.dumps(content))


def test_every_record_is_documented() -> None:
    described = schema()["$defs"]
    for kind in Record.__subclasses__():
        assert described[kind.__name__]["description"]


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_shows_lines_that_fit(sample: Report, width: int) -> None:
    text = shown(sample, width)
    assert max(map(len, text.splitlines())) <= width
    for word in ("4.2", "Task 4.2", "0 of 10", "seed 7", "isolation: sandbox"):
        assert word in text


def test_without_a_terminal_there_are_no_colours_and_no_blanks_at_the_end(sample: Report) -> None:
    text = shown(sample, 80)
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_with_a_terminal_there_are_only_our_own_colours(sample: Report) -> None:
    text = shown(sample, 100, colour=True)
    assert "\x1b[" in text
    assert "\x1b]" not in text


def test_invisible_characters_of_a_submission_are_shown() -> None:
    text = shown(every_kind(HOSTILE), 120)
    hidden = {sign for sign in text if unicodedata.category(sign) in ("Cc", "Cf", "Cs")}
    assert hidden == {"\n"}
    for mark in MARKS:
        assert mark in text.replace("\n", "")


class Page(HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        for name, value in attrs:
            # No other page, no other file.
            assert name not in ("src", "srcset", "style") and "http" not in (value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_complete_and_runs_no_scripts(sample: Report) -> None:
    page = Page(html.write(sample))
    assert not page.tags & {"script", "iframe", "object", "embed", "img", "base", "form"}
    assert not any(name.startswith("on") for name in page.attributes)
    for word in ("4.2", "Task 4.2", "0 of 10", "seed 7", "no rule is given"):
        assert word in page.text
    if is_hostile(sample):
        for mark in MARKS:
            assert mark in page.text


def test_junit_counts_and_explains(sample: Report) -> None:
    root = ElementTree.fromstring(junit.write(sample))
    cases = list(root.iter("testcase"))
    assert int(root.get("tests", "")) == len(cases)
    assert int(root.get("failures", "")) == len(list(root.iter("failure"))) == 1
    assert int(root.get("errors", "")) == len(list(root.iter("error"))) == 1
    assert int(root.get("skipped", "")) == len(list(root.iter("skipped"))) == 3
    points = {
        suite.get("name", "").split()[0]: prop.get("value")
        for suite in root.iter("testsuite")
        for prop in suite.iter("property")
        if prop.get("name") == "points"
    }
    assert points["task4_1"] == "10"
    assert points["task4_2"] == "0"
    assert points["task4_4b"] == "–"
    (failure,) = root.iter("failure")
    assert "expected: [  1., *2.*]" in (failure.text or "")
    if is_hostile(sample):
        for mark in MARKS:
            assert mark in (failure.text or "")


VISIBILITIES = {"visible", "hidden", "after_due_date", "after_published"}


def test_gradescope_gets_what_it_expects(sample: Report) -> None:
    results = json.loads(gradescope.write(sample))
    assert set(results) == {
        "score",
        "execution_time",
        "output",
        "visibility",
        "stdout_visibility",
        "tests",
        "leaderboard",
        "extra_data",
    }
    assert results["score"] == 10
    assert {results["visibility"], results["stdout_visibility"]} <= VISIBILITIES
    tests = {test["number"]: test for test in results["tests"]}
    assert (tests["4.1"]["score"], tests["4.1"]["max_score"]) == (10, 10)
    assert (tests["4.2"]["score"], tests["4.2"]["status"]) == (0, "failed")
    # What was not judged has no score at all, neither nothing nor everything.
    for number in ("4.4", "4.4b", "4.5"):
        assert not {"score", "max_score", "status"} & set(tests[number])
    assert {"name": "conv2d (× fast)", "value": 1.5, "order": "asc"} in results["leaderboard"]


def test_a_class_is_a_table_with_empty_cells_for_what_was_not_judged(sample: Report) -> None:
    other = report(task("4.1", Status.FAILED), text="=HYPERLINK(1)")
    content = table.write_class([sample, other])
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert [row["4.1"] for row in rows] == ["10", "0"]
    assert [row["4.4b"] for row in rows] == ["", ""]
    assert rows[1]["submission"] == "'=HYPERLINK(1)"
    assert [row["points"] for row in rows] == ["10", "0"]


@pytest.mark.parametrize(
    ("statuses", "code", "strict"),
    [
        ([Status.PASSED], OK, OK),
        ([Status.PASSED, Status.FAILED], FAILED, FAILED),
        ([Status.UNIMPLEMENTED], FAILED, FAILED),
        ([Status.PASSED, Status.NOT_JUDGED], OK, FAILED),
        ([Status.PASSED, Status.NOT_THERE], OK, FAILED),
        ([Status.PARTLY], OK, FAILED),
        ([Status.PARTLY, Status.PASSED], OK, FAILED),
        ([Status.NOT_JUDGED], FAILED, FAILED),
        ([Status.FAILED, Status.ERROR], HARNESS, HARNESS),
        ([Status.PASSED, Status.ERROR], HARNESS, HARNESS),
    ],
)
def test_exit_codes(statuses: list[Status], code: int, strict: int) -> None:
    made = report(*(task(f"4.{i}", status) for i, status in enumerate(statuses, start=1)))
    assert exit_code(made) == code
    assert exit_code(made, require_all=True) == strict


def test_errors_outside_of_tasks_are_harness_errors() -> None:
    assert exit_code(report(task("4.1", Status.PASSED), errors=("no disk",))) == HARNESS


def test_unjudged_groups_cost_no_points() -> None:
    made = every_kind()
    assert (made.points, made.judged_points, made.max_points) == (10, 30, 60)
    assert words.total(made) == "10 of 30 points, 30 open"


def test_a_run_without_results_has_open_points() -> None:
    made = report(task("4.1", Status.NOT_JUDGED))
    assert words.total(made) == "not judged yet: 10 points open"
    assert words.module_score(made.tasks) == words.score(made.tasks[0]) == "–, 10 open"


def test_a_fault_is_shown_with_its_labels() -> None:
    labels = ("likely cause", "expected", "received", "input", "message", "second run", "location")
    for text in (shown(every_kind(), 100), Page(html.write(every_kind())).text):
        assert all(label in text for label in labels)


def test_differing_elements_are_marked_with_and_without_colours() -> None:
    made = every_kind()
    texts = [
        shown(made, 100),
        gradescope.write(made).decode(),
        junit.write(made).decode(),
        Page(html.write(made)).text,
    ]
    assert all("[  1., *2.*]" in text and words.MARKS_MEAN in text for text in texts)
    assert "<mark>*2.*</mark>" in html.write(made).decode()
    assert "\x1b[1;31m*2.*\x1b[0m" in shown(made, 100, colour=True)


def test_the_page_opens_twelve_failed_checks_wherever_they_are() -> None:
    passed = tuple(CheckResult(f"test_{n}", Status.PASSED) for n in range(30))
    failed = tuple(CheckResult(f"test_{n}", Status.FAILED, fault=fault("x")) for n in range(30, 45))
    page = html.write(report(task("4.2", Status.FAILED, checks=(*passed, *failed)))).decode()
    assert page.count('<details class="failed" open>') == 12
    assert page.count('<details class="failed">') == 3
    assert 'passed" open' not in page


def test_marks_are_explained_only_where_they_occur() -> None:
    fault = Fault("it is wrong", expected="[1.]", received="nothing")
    check = CheckResult("test_x", Status.FAILED, fault=fault)
    made = report(task("1.4", Status.FAILED, checks=(check,)))
    texts = [shown(made, 100), gradescope.write(made).decode(), Page(html.write(made)).text]
    assert not any(words.MARKS_MEAN in text for text in texts)


def test_speed_and_measurements_have_the_same_words_on_a_page_and_in_a_terminal() -> None:
    for text in (shown(every_kind(), 120), Page(html.write(every_kind())).text):
        shown_text = " ".join(text.split())
        assert "1.5 × the time of our fast kernels (1.4 – 1.6), at most 4 × allowed" in shown_text
        assert "1.1 × the time of the reference solution" in shown_text
        assert "measured: digits 950 of 1000, required at least 900; the log claims" in shown_text


SUSPECTS = (
    Hole("minitorch.autodiff:sort", "minitorch/autodiff.py:13"),
    Hole("minitorch.autodiff:go"),
)


def test_without_a_location_the_functions_of_the_task_are_named() -> None:
    check = CheckResult("test_x", Status.FAILED, fault=Fault("it is wrong"))
    sample = report(task("1.4", Status.FAILED, checks=(check,), holes=SUSPECTS))
    named = "sort in minitorch/autodiff.py:13"
    assert named in shown(sample, 100)
    assert named in Page(html.write(sample)).text


@pytest.mark.parametrize("status", [Status.FAILED, Status.UNIMPLEMENTED])
def test_failed_tasks_show_the_command_with_the_seed(status: Status) -> None:
    offered = "repeat with the same inputs" in shown(report(task("1.4", status)), 100)
    assert offered == (status is Status.FAILED)


def partly_judged() -> TaskResult:
    """Return a task of which a function is right, one is wrong and one is excused."""
    groups = (
        GroupResult("max", Status.PASSED, 3.0, 3.0),
        GroupResult("softmax", Status.FAILED, 0.0, 5.0),
        GroupResult("maxpool2d", Status.NOT_JUDGED, None, 2.0, "needs `tile`, which fails"),
    )
    return task("4.4", Status.FAILED, points=3.0, groups=groups)


def test_unjudged_groups_are_shown_and_not_counted() -> None:
    made = report(partly_judged(), task("4.1", Status.PASSED))
    assert (made.points, made.judged_points, made.max_points) == (13, 18, 20)
    (first, _) = made.tasks
    assert words.outcome(first) == (
        "wrong: softmax; 8 of 10 points judged; 2 excused: they need `tile`, which fails"
    )
    assert words.score(first) == "3 of 8, 2 open"
    assert words.total(made) == "13 of 18 points, 2 open"
    assert from_json(to_json(made)) == made


def test_every_format_has_earned_judged_and_possible_points() -> None:
    made = report(partly_judged(), task("4.1", Status.PASSED))
    text = shown(made, 120)
    assert "13 of 18 points, 2 open" in text
    assert "maxpool2d –, 2 open needs `tile`, which fails" in " ".join(text.split())
    page = " ".join(Page(html.write(made)).text.split())
    assert "13 of 18 points, 2 open" in page
    assert "3 of 8, 2 open" in page
    (row,) = csv.DictReader(io.StringIO(table.write(made).decode("utf-8-sig")))
    assert (row["points"], row["judged_points"], row["max_points"]) == ("13", "18", "20")
    assert (row["4.4"], row["4.4 judged"], row["4.1"]) == ("3", "8", "10")
    assert "4.1 judged" not in row
    tests = {test["number"]: test for test in json.loads(gradescope.write(made))["tests"]}
    assert (tests["4.4"]["score"], tests["4.4"]["max_score"]) == (3, 8)
    assert tests["4.4"]["extra_data"]["max_points"] == 10
    properties = {
        prop.get("name"): prop.get("value")
        for suite in ElementTree.fromstring(junit.write(made)).iter("testsuite")
        for prop in suite.iter("property")
        if suite.get("name", "").startswith("task4_4")
    }
    assert (properties["points"], properties["judged_points"], properties["max_points"]) == (
        "3",
        "8",
        "10",
    )
    assert properties["group maxpool2d"] == "–, 2 open"
    scores = [
        (test.name, test.passed, test.score, test.max_score)
        for test in classroom50.scores_of(made, 2)
    ]
    assert scores == [
        ("4.4 max", True, 6, 6),
        ("4.4 softmax", False, 0, 10),
        ("4.1 Task 4.1", True, 20, 20),
    ]
    body = unescape(classroom50.release_body(made, 2, "report.html").decode())
    assert "13 of 18 points, 2 open" in body
    assert "| – | 4.4 | maxpool2d | –, 2 open | needs `tile`, which fails |" in body


RUN = ("471125", "a sandbox", "3.11.77", "2.4.61", "0.68.11", "0123abcd")
"""Seed, isolation, versions of Python, NumPy and numba, and the commit of a run."""


@pytest.mark.parametrize("place", [*FORMATS, "terminal", "class.csv", "release-body.md"])
@pytest.mark.parametrize("number", [1, 2], ids=["one task", "two tasks"])
def test_every_format_names_what_a_run_depends_on(place: str, number: int) -> None:
    seed, isolation, python, numpy, numba, commit = RUN
    made = msgspec.structs.replace(
        report(*(task(f"4.{i}", Status.PASSED) for i in range(1, number + 1))),
        seed=int(seed),
        isolation=IsolationRecord(isolation),
        machine=MachineRecord(python, "Linux", 2, {"numpy": numpy, "numba": numba}),
        grader=commit,
    )
    if place == "terminal":
        text = shown(made, 80, verbose=False)
    elif place == "class.csv":
        grade = Grade("sample", "graded", "")
        text = summary.as_csv([summary.Row(grade, made)], int(seed)).decode("utf-8-sig")
    elif place == "release-body.md":
        text = unescape(classroom50.release_body(made, 1, "report.html").decode())
    else:
        text = writer(place)(made).decode("utf-8-sig")
    assert [word for word in RUN if word not in text] == []


def test_the_table_of_a_class_names_tasks_that_are_not_implemented() -> None:
    made = report(task("4.1", Status.PASSED), task("4.2", Status.UNIMPLEMENTED, points=0.0))
    row = summary.Row(Grade("sample", "graded", ""), made)
    (read,) = csv.DictReader(summary.as_csv([row], 7).decode("utf-8-sig").splitlines())
    assert (read["4.2"], read["reason"]) == ("0", "not implemented: 4.2")
    screen = io.StringIO()
    Console(width=200, file=screen).print(summary.as_table([row], {}))
    assert "not implemented: 4.2" in screen.getvalue()


def test_a_missing_package_is_named_beside_functions_that_are_not_implemented() -> None:
    fault = Fault("the submission imports the package pandas, which is not installed here")
    checks = (CheckResult("test_x", Status.FAILED, fault=fault),)
    made = task("4.2", Status.UNIMPLEMENTED, checks=checks)
    assert words.outcome(made) == f"not implemented yet; {fault.sentence}"


def test_formats_name_the_judged_folder_of_a_hand_in() -> None:
    made = report(task("4.1", Status.PASSED))
    assert words.hand_in(made) == []
    record = msgspec.structs.replace(made.submission, folder="all.zip/hw4", others=("hw0", "hw1"))
    made = msgspec.structs.replace(made, submission=record)
    assert from_json(to_json(made)) == made
    texts = [
        shown(made, 120),
        Page(html.write(made)).text,
        json.loads(gradescope.write(made))["output"],
        junit.write(made).decode().replace('" value="', " "),
    ]
    for text in texts:
        assert re.search(r"judged\W+all\.zip/hw4", text)
        assert re.search(r"left out\W+hw0, hw1", text)
