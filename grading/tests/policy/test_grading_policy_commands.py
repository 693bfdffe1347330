"""The commands `grade --policy`, `grade --override` and `regrade`: refusals, and single runs."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from grading.cli import main
from grading.cli.under_policy import gradescope_metadata
from grading.judge.exit_codes import FAILED, OK, USAGE
from grading.judge.records import Report, to_json
from grading.judge.run import Plan
from grading.paths import ROOT
from grading.tasks.model import Table
from grading.tests.batch.test_grading_batch import Class
from grading.tests.example_course.course import write_course
from grading.tests.policy.rules import HEAD, REPORTS

MARKED = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
"""The time at which a policy was applied."""

HIDDEN = "feedback = []\n[deadline]\nat = 2999-01-01T00:00:00Z\n"


class Judge:
    """Stands in for the judge: it answers with a stored report and remembers the plan."""

    def __init__(self) -> None:
        self.report = REPORTS["relu"]
        self.plans: list[Plan] = []

    def __call__(self, plan: Plan, tasks: Table, progress: object) -> Report:
        self.plans.append(plan)
        return self.report


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Judge:
    made = Judge()
    monkeypatch.setattr("grading.cli.grade.judge", made)
    monkeypatch.setattr("grading.cli.stored_results.ROOT", tmp_path / "repository")
    return made


def policy(folder: Path, text: str = "") -> str:
    file = folder / "course.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    return str(file)


def outputs(folder: Path, file: str, *options: str) -> tuple[int, dict[str, bytes]]:
    """Run `grade --policy`; return the exit code and the contents of all formats."""
    formats = ("json", "html", "junit", "gradescope", "csv")
    files = [part for name in formats for part in (f"--{name}", str(folder / name))]
    code = main(["grade", "task0_1", "task0_3", "--policy", file, *options, *files])
    return code, {name: (folder / name).read_bytes() for name in formats}


def test_a_hidden_verdict_is_in_no_output_and_not_in_the_exit_code(
    judge: Judge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = policy(tmp_path, HIDDEN)
    seen = []
    for name in ("relu", "right", "early"):
        # The same submission, with other mistakes.
        submission, created = REPORTS["relu"].submission, REPORTS["relu"].created
        judge.report = msgspec.structs.replace(
            REPORTS[name], submission=submission, created=created
        )
        code, files = outputs(tmp_path, file, "-v")
        assert code == OK
        results = json.loads(files.pop("gradescope"))
        assert {test["visibility"] for test in results["tests"]} == {"hidden"}
        text = b"\n".join(files.values()).decode() + capsys.readouterr().out
        seen.append(MARKED.sub("", text))
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) > 20_000
    assert not list(tmp_path.glob("repository/**/*.json")), "no copy in the stored results"


def test_a_visible_verdict_decides_the_exit_code(judge: Judge, tmp_path: Path) -> None:
    code, files = outputs(tmp_path, policy(tmp_path))
    assert code == FAILED
    results = json.loads(files["gradescope"])
    assert results["score"] == 19
    assert results["extra_data"]["mark"]["policy"].startswith("test (checksum ")
    assert "19 of 20" in files["html"].decode()
    advice = '[[group]]\ntask = "0.1"\nname = "relu"\nuse = "advice"\n'
    code, files = outputs(tmp_path, policy(tmp_path, advice))
    assert (code, json.loads(files["gradescope"])["score"]) == (OK, 19)


def test_every_format_names_policy_checksum_commit_seed_and_time(
    judge: Judge, tmp_path: Path
) -> None:
    _, files = outputs(tmp_path, policy(tmp_path), "--learner", "learner01")
    marked = json.loads(files["json"])["mark"]
    for name, content in files.items():
        text = content.decode("utf-8-sig")
        for word in ("test", marked["checksum"], REPORTS["relu"].grader):
            assert word in text, (name, word)
        assert "18" in text, name


def test_the_time_of_a_hand_in_is_that_of_gradescope(judge: Judge, tmp_path: Path) -> None:
    rule = '[deadline]\nat = 2020-10-08T00:00:00Z\n[late]\nper = "day"\npercent = 10\n'
    file = tmp_path / "submission_metadata.json"
    about = {"created_at": "2020-10-09T12:00:00.123456-07:00", "users": [{"email": "a@b.org"}]}
    file.write_text(json.dumps(about))
    _, files = outputs(tmp_path, policy(tmp_path, rule), "--metadata", str(file))
    mark = json.loads(files["json"])["mark"]
    assert (mark["learner"], mark["late"], mark["points"]) == ("a@b.org", "2 days late", 15.2)
    options = ("--handed-in", "2020-10-07T12:00:00Z", "--learner", "c")
    _, files = outputs(tmp_path, policy(tmp_path, rule), *options)
    assert json.loads(files["json"])["mark"]["points"] == 19
    file.write_text("[]")
    assert main(["grade", "--policy", policy(tmp_path), "--metadata", str(file)]) == USAGE


def test_metadata_of_a_group(tmp_path: Path) -> None:
    file = tmp_path / "submission_metadata.json"
    users = [{"name": "only a name"}, {"email": "b@b.org"}]
    file.write_text(json.dumps({"created_at": "2030-01-01T00:00:00Z", "users": users}))
    assert gradescope_metadata(file) == {"learner": "only a name", "time": "2030-01-01T00:00:00Z"}


def test_tasks_of_the_policy_are_judged(judge: Judge, tmp_path: Path) -> None:
    main(["grade", "--policy", policy(tmp_path, 'tasks = ["task0_1", "task0_3"]\n')])
    assert [task.id for task in judge.plans[0].tasks] == ["0.1", "0.3"]
    assert judge.plans[0].submission.root == ROOT


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--learner", "x"], "--learner needs --policy FILE"),
        (["--into", "course.toml"], "--into needs --policy FILE"),
        (["--points", "3"], "--points needs --override LEARNER"),
        (["--policy", "course.toml", "--into", "course.toml"], "--into needs --batch DIR"),
        (["--policy", "none.toml"], "none.toml cannot be read"),
        (["--override", "learner01"], "--override needs --out DIR"),
        (["--override", "learner01", "--out", "course"], "has no results of a class"),
        (["--override", "learner01", "--out", "course/results"], "needs --policy FILE"),
    ],
)
def test_options_that_need_others(
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    policy(tmp_path)
    (tmp_path / "course" / "results").mkdir(parents=True)
    (tmp_path / "course" / "results" / "batch.json").write_text('{"seed": 1}')
    assert main(["grade", *options]) == USAGE
    assert message in capsys.readouterr().err


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example") / "course"
    write_course(folder)
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--override", "lerner07", "--points", "1", "--reason", "x"], "did you mean 'learner07'?"),
        (["--override", "pair1", "--points", "1", "--reason", "x"], "learner25, learner26"),
        (["--override", "learner07", "--points", "10001", "--reason", "x"], "from 0 to 10000"),
        (["--override", "learner07", "--points", "much", "--reason", "x"], "got 'much'"),
        (["--override", "learner07", "--points", "-1", "--reason", "x"], "a number from 0"),
        (["--override", "learner07", "--points", "nan", "--reason", "x"], "a number from 0"),
        (["--override", "learner07", "--points", "1"], "--override needs --reason TEXT"),
        (["--override", "learner07", "--points", "1", "--reason", " "], "needs --reason TEXT"),
        (["--override", "learner07", "--reason", "x"], "--override needs --points N"),
        (
            ["--override", "learner07", "--points", "1", "--reason", "x", "--group", "relu"],
            "--group needs a task",
        ),
        (
            ["task0_1", "task0_3", "--override", "learner07", "--points", "1", "--reason", "x"],
            "the points of one task",
        ),
        (
            [
                *("task0_1", "--override", "learner07", "--points", "1", "--reason", "x"),
                "--group",
                "y",
            ],
            "task 0.1 has no group 'y'",
        ),
        (
            ["--override", "learner07", "--points", "withdrawn", "--reason", "x"],
            "learner07 has no such override",
        ),
    ],
)
def test_overrides_that_are_refused(
    options: list[str], message: str, course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--out", str(course / "results"), "--policy", str(course / "course.toml"))
    assert main(["grade", *options, *given]) == USAGE
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (course / "results" / "overrides.jsonl").exists()


def test_a_damaged_log_of_overrides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_course(tmp_path / "course")
    results = tmp_path / "course" / "results"
    (results / "overrides.jsonl").write_text("{}\n")
    file = str(tmp_path / "course" / "course.toml")
    assert main(["regrade", str(results), "--policy", file]) == USAGE
    assert "overrides.jsonl:1: this is not an override" in capsys.readouterr().err


def test_the_zone_of_the_policy_holds_for_the_command_line(course: Path) -> None:
    file = course / "berlin.toml"
    text = (course / "course.toml").read_text(encoding="utf-8")
    file.write_text(text.replace("[hand_ins]", '[hand_ins]\nzone = "Europe/Berlin"'))
    options = ("--policy", str(file), "--at", "2030-10-08 12:00")
    assert main(["regrade", str(course / "results"), *options]) == OK


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--no-names", "--into", "canvas.csv"], "--into needs names"),
        (["--at", "tomorrow"], "--at: 'tomorrow' is not a time"),
        (["--at", "2030-10-08 12:00"], "'2030-10-08 12:00' has no offset from UTC"),
        (["--into", "roster.csv"], "is neither that of Canvas' gradebook"),
    ],
)
def test_regrades_that_are_refused(
    options: list[str],
    message: str,
    course: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(course)
    before = (course / "roster.csv").read_bytes()
    assert main(["regrade", "results", "--policy", "course.toml", *options]) == USAGE
    assert message in capsys.readouterr().err
    assert (course / "roster.csv").read_bytes() == before


def test_a_batch_is_marked_under_a_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The engine runs a stub, whose reports are stored ones."""
    classroom = Class(tmp_path)
    for name in ("right", "relu"):
        classroom.add(name)
        (classroom.batch / name / "report").write_bytes(to_json(REPORTS[name]))
    assert classroom.grade() == OK
    monkeypatch.setattr("grading.cli.batch.grade_batch", lambda *arguments, **more: OK)
    command = ["grade", "task0_1", "--batch", str(classroom.batch), "--out", str(classroom.out)]
    assert main([*command, "--policy", policy(tmp_path)]) == OK
    shown = capsys.readouterr().out
    assert "2 learners: 2 marked" in shown
    assert (tmp_path / "out-course" / "marks.csv").is_file()
    assert (
        datetime.now(UTC).date().isoformat() in (tmp_path / "out-course" / "made.json").read_text()
    )
