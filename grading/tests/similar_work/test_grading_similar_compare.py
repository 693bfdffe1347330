"""The comparison finds planted copies among independent solutions, and accuses no template."""

import subprocess
import sys
from pathlib import Path

import pytest

from grading.batch.find import find_submissions
from grading.cli import main
from grading.similar import compare
from grading.similar.compare import (
    MINIMUM,
    SHORTEST,
    SimilarError,
    Work,
    similar_pairs,
    tool,
    work_of,
)
from grading.tasks.table import table
from grading.tests.similar_work.disguises import DISGUISES, disguised
from grading.tests.similar_work.planted import text_of
from grading.tests.upstream_trees import write_upstream


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A class of one submission."""
    return write_upstream(tmp_path / "class" / "anna", "2022", 0).parent


def test_a_missing_environment_is_named(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compare, "ENVIRONMENT", tree / ".venv-similar")
    assert main(["grade", "task0_1", "--batch", str(tree), "--similar"]) == 2
    text = " ".join(capsys.readouterr().err.split())
    assert "create it once: hatch env create similar" in text
    # Nothing was graded for a comparison that cannot run.
    assert not (tree.parent / "class-results").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--similar"], "--similar needs --batch"),
        (["--batch", "class", "--earlier", "."], "--earlier needs --similar"),
    ],
)
def test_options_that_need_others(
    options: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["grade", "task0_1", *options]) == 2
    assert reason in " ".join(capsys.readouterr().err.split())


def test_a_failed_comparison_is_an_error_with_a_solution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "script.py"
    script.write_text("import no_such_module\n")
    monkeypatch.setattr(compare, "SCRIPT", script)
    works = [Work("anna", "a = 1"), Work("ben", "a = 1")]
    with pytest.raises(SimilarError, match=r"no_such_module.*hatch env create similar"):
        similar_pairs(works, Path(sys.executable))
    script.write_text("print('[{')\n")
    with pytest.raises(SimilarError, match="comparison failed"):
        similar_pairs(works, Path(sys.executable))


def test_submissions_that_cannot_be_compared_have_a_reason(tree: Path) -> None:
    (tree / "broken.zip").write_bytes(b"PK")
    (tree / "empty").mkdir()
    tasks = [table().task("0.3")]
    works = {
        each.name: each for each in (work_of(e, tasks, table()) for e in find_submissions(tree))
    }
    assert "damaged" in works["broken"].problem
    assert "is not a submission" in works["empty"].problem
    assert works["anna"].problem == ""
    (entry,) = (each for each in find_submissions(tree) if each.name == "anna")
    short = work_of(entry, [table().task("1.1")], table())
    assert f"{SHORTEST} to" in short.problem


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of the environment with compare50, which is created if necessary."""
    try:
        return tool()
    except SimilarError:
        subprocess.run(["hatch", "env", "create", "similar"], check=True, capture_output=True)
        return tool()


@pytest.mark.slow
def test_copies_are_found_in_every_disguise(python: Path, tmp_path: Path) -> None:
    import random

    from grading.similar.documents import parts_of
    from grading.submissions.submission import Submission
    from grading.tests.course_styles import STYLES

    rng = random.Random(1)
    trees = {
        "2021": write_upstream(tmp_path / "2021", "2021", 4),
        "style": STYLES["tiles by NumPy; a maximum that drops its dimension"].write(
            tmp_path / "style"
        ),
    }
    tasks = [table().task(each) for each in ("4.1", "4.2", "4.3", "4.4")]
    texts = {
        name: "\n".join(parts_of(Submission.at(each), tasks, table()).values())
        for name, each in trees.items()
    }
    source = (trees["2021"] / "minitorch" / "nn.py").read_text("utf-8")
    source += (trees["2021"] / "minitorch" / "fast_conv.py").read_text("utf-8")
    plain = text_of(source)
    works = [Work("source", plain)]
    works += [Work(name, text_of(disguised(source, each, rng))) for name, each in DISGUISES.items()]
    works += [Work("style", texts["style"], is_earlier=True)]
    pairs = similar_pairs(works, python)
    of_source = {pair.second: pair for pair in pairs if pair.first == 0}
    assert set(range(1, len(DISGUISES) + 1)) <= of_source.keys()
    assert all(pair.parts and pair.similarity >= MINIMUM for pair in of_source.values())
    first = of_source[1]
    for (start, end), _ in first.parts:
        assert 0 <= start < end <= len(plain)
    assert pairs == sorted(pairs, key=lambda pair: -pair.similarity)


@pytest.mark.slow
def test_a_batch_lists_similar_work_of_this_and_of_earlier_years(
    python: Path, tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_upstream(tree.parent / "2029" / "ben", "2022", 0)
    write_upstream(tree.parent / "2029" / "carl", "2022", 0)
    (tree / "broken.zip").write_bytes(b"PK")
    options = ["--no-speed", "--batch", str(tree), "--similar"]
    options += ["--earlier", str(tree.parent / "2029")]
    code = main(["grade", "task0_1", "task0_3", *options])
    assert code == 1
    assert "2 of the pairs of 3 submissions" in capfd.readouterr().out
    folder = tree.parent / "class-results" / "similar"
    rows = (folder / "pairs.csv").read_text("utf-8-sig").splitlines()[1:]
    # The hand-ins of one earlier year are not compared with each other.
    assert [row.split(",")[:3] for row in rows] == [
        ["anna", "2029/ben", "1.000"],
        ["anna", "2029/carl", "1.000"],
    ]
    assert "broken.zip is refused" in (folder / "index.html").read_text("utf-8")
