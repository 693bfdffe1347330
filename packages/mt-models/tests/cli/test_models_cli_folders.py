"""Paths on the command line that cannot be used: the message has the path, reason and way out."""

import errno
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mt_models.cli import main
from mt_models.cli.errors import REASONS, sentence, shown_path

LONG = "x" * 300
SHOWN = f"{'x' * 50}…{'x' * 50} (300 characters)"
TRAIN = ("train", "points", "--backend", "reference", "--n", "12", "--hidden", "3", "--epochs", "1")
NO_SYSTEM_FILES = pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no /proc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file, and a run of points in `run`."""
    path = tmp_path_factory.mktemp("paths")
    (path / "file").write_text("text", encoding="utf-8")
    assert CliRunner().invoke(main, [*TRAIN, "--out", str(path / "run")]).exit_code == 0
    return path


def refused(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """Run a command in the folder, which must end with an error; return its message."""
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    result: Result = CliRunner().invoke(main, words, prog_name="mt_models")
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit)
    assert sorted(folder.rglob("*")) == before
    assert "Errno" not in result.output
    return result.output.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("file", "Directory 'file' is a file."),
        ("file/x", "the run cannot be saved in file/x: a part of the path is a file; choose "),
        (LONG, f"the run cannot be saved in {SHOWN}: the name is too long; choose another folder "),
        ("", "the path is empty; pass a path, or . for the current folder"),
        pytest.param(
            "/proc/x",
            "saved in /proc/x: the file system allows no new files there; choose another folder "
            "with --out",
            marks=NO_SYSTEM_FILES,
        ),
        pytest.param(
            "/proc/self", "saved in /proc/self: the file system allows no", marks=NO_SYSTEM_FILES
        ),
    ],
)
def test_folders_that_cannot_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, out: str, message: str
) -> None:
    assert message in refused(folder, monkeypatch, *TRAIN, "--out", out)


def test_a_current_folder_without_write_permission(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    # The superuser may write everywhere, so the system's answer is replaced.
    monkeypatch.setattr(Path, "mkdir", refuse)
    message = refused(folder, monkeypatch, *TRAIN)
    assert message.endswith("saved in runs: permission denied; choose another folder with --out")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--csv", "file/x.csv"), "file/x.csv cannot be written: a part of the path is a file"),
        (("--csv", "nowhere/x.csv"), "the folder nowhere does not exist; create it, or choose"),
        (("--csv", LONG), f"{SHOWN} cannot be written: the name is too long; choose another file"),
        (("--csv", ""), "the path is empty"),
        (("--tensorboard", "file/x"), "file/x cannot be written: a part of the path is a file"),
        (("--tensorboard", ""), "the path is empty"),
        pytest.param(
            ("--csv", "/proc/x.csv"), "/proc/x.csv cannot be written", marks=NO_SYSTEM_FILES
        ),
    ],
)
def test_exports_that_cannot_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, str], message: str
) -> None:
    assert message in refused(folder, monkeypatch, "runs", "export", "run", *words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("predict", "", "0.2,0.8"), "the name of the run is empty"),
        (("predict", LONG, "0.2,0.8"), f"there is no run {SHOWN}"),
        (("runs", "compare", "", "run"), "the name of the run is empty"),
        (("runs", "delete", LONG, "--yes"), f"there is no run {SHOWN}"),
        (("evaluate", "", "file"), "the name of the run is empty"),
        (("train", "text", "--data", ""), "the path is empty"),
        pytest.param(
            ("train", "text", "--data", "/dev/zero"),
            "/dev/zero is a device; pass a text file",
            marks=pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero"),
        ),
    ],
)
def test_inputs_that_cannot_be_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    assert message in refused(folder, monkeypatch, *words)


@pytest.mark.parametrize("number", sorted(REASONS))
def test_sentences_of_system_errors(number: int) -> None:
    text = sentence(OSError(number, os.strerror(number), "some/path"))
    assert text == f"some/path cannot be used: {REASONS[number]}; choose another path"


def test_sentences_of_other_errors() -> None:
    assert sentence(ValueError("a message")) == "a message"
    assert sentence(FileNotFoundError("a message")) == "a message"
    assert sentence(OSError(errno.ENOSPC, "cannot be written", "f")) == "f: cannot be written"
    assert sentence(MemoryError()).startswith("the memory is full; use less data")
    assert sentence(MemoryError("Unable to allocate 9 GiB")).endswith("network or context")
    assert shown_path(b"short") == "short"
