"""Results that the grader of commit 0270e5e has stored are still read."""

import shutil
import sys
from pathlib import Path

import pytest
from rich.console import Console

from grading.batch.command import TABLE, grade_batch
from grading.batch.engine import Settings
from grading.batch.find import find_submissions
from grading.batch.store import Store
from grading.cli.status import progress_of_tasks
from grading.cli.stored_results import FILE, FOLDER, load_results
from grading.judge.records import Status, from_json, to_json
from grading.paths import ROOT
from grading.submissions.submission import Submission
from grading.tasks.table import table

DATA = Path(__file__).with_name("data") / "commit-0270e5e"


def test_status_shows_a_result_of_an_earlier_version(tmp_path: Path) -> None:
    (tmp_path / "minitorch").mkdir()
    for name in ("__init__", "operators"):
        (tmp_path / "minitorch" / f"{name}.py").write_text(f'"""The module {name}."""\n')
    (tmp_path / FOLDER).mkdir()
    shutil.copy(DATA / "results.json", tmp_path / FOLDER / FILE)
    submission = Submission.at(tmp_path)
    known = load_results(submission)["0.1"]
    assert (known.status, known.points) == (Status.PASSED, 10.0)
    progress = progress_of_tasks(submission, table())["0.1"]
    assert progress.done
    assert progress.text.startswith("passed")


def test_a_report_of_an_earlier_version_is_read_and_written() -> None:
    content = (DATA / "report.json").read_bytes()
    report = from_json(content)
    assert (report.points, report.tasks[0].status) == (10.0, Status.PASSED)
    assert to_json(report) == content


def test_a_batch_of_an_earlier_version_is_summarised_without_grading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(DATA / "batch-results", tmp_path / "results")
    for name in ("anna", "ben"):
        (tmp_path / "class" / name).mkdir(parents=True)
    store = Store(tmp_path / "results")
    known = {name: store.grade(name) for name in ("anna", "ben")}
    # As if neither the submissions nor the grader had changed since.
    digests = {name: grade.contents.split(":") for name, grade in known.items() if grade}
    monkeypatch.setattr(
        "grading.batch.engine.digest_of_grader", lambda root, settings: digests["anna"][0]
    )
    monkeypatch.setattr(
        "grading.batch.engine.digest_of_all", lambda paths: digests[paths[0].name][1]
    )
    # Whatever is graded again fails.
    settings = Settings(ROOT, (), 1.0, program=(sys.executable, "-c", "raise SystemExit(3)"))
    table_before = (tmp_path / "results" / TABLE).read_bytes()
    with (tmp_path / "screen.txt").open("w", encoding="utf-8") as screen:
        entries = find_submissions(tmp_path / "class")
        seed = store.seed(None, drawn=17)
        code = grade_batch(entries, settings, store, seed, console=Console(file=screen, width=200))
    assert (code, seed) == (1, 5)
    shown = (tmp_path / "screen.txt").read_text(encoding="utf-8")
    assert "anna: graded before" in shown and "ben: graded before" in shown
    assert "wrong: 0.1" in shown
    assert (tmp_path / "results" / TABLE).read_bytes() == table_before
    assert {name: store.grade(name) for name in known} == known
