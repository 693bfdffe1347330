"""The downloads of the platforms are batches; their ids are those of the gradebooks."""

import csv
import os
import shutil
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest

from grading.batch.command import TABLE
from grading.batch.digest import digest_of_all
from grading.batch.engine import Settings
from grading.batch.find import BatchError, Entry, find_submissions
from grading.batch.store import Store
from grading.cli import main
from grading.paths import ROOT
from grading.tests.upstream_trees import write_upstream


def touch(folder: Path, *names: str) -> None:
    """Create empty files, and folders for names with a slash at their ends."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.touch()


def found(folder: Path) -> dict[str, Entry]:
    return {entry.name: entry for entry in find_submissions(folder)}


def test_folders_and_archives(tmp_path: Path) -> None:
    touch(tmp_path, "anna/", "ben.zip", "carl.TAR.GZ", "dora.7z", "eva.rar", "fay.tar.bz2")
    touch(tmp_path, ".DS_Store", "__MACOSX/x.zip", "grades.csv", "._ben.zip", ".hidden/")
    entries = found(tmp_path)
    assert list(entries) == ["anna", "ben", "carl", "dora", "eva", "fay"]
    assert [name for name, entry in entries.items() if entry.problem] == ["eva"]
    assert "eva.rar cannot be unpacked; a submission is a folder, a .zip" in entries["eva"].problem
    assert {entry.key for entry in entries.values()} == set(entries)


@pytest.mark.parametrize(
    ("names", "submissions"),
    [
        (("anna", "ben"), ["anna", "ben"]),
        (("hw1", "hw2"), ["class"]),
        (("Module-1", "Module-2"), ["class"]),
        (("anna",), ["class"]),
        ((".",), ["class"]),
    ],
)
def test_a_folder_around_a_class(
    tmp_path: Path, names: tuple[str, ...], submissions: list[str]
) -> None:
    for name in names:
        touch(tmp_path / "class" / name, "minitorch/__init__.py", "tests/x.py")
    touch(tmp_path, "class/readme.md")
    assert list(found(tmp_path)) == submissions


def test_special_files_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    (tmp_path / "link.zip").symlink_to("/etc/passwd")
    problems = {name: entry.problem for name, entry in found(tmp_path).items()}
    assert "cannot be unpacked" in problems["pipe"]
    assert "symbolic link" in problems["link.zip"]


def test_a_download_of_canvas(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "doejane_101_5001_hw4.zip",
        "doejane_101_5002_hw3-1.zip",
        "doejane_101_5003_notes.pdf",
        "roejohn_LATE_102_5004_hw4.tar.gz",
        "poejim_103_text.html",
        "loosefiles_104_5005_operators.py",
        "loosefiles_104_5006_nn.py",
    )
    entries = found(tmp_path)
    assert list(entries) == ["101", "102", "103", "104"]
    assert {entry.platform for entry in entries.values()} == {"Canvas"}
    assert [entry.who for entry in entries.values()] == [
        "doejane",
        "roejohn",
        "poejim",
        "loosefiles",
    ]
    names = [[path.name for path in entry.paths] for entry in entries.values()]
    assert names[0] == ["doejane_101_5001_hw4.zip", "doejane_101_5002_hw3-1.zip"]
    assert names[1] == ["roejohn_LATE_102_5004_hw4.tar.gz"]
    assert "found text.html; a submission is" in entries["103"].problem
    assert "found operators.py, nn.py; a submission is" in entries["104"].problem
    assert not entries["101"].problem
    command = Settings(ROOT, ("task0_1",), 1.0).job(entries["101"]).command
    given = [part for flag, part in pairwise(command) if flag == "--submission"]
    assert given == [str(path) for path in entries["101"].paths]


@pytest.mark.parametrize("end", ["", "_"])
def test_a_download_of_moodle_in_folders(tmp_path: Path, end: str) -> None:
    inner = tmp_path / "course-hw4-99"
    touch(inner, f"Jane Doe_4711_assignsubmission_file{end}/hw4.zip")
    touch(inner, f"Jane Doe_4711_assignsubmission_onlinetext{end}/onlinetext.html")
    touch(inner, f"Jane Doe_4712_assignsubmission_file{end}/hw4/minitorch/__init__.py")
    touch(inner, f"Jim Poe_4713_assignsubmission_onlinetext{end}/onlinetext.html")
    # The folder around it, which a program for archives has added, is skipped.
    touch(tmp_path, ".DS_Store", "__MACOSX/x")
    entries = found(tmp_path)
    assert list(entries) == ["4711", "4712", "4713"]
    assert [entry.who for entry in entries.values()] == ["Jane Doe", "Jane Doe", "Jim Poe"]
    assert [path.name for path in entries["4711"].paths] == [
        f"Jane Doe_4711_assignsubmission_file{end}"
    ]
    assert "found a text" in entries["4713"].problem
    # One learner alone is no folder around others.
    shutil.rmtree(inner / f"Jane Doe_4711_assignsubmission_file{end}")
    shutil.rmtree(inner / f"Jane Doe_4711_assignsubmission_onlinetext{end}")
    shutil.rmtree(inner / f"Jim Poe_4713_assignsubmission_onlinetext{end}")
    assert list(found(inner)) == list(found(tmp_path)) == ["4712"]


def test_a_download_of_moodle_without_folders(tmp_path: Path) -> None:
    touch(tmp_path, "Participant_4711_assignsubmission_file_x_1_2_hw4.zip")
    touch(tmp_path, "Participant_4712_assignsubmission_file_nn.py")
    entries = found(tmp_path)
    assert list(entries) == ["4711", "4712"]
    assert not entries["4711"].problem
    assert "found nn.py" in entries["4712"].problem


def test_the_latest_attempt_of_blackboard(tmp_path: Path) -> None:
    for user in ("jdoe", "r_roe"):
        for day in ("07", "08"):
            name = f"Homework 4 (a)_{user}_attempt_2030-10-{day}-23-59-00"
            touch(tmp_path, f"{name}.txt", f"{name}_hw.zip")
    entries = found(tmp_path)
    assert list(entries) == ["jdoe", "r_roe"]
    entry = entries["r_roe"]
    assert entry.path.name == "Homework 4 (a)_r_roe_attempt_2030-10-08-23-59-00_hw.zip"
    assert (entry.handed_in, entry.more, entry.problem) == ("2030-10-08T23:59:00", (), "")


def test_an_archive_and_its_unpacked_folder_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "anna/", "anna.zip")
    with pytest.raises(BatchError, match=r"anna: anna and anna\.zip; rename one"):
        find_submissions(tmp_path)


def test_a_file_as_a_batch_is_refused_with_a_command(tmp_path: Path) -> None:
    touch(tmp_path, "course hw.zip")
    with pytest.raises(BatchError, match=r"unpack .*: python -m zipfile -e '.*hw\.zip' '.*hw'"):
        find_submissions(tmp_path / "course hw.zip")


def test_a_submission_as_a_batch_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "minitorch/__init__.py", "tests/x.py")
    with pytest.raises(BatchError, match=r"a single submission; grade it with --submission"):
        find_submissions(tmp_path)


def test_a_digest_depends_on_all_archives(tmp_path: Path) -> None:
    paths = [tmp_path / "a.zip", tmp_path / "b.zip"]
    digests = set()
    for contents in (b"1", b"2"):
        for path in paths:
            path.write_bytes(contents)
            digests |= {digest_of_all(paths), digest_of_all(paths[:1])}
    assert len(digests) == 6


def rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / TABLE).open(encoding="utf-8-sig", newline="") as table:
        return {row["submission"]: row for row in csv.DictReader(table)}


def test_a_download_is_graded_and_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the grader itself, which gives a reason for what it refuses."""
    write_upstream(tmp_path / "repository" / "hw0", "2024", 0)
    write_upstream(tmp_path / "repository" / "hw1", "2024", 1)
    batch, out = tmp_path / "class", tmp_path / "out"
    batch.mkdir()
    with zipfile.ZipFile(batch / "doejane_101_5001_repository.zip", "w") as packed:
        for path in (tmp_path / "repository").rglob("*.py"):
            packed.write(path, path.relative_to(tmp_path))
    with zipfile.ZipFile(batch / "roejohn_LATE_102_5002_hw.zip", "w") as packed:
        packed.writestr("../escape.py", "x")
    with zipfile.ZipFile(batch / "poejim_103_5003_hw.zip", "w") as packed:
        packed.writestr("hw/report.pdf", "x")
    arguments = ["grade", "task0_4", "--no-speed", "--batch", str(batch), "--out", str(out)]
    assert main(arguments) == 1
    first = rows(out)
    assert [row["outcome"] for row in first.values()] == ["graded", *["no submission"] * 2]
    assert first["101"]["who"] == "doejane"
    assert float(first["101"]["points"]) == float(first["101"]["possible"]) > 0
    assert "the path '../escape.py', which leads out of it" in first["102"]["reason"]
    assert "hw/ holds 1 file (report.pdf)" in first["103"]["reason"]
    page = (out / "101" / "report.html").read_text(encoding="utf-8")
    assert "judged: repository/hw0" in page
    assert "left out: repository/hw1" in page
    assert Store(out).grades()["101"].platform == "Canvas"
    assert main(arguments) == 1
    assert "101: graded before" in capsys.readouterr().out
    assert rows(out) == first
