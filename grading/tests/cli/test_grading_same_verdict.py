"""`status` shows what `grade` said, whatever tree it is about."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from grading.cli import main
from grading.cli.status import progress_of_tasks
from grading.judge import session
from grading.judge.records import Report, from_json
from grading.paths import ROOT
from grading.reports import words
from grading.reports.terminal import COLOURS
from grading.scaffold import write_tree
from grading.submissions.submission import Submission
from grading.tasks.table import table
from grading.tests.mutants.rewriting import Rewrite, make_broken_tree, make_tree

TASKS = ("task0_1", "task0_3", "task1_1", "task2_2", "task3_3")

OPERATORS = "mt_tensor/operators.py"


def changed(*rewrites: Rewrite) -> Callable[[Path], object]:
    return lambda folder: make_tree(folder, rewrites)


def without(hole: str) -> Callable[[Path], object]:
    return lambda folder: make_broken_tree(folder, hole)


def spoilt(module: str, content: bytes | None) -> Callable[[Path], object]:
    """Write the packages with one file that holds something else, or is missing."""

    def make(folder: Path) -> None:
        make_tree(folder, [])
        (file,) = folder.glob(f"packages/*/src/{module}")
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content)

    return make


def upstream(**files: str) -> Callable[[Path], object]:
    """Write a tree in the course's layout."""

    def make(folder: Path) -> None:
        for name, content in {"__init__": "", **files}.items():
            file = folder / "minitorch" / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")

    return make


TREES: dict[str, Callable[[Path], object]] = {
    "ours": changed(),
    "a scaffold": lambda folder: write_tree(ROOT, 0, folder, table(), None),
    "a wrong sum": without("mt_tensor.operators:add"),
    "a wrong map": without("mt_tensor.operators:map"),
    "no layout": without("mt_tensor.layout:broadcast_index"),
    "another constant": changed(Rewrite(OPERATORS, "return x * y", "return x * y + 1e-3")),
    "no derivative": without("mt_autodiff.derivatives:central_difference"),
    "a syntax error": spoilt(OPERATORS, b"def mul(:"),
    "bytes that are no text": spoilt(OPERATORS, b"\xff\xfe\x00"),
    "an empty file": spoilt("mt_tensor/layout.py", b""),
    "a file that is missing": spoilt("mt_autodiff/derivatives.py", None),
    "the course's, empty": upstream(),
    "the course's, begun": upstream(
        autodiff="def central_difference(f, *vals, arg=0, epsilon=1e-6):\n"
        "    raise NotImplementedError\n",
        operators="def mul(x, y):\n    return x * y\n",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("tree", TREES)
def test_status_and_grade_show_the_same_verdict(
    tree: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("grading.cli.stored_results.ROOT", tmp_path / "repository")
    # What is right is no concern here.
    profile = settings(session.PROFILE, max_examples=5)
    monkeypatch.setattr("grading.judge.session.PROFILE", profile)
    folder = tmp_path / "tree"
    TREES[tree](folder)
    arguments = ["--submission", str(folder)]
    main(["grade", *TASKS, *arguments, "--no-speed", "--json", str(tmp_path / "report.json")])
    report: Report = from_json((tmp_path / "report.json").read_bytes())
    progress = progress_of_tasks(Submission.at(folder), table())
    for task in report.tasks:
        each = progress[task.id]
        assert each.text.startswith(f"{words.outcome(task)} · ")
        assert "changed since" not in each.text
        assert (each.sign, each.colour) == (words.SIGNS[task.status], COLOURS[task.status])
        assert each.score == words.score(task)
    capsys.readouterr()
    main(["status", *arguments])
    output = " ".join(capsys.readouterr().out.split())
    for task in report.tasks:
        assert f"{words.SIGNS[task.status]} {task.id} {task.title}" in output
