"""The submission in a hand-in is found in archives, wrapping folders, and among homeworks."""

import io
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import py7zr
import pytest

from grading.hand_ins.opening import HandIn, opened
from grading.submissions.submission import SubmissionError
from grading.tasks.table import table
from grading.tests.upstream_trees import write_upstream


def pack(folder: Path, archive: Path) -> Path:
    """Pack a folder with the library of the format."""
    if archive.suffix == ".7z":
        with py7zr.SevenZipFile(archive, "w") as target:
            target.writeall(folder, folder.name)
    elif archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for path in sorted(folder.rglob("*")):
                packed.write(path, path.relative_to(folder.parent))
    else:
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(folder, folder.name)
    return archive


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with five homeworks, each in the course's layout of its module."""
    root = tmp_path_factory.mktemp("repository") / "minitorch-hw"
    for module in range(5):
        write_upstream(root / f"hw{module}", "2024", module)
    return root


def taken(paths: list[Path], *tasks: str) -> HandIn:
    with opened(paths, table().select(tasks), table()) as hand_in:
        assert (hand_in.submission.root / "minitorch/__init__.py").is_file()
        return hand_in


@pytest.mark.parametrize(
    ("style", "module"),
    [("hw{}", 0), ("hw{}", 2), ("hw{}", 4), ("{} abc", 1), ("abc", 3)],
)
def test_the_homework_of_a_module_is_found(
    repository: Path, tmp_path: Path, module: int, style: str
) -> None:
    """The files decide before the number of the folder, which may be wrong or missing."""
    root = repository
    if style != "hw{}":
        root = tmp_path / "repository"
        for number in range(5):
            # The names are in another order than the modules.
            name = style.format(4 - number) if "{}" in style else style * (number + 1)
            shutil.copytree(repository / f"hw{number}", root / name)
    hand_in = taken([root], f"module{module}")
    names = {"hw{}": f"hw{module}", "{} abc": f"{4 - module} abc", "abc": "abc" * (module + 1)}
    assert hand_in.folder == names[style]
    assert len(hand_in.others) == 4
    assert hand_in.submission.root == (root / hand_in.folder).resolve()
    assert not hand_in.is_unpacked


def test_the_last_homework_belongs_to_all_tasks(repository: Path) -> None:
    assert taken([repository]).folder == "hw4"


def write_packages(folder: Path, module: int) -> None:
    """Write a tree of this repository's layout, with the functions up to a module written."""
    sources: dict[str, str] = {"minitorch": ""}
    for task in table().tasks:
        body = "return 1" if task.module <= module else "raise NotImplementedError"
        for hole in task.holes:
            name, _, function = hole.partition(":")
            outer, _, inner = function.rpartition(".")
            text = f"def {inner}(): {body}\n"
            sources[name] = sources.get(name, "") + (
                f"class {outer}:\n    {text}" * bool(outer) or text
            )
    for name, text in sources.items():
        file = folder / "packages/minitorch/src" / name.replace(".", "/") / "__init__.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("task", "expected"),
    [("task0_1", "a"), ("module1", "b"), ("task2_3", "b"), ("task3_1", "c"), ("task4_2", "c")],
)
def test_written_functions_decide_between_trees_for_learners(
    tmp_path: Path, task: str, expected: str
) -> None:
    for name, module in (("a", 0), ("b", 2), ("c", 3)):
        write_packages(tmp_path / name, module)
    with opened([tmp_path], table().select([task]), table()) as hand_in:
        assert hand_in.folder == expected
    # All files are there, but the work is in an archive.
    pack(tmp_path / "c", tmp_path / "c.zip")
    shutil.rmtree(tmp_path / "c")
    with opened([tmp_path], table().select([task]), table()) as hand_in:
        assert hand_in.folder == ("c.zip/c" if expected == "c" else expected)


def test_the_number_decides_between_equal_files(tmp_path: Path) -> None:
    for name in ("homework 1", "homework 2", "old/homework 1"):
        write_upstream(tmp_path / name, "2024", 2)
    assert taken([tmp_path], "module2").folder == "homework 2"


def test_a_template_with_nothing_written_does_not_count(tmp_path: Path) -> None:
    write_upstream(tmp_path / "mine", "2024", 0)
    write_upstream(tmp_path / "template", "2024", 0)
    file = tmp_path / "template/minitorch/operators.py"
    names = "mul id add neg lt eq max is_close sigmoid relu log exp log_back inv inv_back relu_back"
    blank = "def {}(*args):\n    raise NotImplementedError\n\n"
    file.write_text("".join(map(blank.format, names.split())), encoding="utf-8")
    assert taken([tmp_path], "task0_1").folder == "mine"


def test_equal_submissions_are_refused(tmp_path: Path) -> None:
    for name in ("anna", "ben"):
        write_upstream(tmp_path / name, "2024", 0)
    with pytest.raises(SubmissionError, match=r"several submissions: anna, ben; .*--batch"):
        taken([tmp_path])


@pytest.mark.parametrize("ending", [".zip", ".tar.gz", ".7z"])
def test_archives_are_unpacked(repository: Path, tmp_path: Path, ending: str) -> None:
    packed = tmp_path / "tree" / "hw 3"
    shutil.copytree(repository / "hw3", packed)
    for junk in ("__MACOSX/._nn.py", ".DS_Store", ".git/config", ".venv/x.py"):
        (packed / junk).parent.mkdir(exist_ok=True)
        (packed / junk).write_text("junk")
    archive = pack(packed, tmp_path / f"anna{ending}")
    with opened([archive], table().select(["task3_1"]), table()) as hand_in:
        assert hand_in.is_unpacked
        assert hand_in.folder == "hw 3"
        root = hand_in.submission.root
        for file in (repository / "hw3").rglob("*.py"):
            assert (root / file.relative_to(repository / "hw3")).read_bytes() == file.read_bytes()
        assert not [*root.glob("*MACOSX*"), *root.glob(".*")]
    assert not root.exists()


def test_archives_in_folders_and_in_archives(repository: Path, tmp_path: Path) -> None:
    inner = tmp_path / "folder" / "upload"
    inner.mkdir(parents=True)
    pack(repository / "hw4", inner / "hw4.zip")
    pack(repository / "hw0", inner / "hw0.tar.gz")
    assert taken([inner.parent], "module4").folder == "upload/hw4.zip/hw4"
    outer = pack(inner, tmp_path / "all.zip")
    hand_in = taken([outer], "module0")
    assert hand_in.folder == "upload/hw0.tar.gz/hw0"
    assert hand_in.others == ("upload/hw4.zip/hw4",)
    files = sorted(inner.iterdir())
    assert taken(files, "module4").folder == "hw4.zip/hw4"


def test_a_refused_archive_beside_a_submission_is_reported(
    repository: Path, tmp_path: Path
) -> None:
    pack(repository / "hw0", tmp_path / "hw0.zip")
    (tmp_path / "hw1.zip").write_bytes(b"PK\x03\x04 not a zip file")
    hand_in = taken([tmp_path], "module0")
    assert hand_in.folder == "hw0.zip/hw0"
    assert len(hand_in.others) == 1
    assert hand_in.others[0].startswith("hw1.zip is refused: it is damaged")


@pytest.fixture
def contents(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    folder = tmp_path / "hand-in"
    folder.mkdir()
    for name in request.param:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_bytes(b"content")
    yield folder


@pytest.mark.parametrize(
    ("contents", "what"),
    [
        ([], "it is empty"),
        (["a/b/"], "a/b/ is empty"),
        ([".DS_Store", "hw4.pdf"], r"; it holds 1 file \(hw4.pdf\)"),
        (["hw4/nn.py", "hw4/x.txt"], "hw4/ holds 2 files .*; nn.py belongs into a folder"),
        (["minitorch/nn.py"], r"minitorch/ has no __init__.py"),
        (["a/b/c/minitorch/__init__.py"], "minitorch/ is below too many folders"),
        (["hw4.rar"], r"hw4.rar\); an archive has to be a .zip, .tar.gz or .7z file"),
        (["hw4.zip"], "hw4.zip is refused: it is not an archive, or damaged"),
        ([f"f{i}" for i in range(9)], r"9 files \(f0, f1, f2, f3, f4, f5, …\)"),
    ],
    indirect=["contents"],
)
def test_the_error_names_the_contents(contents: Path, what: str) -> None:
    with pytest.raises(SubmissionError, match=what):
        taken([contents], "module4")


def test_the_error_names_what_is_inside_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "hw4.zip", "w") as file:
        file.writestr("essay.pdf", "")
    with pytest.raises(SubmissionError, match=r"inside hw4.zip: it holds 1 file \(essay.pdf\)"):
        taken([tmp_path], "module4")


def test_a_refused_archive_and_its_neighbours_are_named(tmp_path: Path) -> None:
    (tmp_path / "hw4.zip").write_bytes(b"junk")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(
        SubmissionError, match=r"hw4.zip is refused.*; it holds 2 files .*notes.txt"
    ):
        taken([tmp_path], "module4")


def test_an_archive_inside_too_many_others_is_named(tmp_path: Path) -> None:
    content = b""
    for name in ("d.txt", "c.zip", "b.zip"):
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w") as file:
            file.writestr(name, content)
        content = inner.getvalue()
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(SubmissionError, match=r"b.zip/c.zip is refused: it is inside 2 other arch"):
        taken([tmp_path / "a.zip"])


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"does not exist; a submission is a folder, a \.zip"):
        taken([tmp_path / "nowhere"])
    (tmp_path / "hw4.pdf").write_bytes(b"%PDF")
    with pytest.raises(SubmissionError, match=r"is a file; a submission is a folder, a \.zip"):
        taken([tmp_path / "hw4.pdf"])
