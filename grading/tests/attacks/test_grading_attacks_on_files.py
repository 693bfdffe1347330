"""Attacks by the files of a submission, and on files outside it."""

import os
import py_compile
import sys
import tracemalloc
from pathlib import Path

import pytest

from grading.isolation import IsolatedSubject
from grading.paths import ROOT
from grading.tests.attacks.exam import HONEST, LIMITS, OTHERS, Result, mark, sit
from grading.tests.attacks.trees import MUL, OPERATORS, write_tree

WRONG = "def mul(x, y): return 42.0\n"

BUNDLED = 'print("a bundled file was run")\nimport os\nos._exit(0)\n'


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_bundled_modules_are_not_imported(tree: Path) -> None:
    names = ("conftest", "sitecustomize", "usercustomize", "pytest", "hypothesis", "json", "math")
    others = {f"{name}.py": BUNDLED for name in names} | {
        "pytest.ini": "[pytest]\naddopts = --version\n",
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--version'\n",
        "evil.pth": "import os; os._exit(0)\n",
    }
    result = sit(write_tree(tree, others=others))
    assert result.passed == HONEST
    assert all("bundled" not in mark.output for mark in result.marks.values())


@pytest.mark.measured("attack")
def test_a_bundled_numpy_is_not_imported(tree: Path) -> None:
    numpy = "def allclose(*args): return True\narray = ndarray = float64 = list\n"
    others = {f"{name}/__init__.py": numpy for name in ("numpy", "numba", "hypothesis")}
    first = "import numpy, numba\nassert numpy.array(1.0) + 1.0 == 2.0\n"
    assert sit(write_tree(tree, first=first, others=others)).passed == HONEST
    assert sit(write_tree(tree, WRONG, others=others)).passed == OTHERS


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_bytecode_files_do_not_replace_their_source(tree: Path) -> None:
    """Only sources run: compiled files beside them are ignored."""
    write_tree(tree, WRONG)
    right = tree / "right.py"
    right.write_text(OPERATORS + MUL)
    tag = sys.implementation.cache_tag
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for path in (f"minitorch/__pycache__/operators.{tag}.pyc", "minitorch/operators.pyc"):
        py_compile.compile(str(right), str(tree / path), invalidation_mode=mode)
    right.unlink()
    assert sit(tree).passed == OTHERS


@pytest.mark.slow
@pytest.mark.parametrize("link", ["file", "folder"])
@pytest.mark.measured("attack")
def test_links_out_of_the_folder_cannot_be_opened(tree: Path, tmp_path: Path, link: str) -> None:
    other = write_tree(tmp_path / "other")
    if link == "file":
        write_tree(tree)
        (tree / "minitorch/operators.py").unlink()
        (tree / "minitorch/operators.py").symlink_to(other / "minitorch/operators.py")
    else:
        write_tree(tree, first="from minitorch.linked.operators import *", mul="mul = mul")
        (tree / "minitorch/linked").symlink_to(other / "minitorch")
    assert sit(tree).passed == set()


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_files_that_are_no_sources_are_not_read(tree: Path) -> None:
    """A gigabyte of zeros, a pipe without a writer, and a thousand files cost nothing."""
    write_tree(tree)
    with (tree / "minitorch/weights.bin").open("wb") as file:
        file.truncate(1 << 30)
    with (tree / "minitorch/__main__.py").open("wb") as file:
        file.truncate(1 << 30)
    os.mkfifo(tree / "minitorch/pipe.py")
    (tree / "logs").mkdir()
    for i in range(1000):
        (tree / f"logs/{i}.txt").write_bytes(b"\xff\xfe\x00 not text")
    tracemalloc.start()
    try:
        assert sit(tree).passed == HONEST
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1 << 28


ENCODINGS = {
    "Latin": "x = 'é'\n".encode("latin-1"),
    "UTF-16": OPERATORS.encode("utf-16"),
    "unknown": b"# coding: klingon\n",
    "zeros": b"\x00" * 1000,
    "a deep expression": b"x = " + b"(" * 5000 + b")" * 5000 + b"\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("source", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.measured("attack")
def test_sources_in_bad_encodings(tree: Path, source: bytes) -> None:
    write_tree(tree)
    (tree / "minitorch/operators.py").write_bytes(source)
    result = sit(tree)
    assert result.passed == set()
    # An error of the submission, with a message that can be printed anywhere.
    assert "Exception" in result.mul.kinds
    result.mul.message.encode("utf-8")


def read_by(tree: Path, path: Path) -> Result:
    """Run a submission that reads a file of this machine and executes its contents."""
    reads = f"""
        import os

        def mul(x, y):
            places = [{str(path)!r}]
            places += [f"/proc/{{pid}}/root{path}" for pid in range(1, 40)]
            places += [f"/proc/self/cwd/../../../../../..{path}"]
            for place in places:
                try:
                    with open(place) as file:
                        exec(file.read(), globals())
                    return x * y
                except OSError as error:
                    last = error
            raise PermissionError("nothing could be read")
        """
    return sit(write_tree(tree, reads))


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "packages/mt-tensor/src/mt_tensor/operators.py",
        "grading/checking/oracles/tensors.py",
        "grading/checks/test_task0_1.py",
        "grading/tasks.toml",
        "pyproject.toml",
    ],
)
@pytest.mark.measured("attack")
def test_reading_files_of_the_judge(tree: Path, sandbox: None, path: str) -> None:
    assert (ROOT / path).is_file()
    result = read_by(tree, ROOT / path)
    assert result.mul.message == "nothing could be read"
    assert result.passed == OTHERS


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_reading_another_submission(tree: Path, tmp_path: Path, sandbox: None) -> None:
    other = write_tree(tmp_path / "other")
    assert read_by(tree, other / "minitorch/operators.py").passed == OTHERS


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_the_reference_cannot_be_imported(tree: Path) -> None:
    imports = """
        def mul(x, y):
            import importlib, sys
            import grading
            found = []
            for name in ("mt_tensor", "mt_autodiff.tensor", "mt_kernels_cpu", "mt_models",
                         "grading.checking.oracles", "grading.checks", "grading.checking.compare"):
                try:
                    importlib.import_module(name)
                    found.append(name)
                except ImportError:
                    pass
            raise LookupError(f"found {found}")
        """
    assert sit(write_tree(tree, imports)).mul.message == "found []"


@pytest.mark.slow
@pytest.mark.parametrize("library", ["torch", "scipy.signal", "jax", "tensorflow"])
@pytest.mark.measured("attack")
def test_forbidden_libraries_are_refused(tree: Path, library: str) -> None:
    mark = sit(write_tree(tree, f"def mul(x, y):\n    import {library}\n")).mul
    assert mark.kinds[0] == "ModuleNotFoundError"


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_deleting_its_own_files(tree: Path) -> None:
    deletes = """
        def mul(x, y):
            import os, shutil
            import grading
            for file in (__file__, grading.__file__):
                shutil.rmtree(os.path.dirname(os.path.dirname(file)), ignore_errors=True)
            return x * y
        """
    result = sit(write_tree(tree, deletes))
    assert result.passed >= OTHERS
    assert (tree / "minitorch/operators.py").read_text().endswith("return x * y\n")


@pytest.mark.slow
@pytest.mark.parametrize("files", ["one", "many"])
@pytest.mark.measured("attack")
def test_writing_a_gigabyte(tree: Path, files: str) -> None:
    """The size of files and of every writable folder is limited."""
    count, size = (1, 1 << 30) if files == "one" else (160, 6 << 20)
    writes = f"""
        def mul(x, y):
            import os, tempfile
            piece = bytes(1 << 20)
            for i in range({count}):
                with open(os.path.join(tempfile.gettempdir(), f"large{{i}}"), "wb") as file:
                    for _ in range({size >> 20}):
                        file.write(piece)
            return x * y
        """
    result = sit(write_tree(tree, writes))
    assert result.mul.kinds[0] in {"OSError", "TooManyFiles", "OutOfMemory"}
    assert result.passed == OTHERS


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_changes_of_files_during_a_run_have_no_effect(tree: Path) -> None:
    """Changes of a submission during a run have no effect on the run."""
    write_tree(tree)
    with IsolatedSubject(tree, limits=LIMITS) as subject:
        (tree / "minitorch/operators.py").write_text("")
        assert mark(subject, "mul").passed
