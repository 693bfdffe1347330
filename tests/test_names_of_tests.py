"""The name of a test file has the prefix of its package or folder."""

from collections import Counter
from pathlib import Path

import pytest

from tools.workspace import ROOT, read_packages

PREFIXES = {
    "packages/mt-tensor/tests": "tensor",
    "packages/mt-autodiff/tests": "autodiff",
    "packages/mt-kernels-cpu/tests": "cpu",
    "packages/mt-kernels-cuda/tests": "cuda",
    "packages/mt-nn/tests": "nn",
    "packages/mt-models/tests": "models",
    "packages/mt-app/tests": "app",
    "packages/minitorch/tests": "facade",
    "grading/tests": "grading",
    "tests/benchmarks": "benchmarks",
    "tests/docs": "docs",
    "tests/fuzz": "fuzz",
    "tests/gpu_kernels": "gpu",
    "tests/notebooks": "notebooks",
    "tests/on_device": "device",
    "tests/site": "site",
    "tests/tools": "tools",
}
"""Word after `test_` by folder; the innermost folder applies."""

WITHOUT = {"grading/checks", "tests"}
"""Folders without a prefix: checks have the names of their tasks, and the files right below `tests`
test the whole repository; two of these have the names of the course."""


def files_of_tests() -> list[Path]:
    """Return the test files of the repository, below its root."""
    folders = ("packages", "tests", "grading")
    return sorted(
        file.relative_to(ROOT)
        for each in folders
        for file in (ROOT / each).rglob("test_*.py")
        # Tests that are part of a submission have the names of the course.
        if "editions" not in file.relative_to(ROOT).parts
    )


def prefix_of(file: Path) -> str | None:
    """Return the required prefix of a test file; None if its folder has none.

    Raises:
        KeyError: Its folder is not in the table.
    """
    if file.parent.as_posix() in WITHOUT:
        return None
    named = (PREFIXES.get(parent.as_posix()) for parent in file.parents)
    found = next((prefix for prefix in named if prefix is not None), None)
    if found is None:
        raise KeyError(f"{file.parent} has no prefix in the table of this file")
    return found


def test_every_file_has_the_prefix_of_its_folder() -> None:
    wrong = [
        str(file)
        for file in files_of_tests()
        if (prefix := prefix_of(file)) and not f"{file.stem}_".startswith(f"test_{prefix}_")
    ]
    assert wrong == []


def test_no_two_files_share_a_name() -> None:
    names = Counter(file.name for file in files_of_tests())
    assert [name for name, count in names.items() if count > 1] == []


def test_every_package_has_a_prefix() -> None:
    folders = {f"packages/{package.folder.name}/tests" for package in read_packages()}
    assert folders <= PREFIXES.keys()


@pytest.mark.parametrize(
    ("file", "prefix"),
    [
        ("tests/test_smoke.py", None),
        ("grading/checks/test_task1_1.py", None),
        ("grading/tests/batch/test_grading_batch.py", "grading"),
        ("packages/mt-nn/tests/on_device/test_nn_linear.py", "nn"),
        ("packages/mt-nn/tests/layers/test_nn_linear.py", "nn"),
    ],
)
def test_the_innermost_folder_applies(file: str, prefix: str | None) -> None:
    assert prefix_of(Path(file)) == prefix


def test_an_unknown_folder_is_an_error() -> None:
    with pytest.raises(KeyError, match="tests/new has no prefix"):
        prefix_of(Path("tests/new/test_new.py"))
