"""Classroom 50: results of simulated checkouts against the schema, and the script of a run.

The judge answers with stored reports; one slow test grades a checkout.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from grading.cli.doctor_checks import supported_pythons
from grading.deployment.__main__ import main as export
from grading.deployment.classroom50 import autograder
from grading.deployment.classroom50.__main__ import Settings, main
from grading.deployment.classroom50.export import AUTOGRADER, factor_of
from grading.judge.exit_codes import HARNESS, OK, USAGE
from grading.judge.records import GroupResult, Mark, Report, Status
from grading.judge.run import Plan
from grading.judge.text import clean_line
from grading.paths import ROOT
from grading.policy.model import Policy
from grading.reports.classroom50 import (
    Identity,
    ScoreError,
    escaped,
    refusal,
    release_body,
    result,
    scores_of,
)
from grading.tasks.model import Table
from grading.tasks.table import table
from grading.tests.policy.rules import HEAD, REPORTS
from grading.tests.sample_reports import HOSTILE, report, task

SCHEMA = json.loads(AUTOGRADER.with_name("result.schema.json").read_text())
NOW = datetime(2030, 10, 8, 12, 30, 15, tzinfo=UTC)

ENVIRONMENT = {
    "CLASSROOM": "deep-learning",
    "ASSIGNMENT": "module0",
    "SUBMISSION_TAG": "submit/2030-10-08-1",
    "PAGES_BASE_URL": "https://pages.example.org",
    "USERNAME": "learner01",
    "OWNER": "learner01",
    "ASSIGNMENT_TYPE": "individual",
    "COMMIT_URL": "https://example.org/commit/1",
    "RELEASE_URL": "https://example.org/release/1",
    "REVIEW_URL": "https://example.org/review/1",
}
"""The variables of Classroom 50."""

HIDDEN = "feedback = []\n[deadline]\nat = 2999-01-01T00:00:00Z\n"


@dataclass
class Place:
    """An assignment and a checkout, with a judge that answers with a stored report."""

    folder: Path
    judged: Report = REPORTS["right"]
    plans: list[Plan] = field(default_factory=list)

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def settings(self) -> Path:
        return self.folder / "assignment/settings.json"

    def judge(self, plan: Plan, tasks: Table, progress: object) -> Report:
        self.plans.append(plan)
        return self.judged

    def assign(self, *options: str, policy: str = "") -> str:
        """Export the assignment; return the output of the command."""
        if policy:
            (self.folder / "course.toml").write_text(HEAD + policy, encoding="utf-8")
            options = (*options, "--policy", str(self.folder / "course.toml"))
        source = ("--grader", "me/it", "--tag", "v1")
        arguments = ["classroom50", "task0_1", "task0_3", str(self.settings.parent), *source]
        done = CliRunner().invoke(export, [*arguments, *options])
        assert done.exit_code == OK, done.output
        return done.output

    def run(self, changes: Mapping[str, str] | None = None) -> int:
        environment = {**ENVIRONMENT, **(changes or {})}
        return main([str(self.settings), str(self.checkout)], environment, NOW)

    def result(self) -> dict[str, Any]:
        """Return `result.json` after a comparison with the schema."""
        content: dict[str, Any] = json.loads((self.checkout / "result.json").read_bytes())
        jsonschema.validate(content, SCHEMA)
        for total in ("score", "max-score"):
            assert content[total] == sum(test[total] for test in content["tests"])
        return content

    def body(self) -> str:
        return unescape((self.checkout / "release-body.md").read_text(encoding="utf-8"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(tmp_path)
    (made.checkout / "minitorch").mkdir(parents=True)
    (made.checkout / "minitorch/__init__.py").touch()
    monkeypatch.setattr("grading.cli.grade.judge", made.judge)
    monkeypatch.setattr("grading.cli.stored_results.ROOT", tmp_path / "repository")
    return made


def half_right(stored: Report) -> Report:
    """Return a report in which every second group fails."""
    changed = []
    for each in stored.tasks:
        groups = tuple(
            msgspec.structs.replace(group, status=Status.FAILED, points=0.0) if i % 2 else group
            for i, group in enumerate(each.groups)
        )
        points = sum(group.points or 0.0 for group in groups)
        changed.append(
            msgspec.structs.replace(each, groups=groups, points=points, status=Status.FAILED)
        )
    return msgspec.structs.replace(stored, tasks=tuple(changed))


def not_implemented(stored: Report) -> Report:
    """Return a report in which no group is implemented."""
    status = Status.UNIMPLEMENTED
    tasks = tuple(
        msgspec.structs.replace(
            each,
            status=status,
            points=0.0,
            groups=tuple(
                msgspec.structs.replace(group, status=status, points=0.0) for group in each.groups
            ),
        )
        for each in stored.tasks
    )
    return msgspec.structs.replace(stored, tasks=tasks)


@pytest.mark.parametrize(
    ("judged", "passed"),
    [
        (REPORTS["right"], lambda group: True),
        (half_right(REPORTS["right"]), lambda group: group.points != 0),
        (REPORTS["relu"], lambda group: group.points != 0),
        (not_implemented(REPORTS["right"]), lambda group: False),
    ],
    ids=["all right", "half right", "one wrong", "not implemented"],
)
def test_a_result_has_the_score_of_each_group(
    place: Place, judged: Report, passed: Callable[[GroupResult], bool]
) -> None:
    place.judged = judged
    place.assign("--no-speed")
    assert place.run() == OK
    content = place.result()
    assert content["score"] == judged.points
    assert content["max-score"] == judged.judged_points == 20
    groups = [(each.id, group) for each in judged.tasks for group in each.groups]
    assert [(test["test-name"], test["passed"], test["score"]) for test in content["tests"]] == [
        (f"{id} {group.name}", passed(group), group.points) for id, group in groups
    ]
    identity = ("classroom", "assignment", "submission", "commit", "release", "review", "datetime")
    assert [content[name] for name in identity] == [
        *("deep-learning", "module0", "submit/2030-10-08-1"),
        *("https://example.org/commit/1", "https://example.org/release/1"),
        *("https://example.org/review/1", "2030-10-08T12:30:15Z"),
    ]
    assert f"**{judged.points:g} of 20 points**" in place.body()
    assert "<!doctype html>" in (place.checkout / "report.html").read_text().lower()
    (plan,) = place.plans
    assert plan.submission.root == place.checkout
    assert (plan.isolation, plan.speed) == ("required", False)
    assert [each.id for each in plan.tasks] == ["0.1", "0.3"]


def test_the_release_names_what_the_run_depends_on(place: Place) -> None:
    place.assign()
    place.run()
    stored = REPORTS["right"]
    versions = [stored.machine.python, *(stored.machine.packages[n] for n in ("numpy", "numba"))]
    for word in (f"seed: {stored.seed}", f"isolation: {stored.isolation.level}", *versions):
        assert word in place.body()


def test_an_empty_review_url_is_that_of_the_commit(place: Place) -> None:
    place.assign()
    assert place.run({"REVIEW_URL": ""}) == OK
    assert place.result()["review"] == ENVIRONMENT["COMMIT_URL"]


@pytest.mark.parametrize("name", ["CLASSROOM", "SUBMISSION_TAG", "COMMIT_URL", "RELEASE_URL"])
def test_a_missing_variable_writes_no_result(
    place: Place, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place.assign()
    assert place.run({name: ""}) == USAGE
    assert name in capsys.readouterr().err
    assert not (place.checkout / "result.json").exists()


def raises(plan: Plan, tasks: Table, progress: object) -> Report:
    raise RuntimeError("no memory")


def test_a_fault_of_the_grader_writes_no_result(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.assign()
    stored = REPORTS["right"]
    first = msgspec.structs.replace(stored.tasks[0], status=Status.ERROR, points=None)
    place.judged = msgspec.structs.replace(stored, tasks=(first, *stored.tasks[1:]))
    assert place.run() == HARNESS
    monkeypatch.setattr("grading.cli.grade.judge", raises)
    assert place.run() == HARNESS
    assert not (place.checkout / "result.json").exists()


def test_damaged_settings_write_no_result(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    for content in ("{", '{"grader": "x", "tag": "v1", "tasks": ["task9_9"]}', '{"other": 1}'):
        place.settings.parent.mkdir(exist_ok=True)
        place.settings.write_text(content)
        assert place.run() == USAGE
        assert "settings.json: " in capsys.readouterr().err


def test_links_of_a_learner_are_replaced(place: Place) -> None:
    place.assign()
    other = place.folder / "other"
    other.write_text("unchanged")
    for name in ("result.json", "release-body.md", "report.html"):
        (place.checkout / name).symlink_to(other)
    assert place.run() == OK
    assert place.result()["score"] == 20
    assert other.read_text() == "unchanged"


@pytest.mark.parametrize("policy", ["", "[export]\nout_of = 100\n", HIDDEN])
def test_a_folder_without_a_submission_has_no_points(place: Place, policy: str) -> None:
    place.assign(policy=policy)
    (place.checkout / "minitorch/__init__.py").unlink()
    assert place.run() == OK
    content = place.result()
    assert (content["score"], content["max-score"]) == (0, 20)
    assert "is not a submission" in place.body()
    assert not place.plans


# A policy.


def test_a_hidden_verdict_is_in_no_file(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.assign(policy=HIDDEN)
    seen = []
    for name in ("relu", "right", "early"):
        same = {"submission": REPORTS["relu"].submission, "created": REPORTS["relu"].created}
        place.judged = msgspec.structs.replace(REPORTS[name], **same)
        assert place.run() == OK
        assert place.result()["tests"] == []
        files = [path.read_bytes() for path in sorted(place.checkout.glob("*.*"))]
        assert len(files) == 3
        text = b"".join(files).decode() + capsys.readouterr().out
        seen.append([line for line in text.splitlines() if "marked" not in line])
    assert seen[0] == seen[1] == seen[2]
    assert any("hidden" in line for line in seen[0])


def test_a_visible_group_beside_a_hidden_one(place: Place) -> None:
    hidden = '[deadline]\nat = 2999-01-01T00:00:00Z\n[[group]]\ntask = "0.1"\nname = "relu"\n'
    place.assign(policy=hidden + "feedback = []\n")
    place.judged = REPORTS["relu"]
    place.run()
    names = [test["test-name"] for test in place.result()["tests"]]
    assert "0.1 relu" not in names and "0.1 mul" in names
    assert "| · | 0.1 | relu | hidden | hidden |" in place.body()


LATE = '[deadline]\nat = 2030-10-05T13:00:00Z\n[late]\nper = "day"\npercent = 10\n'


def event(folder: Path, content: str) -> dict[str, str]:
    (folder / "event.json").write_text(content)
    return {"GITHUB_EVENT_PATH": str(folder / "event.json")}


@pytest.mark.parametrize(
    ("content", "score"),
    [
        # Three started days; 19 points less 5.7, rounded in favour of the learner.
        ("{}", 14),
        ('{"repository": {"pushed_at": "2030-10-08T12:30:00Z"}}', 14),
        (f'{{"repository": {{"pushed_at": {datetime(2030, 10, 6, tzinfo=UTC).timestamp()}}}}}', 18),
        (f'{{"repository": {{"pushed_at": {datetime(2030, 10, 5, tzinfo=UTC).timestamp()}}}}}', 19),
    ],
)
def test_a_late_push_loses_points(place: Place, content: str, score: int) -> None:
    place.judged = REPORTS["relu"]
    place.assign(policy=LATE)
    place.run(event(place.folder, content))
    found = place.result()
    assert (found["score"], found["max-score"]) == (score, 20)
    deducted = [test["test-name"] for test in found["tests"] if "deducted" in test["test-name"]]
    assert bool(deducted) == (score != 19)


@pytest.mark.parametrize("is_submission", [True, False])
def test_a_push_that_is_too_late_writes_no_result(
    place: Place, is_submission: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    place.assign(policy=LATE + "until = 2030-10-07T00:00:00Z\n")
    if not is_submission:
        (place.checkout / "minitorch/__init__.py").unlink()
    assert place.run() == USAGE
    assert "every hand-in was too late" in capsys.readouterr().err
    assert not (place.checkout / "result.json").exists()


def test_an_extension_is_that_of_the_username(place: Place) -> None:
    more = '[[extension]]\nwho = "learner02"\nuntil = 2030-10-09T00:00:00Z\n'
    place.assign(policy=LATE + more)
    scores = []
    for name in ("learner01", "learner02"):
        place.run({"USERNAME": name})
        scores.append(place.result()["score"])
    assert scores == [14, 20]


def test_fractions_have_a_factor(place: Place) -> None:
    halves = '[[group]]\ntask = "0.1"\nname = "relu"\npoints = 0.5\n'
    shares = '[[group]]\ntask = "0.3"\nname = "map"\npoints = 1\nall_or_nothing = false\n'
    output = place.assign(policy=halves + shares)
    settings = msgspec.json.decode(place.settings.read_bytes(), type=Settings)
    assert settings.factor % 2 == 0
    assert f"scores are points × {settings.factor}" in output
    assert place.run() == OK
    scores = {test["test-name"]: test["max-score"] for test in place.result()["tests"]}
    assert scores["0.1 relu"] == settings.factor / 2
    assert f"The score is points × {settings.factor}." in place.body()


def test_points_that_need_another_factor_write_no_result(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.assign()
    halves = HEAD + '[[group]]\ntask = "0.1"\nname = "relu"\npoints = 0.5\n'
    place.settings.with_name("policy.toml").write_text(halves)
    assert place.run() == HARNESS
    assert "0.1 relu has 0.5 points, and 0.5 × 1 is not a whole number" in capsys.readouterr().err
    assert not (place.checkout / "result.json").exists()


@pytest.mark.parametrize(
    ("policy", "options", "message"),
    [
        (
            '[[extension]]\nwho = "learner02"\nuntil = 2030-10-09T00:00:00Z\nreason = "ill"\n'
            "[deadline]\nat = 2030-10-05T13:00:00Z\n",
            (),
            "remove the reasons of extensions",
        ),
        (HIDDEN, ("--seed", "5"), "leave out --seed"),
        (
            '[deadline]\nat = 2030-10-05T13:00:00Z\n[[task]]\nid = "0.3"\nfeedback = ["verdict"]\n',
            ("--seed", "5"),
            "leave out --seed",
        ),
        ("name = 1\n", (), "course.toml"),
    ],
)
@pytest.mark.parametrize("kind", ["classroom50", "actions"])
def test_policies_that_are_refused(
    tmp_path: Path, kind: str, policy: str, options: tuple[str, ...], message: str
) -> None:
    file, out = tmp_path / "course.toml", tmp_path / "out"
    file.write_text(HEAD + policy)
    source = ("--grader", "me/it", "--tag", "v1", "--policy", str(file))
    done = CliRunner().invoke(export, [kind, "task0_1", str(out), *source, *options])
    assert done.exit_code == USAGE
    assert message in " ".join(done.output.split())
    assert not out.exists()


def test_points_without_a_factor_are_refused(tmp_path: Path) -> None:
    file, out = tmp_path / "course.toml", tmp_path / "out"
    file.write_text(HEAD + '[[group]]\ntask = "0.1"\nname = "relu"\npoints = 0.12345\n')
    source = ("--grader", "me/it", "--tag", "v1", "--policy", str(file))
    done = CliRunner().invoke(export, ["classroom50", "task0_1", str(out), *source])
    assert done.exit_code == USAGE
    assert "need the factor 20000; allowed are factors up to 1000" in " ".join(done.output.split())
    assert not out.exists()


@pytest.mark.parametrize("kind", ["classroom50", "actions"])
def test_a_repository_without_an_owner_is_refused(tmp_path: Path, kind: str) -> None:
    arguments = [kind, "task0_1", str(tmp_path / "out"), "--tag", "v1", "--grader", "minitorch"]
    done = CliRunner().invoke(export, arguments)
    assert done.exit_code == USAGE
    assert "'minitorch' is not a repository on GitHub; write OWNER/NAME" in done.output


def test_a_seed_is_allowed_if_nothing_is_hidden(place: Place) -> None:
    place.assign("--seed", "5")
    place.assign("--seed", "5", policy=LATE)
    place.run()
    assert place.plans[0].seed == 5


def test_an_export_without_a_policy_removes_the_old_one(place: Place) -> None:
    place.assign(policy=HIDDEN)
    place.assign()
    assert {path.name for path in place.settings.parent.iterdir()} == {
        "autograder.py",
        "settings.json",
    }


# Laws of scores and texts.


@given(
    groups=st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=6),
    deducted=st.integers(0, 100),
    factor=st.sampled_from([1, 2, 3]),
)
def test_a_deduction_keeps_every_score_in_its_limits(
    groups: list[tuple[int, bool]], deducted: int, factor: int
) -> None:
    results = tuple(
        GroupResult(
            f"g{i}",
            Status.PASSED if passed else Status.FAILED,
            worth / 2 * passed,
            worth / 2,
        )
        for i, (worth, passed) in enumerate(groups)
    )
    mark = Mark("test", "0", "abc", "2030-10-01", 100.0, 50.0, deducted=float(deducted))
    judged = msgspec.structs.replace(report(task("4.1", Status.FAILED, groups=results)), mark=mark)
    tests = scores_of(judged, 2 * factor)
    earned = sum(worth * passed for worth, passed in groups) * factor
    possible = sum(worth for worth, _ in groups) * factor
    assert sum(test.max_score for test in tests) == possible
    lost = deducted * possible // 100
    assert sum(test.score for test in tests) == max(earned - lost, 0)
    assert all(0 <= test.score <= test.max_score for test in tests)
    identity = Identity("c", "a", "tag", "commit", "release", "review")
    jsonschema.validate(json.loads(result(tests, identity, NOW)), SCHEMA)


@pytest.mark.parametrize(
    ("simulated", "policy", "factor"),
    [(False, "", 1), (True, "", 1), (False, "points = 0.25\n", 4), (False, "points = 3\n", 1)],
)
def test_the_factor_is_the_smallest_one(simulated: bool, policy: str, factor: int) -> None:
    rules = HEAD + (f'[[group]]\ntask = "0.1"\nname = "relu"\n{policy}' if policy else "")
    parsed = msgspec.toml.decode(rules, type=Policy)
    assert factor_of(table().tasks, parsed, simulated) == factor


def test_a_score_that_is_not_whole_names_the_group() -> None:
    half = (GroupResult("max", Status.PASSED, 0.5, 1.0),)
    with pytest.raises(ScoreError, match=r"4\.4 max has 0\.5 points"):
        scores_of(report(task("4.4", Status.PASSED, groups=half)), 1)


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"))))
def test_an_escaped_text_is_shown_as_it_is(text: str) -> None:
    assert unescape(escaped(text)) == text
    assert not set("<>|*_`[]!@~\\/.") & set(escaped(text))


def test_a_hostile_text_is_no_markup() -> None:
    hostile = task("4.4", Status.ERROR, reason=clean_line(HOSTILE), points=None)
    body = release_body(report(hostile, text=HOSTILE), 1, "page").decode()
    for part in ("<script>", "[link", "{{ 7*7 }}", "**red"):
        assert part not in body
    rows = [line for line in body.splitlines() if line.startswith("| ")]
    assert {row.count("|") for row in rows} == {6}


def test_the_schema_can_refuse() -> None:
    identity = Identity("c", "a", "tag", "commit", "release", "review")
    right = json.loads(result(refusal(8, 1), identity, NOW))
    jsonschema.validate(right, SCHEMA)
    for change in (
        {"score": 0.5},
        {"review": ""},
        {"datetime": "2030-10-08T12:30:15+00:00"},
        {"schema": "classroom50/result/v2"},
        {"owner": "learner01"},
        {"tests": [{**right["tests"][0], "passed": 1}]},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**right, **change}, SCHEMA)


# The script in the teacher's repository.


RUN = """#!{python}
import json, os, pathlib, sys
checkout = pathlib.Path(sys.argv[4])
pathlib.Path({called!r}).write_text(json.dumps([*sys.argv[1:], os.getcwd()]))
for name in {names!r}:
    (checkout / name).write_text("made by the grader")
os.kill(os.getpid(), 9) if {code} < 0 else sys.exit({code})
"""


@dataclass
class Script:
    """The script of an assignment, a repository with a tag, and a checkout."""

    module: ModuleType
    folder: Path
    names: tuple[str, ...] = autograder.OUTPUTS
    code: int = 0

    def prepare(self, grader: Path) -> None:
        """Write an interpreter that stands for the grader."""
        assert (grader / "at-tag").is_file()
        python = grader / ".venv/bin/python"
        python.parent.mkdir(parents=True)
        called = str(self.folder / "called.json")
        python.write_text(
            RUN.format(python=sys.executable, called=called, names=self.names, code=self.code)
        )
        python.chmod(0o755)

    def written(self) -> set[str]:
        return {path.name for path in (self.folder / "checkout").iterdir()}


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@y.org", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def repository(folder: Path) -> str:
    """Make a repository with the tag v1 and a later commit; return its URL."""
    (folder / "at-tag").touch()
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    git(folder, "tag", "v1")
    git(folder, "rm", "-q", "at-tag")
    git(folder, "commit", "-q", "--allow-empty", "-m", "second")
    return folder.as_uri()


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    for name in ("grader", "checkout"):
        (tmp_path / name).mkdir()
    url = repository(tmp_path / "grader")
    arguments = ["classroom50", "task0_1", str(tmp_path / "assignment"), "--tag", "v1"]
    assert CliRunner().invoke(export, [*arguments, "--grader", url]).exit_code == 0
    spec = importlib.util.spec_from_file_location("script", tmp_path / "assignment/autograder.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = Script(module, tmp_path)
    monkeypatch.setattr(module, "prepare", made.prepare)
    monkeypatch.chdir(tmp_path / "checkout")
    return made


def test_the_script_runs_the_grader_of_the_tag(script: Script) -> None:
    (script.folder / "checkout/result.json").mkdir()
    (script.folder / "checkout/release-body.md").write_text("made by the learner")
    assert script.module.main() == 0
    assert script.written() == {*autograder.OUTPUTS}
    assert (script.folder / "checkout/release-body.md").read_text() == "made by the grader"
    *command, cwd = json.loads((script.folder / "called.json").read_text())
    assert command == [
        *("-m", "grading.deployment.classroom50"),
        *(str(script.folder / "assignment/settings.json"), str(script.folder / "checkout")),
    ]
    assert Path(cwd).name == "grader" and not Path(cwd).exists(), "the clone is removed"


@pytest.mark.parametrize(
    ("code", "expected"), [(1, 1), (USAGE, USAGE), (HARNESS, HARNESS), (-9, 137)]
)
def test_the_script_removes_the_result_of_a_failed_run(
    script: Script, code: int, expected: int, capsys: pytest.CaptureFixture[str]
) -> None:
    script.code = code
    assert script.module.main() == expected
    assert script.written() == set()
    assert "There is no score" in capsys.readouterr().err


def test_the_script_needs_all_files(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    script.names = ("result.json",)
    assert script.module.main() == autograder.FAILED
    assert script.written() == set()
    assert "did not write release-body.md, report.html" in capsys.readouterr().err


@pytest.mark.parametrize(("key", "value"), [("tag", "v9"), ("grader", "/nowhere/at-all")])
def test_the_script_without_the_grader(script: Script, key: str, value: str) -> None:
    file = script.folder / "assignment/settings.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    (script.folder / "checkout/result.json").write_text("made by the learner")
    assert script.module.main() == autograder.FAILED
    assert script.written() == set()


def test_the_script_on_another_python(
    script: Script, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script.module, "PYTHONS", ((3, 98), (3, 99)))
    assert script.module.main() == autograder.FAILED
    assert '"python": "3.12"' in capsys.readouterr().err


def test_the_script_needs_only_the_standard_library(tmp_path: Path) -> None:
    """Without site packages and without this repository on the path."""
    command = [sys.executable, "-I", "-S", str(AUTOGRADER)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == autograder.FAILED
    assert "settings.json" in done.stderr
    assert supported_pythons() == autograder.PYTHONS


@pytest.mark.slow
def test_the_script_grades_a_submission(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """With this repository and its environment, which `prepare` would have made."""
    clone = script.folder / "grader"
    for path in ROOT.iterdir():
        if path.name in ("grading", "packages", "asv_benchmarks", "pyproject.toml", "data"):
            (clone / path.name).symlink_to(path)
    git(clone, "add", ".")
    git(clone, "commit", "-q", "-m", "third")
    git(clone, "tag", "v2")
    file = script.folder / "assignment/settings.json"
    settings = json.loads(file.read_text())
    # Not every machine that runs the tests has a sandbox.
    file.write_text(json.dumps({**settings, "tag": "v2", "options": ["--seed", "5"]}))

    def prepare(grader: Path) -> None:
        (grader / ".venv").symlink_to(sys.prefix)

    monkeypatch.setattr(script.module, "prepare", prepare)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    minitorch = script.folder / "checkout/minitorch"
    minitorch.mkdir()
    (minitorch / "__init__.py").touch()
    (minitorch / "operators.py").write_text("def mul(x, y):\n    return x * y\n")
    assert script.module.main() == 0
    content = json.loads((script.folder / "checkout/result.json").read_bytes())
    jsonschema.validate(content, SCHEMA)
    assert {test["test-name"]: test["score"] for test in content["tests"]}["0.1 mul"] == 1
    assert "seed: 5" in unescape((script.folder / "checkout/release-body.md").read_text())
