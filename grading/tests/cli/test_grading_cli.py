"""The commands: what they refuse, what they write, and what they exit with."""

import json
import re
import shutil
from pathlib import Path

import pytest

from grading.cli import grade as _grade  # noqa: F401  (the module is patched by its name)
from grading.cli import main
from grading.cli.doctor import run_check
from grading.cli.doctor_checks import Finding, Health, data, doctor_checks, python
from grading.cli.status import next_tasks, progress_of_tasks
from grading.cli.stored_results import FOLDER, digest_of_sources, load_results, store_results
from grading.isolation import IsolationError
from grading.judge.exit_codes import FAILED, HARNESS, OK, USAGE
from grading.judge.records import GroupResult, Report, Status, from_json
from grading.judge.run import Plan, Progress
from grading.paths import ROOT
from grading.submissions.submission import Submission
from grading.tasks.model import Table
from grading.tasks.table import table
from grading.tests.sample_reports import every_kind, report, task
from tools.import_graph import imports_of


class Judge:
    """Stands in for the judge: remembers what it was asked, and answers with a report."""

    def __init__(self, answer: Report | Exception) -> None:
        self.answer = answer
        self.plans: list[Plan] = []

    def __call__(self, plan: Plan, tasks: Table, progress: object) -> Report:
        self.plans.append(plan)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture(autouse=True)
def _separate_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what these tests judge out of the repository's own memory."""
    monkeypatch.setattr("grading.cli.stored_results.ROOT", tmp_path / "repository")


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    """A submission in the course's layout, with a task to write."""
    package = tmp_path / "work" / "minitorch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "autodiff.py").write_text(
        "def central_difference(f, *vals, arg=0, epsilon=1e-6):\n"
        "    raise NotImplementedError('Need to implement for Task 1.1')\n",
        encoding="utf-8",
    )
    return package.parent


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    made = Judge(report(task("4.2", Status.PASSED)))
    monkeypatch.setattr("grading.cli.grade.judge", made)
    return made


@pytest.mark.parametrize(
    ("statuses", "options", "code"),
    [
        ([Status.PASSED], [], OK),
        ([Status.PASSED, Status.FAILED], [], FAILED),
        ([Status.PASSED, Status.NOT_JUDGED], [], OK),
        ([Status.PASSED, Status.NOT_JUDGED], ["--require-all"], FAILED),
        ([Status.ERROR], [], HARNESS),
    ],
)
def test_exit_codes(
    statuses: list[Status], options: list[str], code: int, judge: Judge, submission: Path
) -> None:
    judge.answer = report(*(task(f"4.{i}", each) for i, each in enumerate(statuses, start=1)))
    assert main(["grade", "--submission", str(submission), *options]) == code


def test_options_reach_the_judge(judge: Judge, submission: Path) -> None:
    options = ["--seed", "5", "--no-speed", "--simulate", "--strict-isolation"]
    main(["grade", "module4", "task0_1", "--submission", str(submission), *options])
    (plan,) = judge.plans
    assert [each.id for each in plan.tasks] == ["0.1", "4.1", "4.2", "4.3", "4.4", "4.4b", "4.5"]
    assert (plan.seed, plan.speed, plan.simulate, plan.isolation) == (5, False, True, "required")
    assert plan.submission.root == submission.resolve()


def test_the_current_check_is_kept_in_a_file(
    submission: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    file = tmp_path / "progress.json"

    def judge(plan: Plan, tasks: Table, progress: Progress) -> Report:
        for check in ("", "test_sum"):
            progress(plan.tasks[0], check)
            seen.append(json.loads(file.read_text("utf-8")))
        return report(task("4.2", Status.PASSED))

    monkeypatch.setattr("grading.cli.grade.judge", judge)
    main(["grade", "task4_2", "--submission", str(submission), "--progress", str(file)])
    title = "4.2  2-D convolution"
    assert [tuple(each.values()) for each in seen] == [(title, ""), (title, "test_sum")]
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_seed_is_drawn_and_shown(
    judge: Judge,
    submission: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = iter([3, 8])
    monkeypatch.setattr("grading.cli.grade.draw_seed", lambda: next(drawn))
    for _ in range(2):
        main(["grade", "--submission", str(submission)])
    assert [plan.seed for plan in judge.plans] == [3, 8]
    assert "seed 7" in capsys.readouterr().out


def test_all_formats_are_written(judge: Judge, submission: Path, tmp_path: Path) -> None:
    judge.answer = every_kind()
    names = ("json", "html", "junit", "gradescope", "csv")
    files = [part for name in names for part in (f"--{name}", str(tmp_path / name))]
    main(["grade", "--submission", str(submission), *files])
    assert from_json((tmp_path / "json").read_bytes()) == judge.answer
    assert json.loads((tmp_path / "gradescope").read_bytes())["score"] == 10
    for name in names:
        assert b"4.2" in (tmp_path / name).read_bytes() or name == "junit"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["grade", "task42"], ["no task 'task42'", "did you mean task4_2"]),
        (["grade", "task9_9"], ["task0_1 … task6_2", "module0 … module6"]),
        (["grade", "--submission", "{tmp}/nowhere"], ["nowhere does not exist"]),
        (["grade", "--submission", "{tmp}"], ["is not a submission"]),
        (["grade", "--json", "{tmp}/no/such/file"], ["no folder", "--json"]),
        (["grade", "--json", "{tmp}/" + 250 * "x"], ["cannot be written: File name too long"]),
        (["grade", "--html", ""], ["--html", "the path is empty; name a path"]),
        (["grade", "--submission", ""], ["--submission", "the path is empty"]),
        (["grade", "--batch", ""], ["--batch", "the path is empty"]),
        (["grade", "--batch", "{tmp}/" + 300 * "x"], ["File name too long; name another path"]),
        (["grade", "--progress", "{tmp}/no/file"], ["no folder", "--progress"]),
        (["scaffold", "module1", ""], ["OUT", "the path is empty"]),
        (["scaffold", "module1", "{tmp}/file/x"], ["OUT = ", "cannot be written: Not a directory"]),
        (["sync", ""], ["PREVIOUS", "the path is empty"]),
        (["status", "--submission", ""], ["--submission", "the path is empty"]),
        (["regrade", "", "--policy", "x"], ["RESULTS", "the path is empty"]),
        (["grade", "--seed", "x"], ["--seed"]),
        (["grade", "--jobs", "2"], ["--jobs", "--batch"]),
        (["grade", "--batch", "{tmp}", "--watch"], ["--watch", "--batch"]),
        (["grade", "--batch", "{tmp}", "--html", "{tmp}/x"], ["--html", "--batch"]),
        (["grade", "--batch", "{tmp}/nowhere", "--out", "{tmp}/out"], ["nowhere"]),
        (["grade", "--sead", "3"], ["--sead", "--seed"]),
        (["grad"], ["grad"]),
        (["status", "--submission", "{tmp}/nowhere"], ["nowhere does not exist"]),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else str(value),
)
def test_invalid_arguments_are_refused(
    arguments: list[str],
    words: list[str],
    judge: Judge,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").touch()
    assert main([each.format(tmp=tmp_path) for each in arguments]) == USAGE
    assert not judge.plans
    output = " ".join(capsys.readouterr().err.split())
    for word in words:
        assert word in output


def test_harness_errors_and_failed_tasks_have_different_exit_codes(
    judge: Judge, submission: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for error in (RuntimeError("no disk"), IsolationError("no sandbox")):
        judge.answer = error
        assert main(["grade", "--submission", str(submission)]) == HARNESS
        output = capsys.readouterr().err
        assert str(error) in output
        assert "independent of the submission" in output


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == OK
    output = capsys.readouterr().out
    for name in ("grade", "status", "doctor", "scaffold", "sync", "Exit codes"):
        assert name in output


def test_status_of_a_tree_without_solutions(
    submission: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--submission", str(submission)]) == OK
    output = capsys.readouterr().out
    assert re.search(r"○ +1\.1 .*1 of 1 functions to write", output)
    assert re.search(r"– +4\.2 .*not there", output)
    assert "hatch run grade task1_1" in output


def test_status_takes_an_archive(
    submission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = shutil.make_archive(str(tmp_path / "hw1"), "zip", submission)
    assert main(["status", "--submission", archive]) == OK
    assert re.search(r"○ +1\.1 .*1 of 1 functions to write", capsys.readouterr().out)
    (tmp_path / "empty").mkdir()
    assert main(["status", "--submission", str(tmp_path / "empty")]) == USAGE
    assert "is not a submission" in capsys.readouterr().err


def test_status_names_a_file_that_is_not_valid_python(
    submission: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = submission / "minitorch" / "autodiff.py"
    file.write_text(file.read_text(encoding="utf-8") + "\ndef half(x:\n", encoding="utf-8")
    assert main(["status", "--submission", str(submission)]) == OK
    assert re.search(r"✗ +1\.1 .*autodiff\.py:4 is not valid", capsys.readouterr().out)


def test_status_shows_stored_verdicts(submission: Path) -> None:
    found, tasks = Submission.at(submission), table()
    (submission / "minitorch" / "autodiff.py").write_text(
        "def central_difference(): ...\n", encoding="utf-8"
    )
    groups = (
        GroupResult("mul", Status.PASSED, 6.0, 6.0),
        GroupResult("div", Status.NOT_JUDGED, None, 4.0),
    )
    partly = task("1.2", Status.PARTLY, points=6.0, groups=groups)
    store_results(report(task("1.1", Status.PASSED), partly), found)
    assert list(load_results(found)) == ["1.1", "1.2"]
    progress = progress_of_tasks(found, tasks)
    assert progress["1.1"].done and not progress["1.2"].done
    assert (progress["1.2"].points, progress["1.2"].score) == (6.0, "6 of 6, 4 open")
    assert "1.1" not in [each.id for each in next_tasks(progress, tasks)]
    (submission / "minitorch" / "autodiff.py").write_text(
        "def central_difference(): pass\n", encoding="utf-8"
    )
    assert "changed since" in progress_of_tasks(found, tasks)["1.1"].text


def test_absent_tasks_are_stored_until_a_file_changes(submission: Path) -> None:
    found, tasks = Submission.at(submission), table()
    absent = task("4.2", Status.NOT_THERE, reason="the submission has no minitorch.fast_conv")
    store_results(report(absent), found)
    assert "not there: the submission" in progress_of_tasks(found, tasks)["4.2"].text
    file = submission / "minitorch" / "fast_conv.py"
    file.write_text("", encoding="utf-8")
    assert progress_of_tasks(found, tasks)["4.2"].text == "fast_conv.py is empty"
    file.write_text("import math\n", encoding="utf-8")
    assert "changed since" in progress_of_tasks(found, tasks)["4.2"].text


def test_an_empty_file_is_named(submission: Path) -> None:
    (submission / "minitorch" / "autodiff.py").write_text("# Later.\n", encoding="utf-8")
    progress = progress_of_tasks(Submission.at(submission), table())["1.1"]
    assert (progress.text, progress.colour) == ("autodiff.py is empty", "red")


def test_nothing_is_written_into_another_folder(submission: Path) -> None:
    before = sorted(submission.rglob("*"))
    store_results(report(task("1.1", Status.PASSED)), Submission.at(submission))
    assert sorted(submission.rglob("*")) == before


@pytest.mark.parametrize("content", ["", "{", '{"1.1": 3}', "\udcff"])
def test_a_damaged_record_is_ignored(content: str, submission: Path) -> None:
    folder = submission / FOLDER
    folder.mkdir()
    (folder / "results.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert load_results(Submission.at(submission)) == {}


@pytest.mark.parametrize("of_layout", ["packages", "upstream"])
def test_links_and_folders_that_are_named_like_sources(of_layout: str, tmp_path: Path) -> None:
    package = tmp_path / "minitorch"
    if of_layout == "packages":
        package = tmp_path / "packages" / "minitorch" / "src" / "minitorch"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "lost.py").symlink_to("nowhere.py")
    (package / "folder.py").mkdir()
    (package / "folder.py" / "inner.py").touch()
    submission = Submission.at(tmp_path)
    before = digest_of_sources(submission)
    store_results(report(task("1.1", Status.PASSED)), submission)
    assert load_results(submission)["1.1"].sources == before
    (package / "folder.py" / "inner.py").write_text("pass", encoding="utf-8")
    assert digest_of_sources(submission) != before


def test_next_is_a_task_whose_prerequisites_pass(submission: Path) -> None:
    found, tasks = Submission.at(submission), table()
    waiting = [each.id for each in next_tasks(progress_of_tasks(found, tasks), tasks)]
    # Only 1.1 has its file; 0.2 has no function to write, and waits for 0.1.
    assert "1.1" in waiting
    assert "0.2" not in waiting


def test_doctor_exits_with_1_only_if_grading_is_impossible(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fine() -> Finding:
        return Finding("one", Health.GOOD, "fine")

    def poor() -> Finding:
        return Finding("two", Health.POOR, "slow", "buy a faster one")

    def bad() -> Finding:
        raise OSError("gone")

    for found, code in ([(fine, poor), OK], [(fine, bad), FAILED]):
        monkeypatch.setattr("grading.cli.doctor.doctor_checks", lambda found=found: found)
        assert main(["doctor"]) == code
    output = capsys.readouterr().out
    assert "→ buy a faster one" in output
    assert "OSError: gone" in output


def test_doctor_checks_the_requirements_of_the_guide() -> None:
    names = [check.__name__ for check in doctor_checks()]
    assert {"python", "libraries", "packages", "cache", "data", "sandbox", "gpu"} <= set(names)
    assert run_check(python).health is Health.GOOD


def test_doctor_finds_a_changed_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  some.gz\n", encoding="utf-8")
    (folder / "some.gz").write_bytes(b"changed")
    monkeypatch.setattr("grading.cli.doctor_checks.ROOT", tmp_path)
    found = data()
    assert found.health is Health.POOR
    assert found.remedy == "git checkout -- data/some.gz"


def test_no_other_module_imports_the_command_line() -> None:
    grading = ROOT / "grading"
    below = [
        file
        for file in grading.rglob("*.py")
        if not {grading / "cli", grading / "tests"} & {*file.parents} and file.name != "__main__.py"
    ]
    assert below
    imports = [each for file in below for each in imports_of(file)]
    assert [str(each) for each in imports if f"{each.module}.".startswith("grading.cli.")] == []
