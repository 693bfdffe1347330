"""Work is carried from one learner's tree to the next, and nothing of it is overwritten.

The trees are small, because their content does not matter.
"""

from pathlib import Path

import pytest

from grading.scaffold import Manifest, NotATreeError, SyncError, sync
from grading.scaffold.manifest import NAME
from grading.tasks.table import table

OPERATORS = "packages/mt-tensor/src/mt_tensor/operators.py"
NN = "packages/minitorch/src/minitorch/__init__.py"
TESTS = "tests/test_operators.py"
STUB = b"def mul(x, y):\n    raise NotImplementedError('task 0.1')\n"


def small_tree(folder: Path, module: int, **changes: bytes) -> Path:
    """Write a tree as it is handed out, and change files of it afterwards."""
    files = {OPERATORS: STUB, NN: b"", TESTS: b"given\n"}
    (folder / NAME).parent.mkdir(parents=True)
    (folder / NAME).write_bytes(Manifest.of(module, files).encoded())
    for path, content in {**files, **changes}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


DONE = {OPERATORS: b"def mul(x, y):\n    return x * y\n"}


def test_solutions_are_carried_over(tmp_path: Path) -> None:
    mine = "packages/mt-tensor/src/mt_tensor/mine.py"
    before = small_tree(tmp_path / "a", 0, **DONE, **{mine: b"helper = 1\n"})
    (before / "packages" / "mt-tensor" / "src" / "__pycache__").mkdir()
    (before / "packages" / "mt-tensor" / "src" / "__pycache__" / "x.py").write_text("")
    now = small_tree(tmp_path / "b", 1)
    carried = sync(before, now, table())
    assert carried.copied == (mine, OPERATORS)
    assert (now / OPERATORS).read_bytes() == DONE[OPERATORS]
    assert (now / mine).read_bytes() == b"helper = 1\n"
    assert (now / TESTS).read_bytes() == b"given\n"
    again = sync(before, now, table())
    assert again.copied == ()
    assert again.same == (mine, OPERATORS)


def test_carried_tasks_are_listed(tmp_path: Path) -> None:
    now = small_tree(tmp_path / "b", 1)
    open_before = sync(small_tree(tmp_path / "a", 0), now, table())
    assert "0.1" in [task.id for task in open_before.open]
    carried = sync(small_tree(tmp_path / "c", 0, **DONE), now, table())
    assert "0.1" in [task.id for task in carried.done]


def test_existing_solutions_are_never_overwritten(tmp_path: Path) -> None:
    before = small_tree(tmp_path / "a", 0, **DONE, **{TESTS: b"mine\n"})
    other = {OPERATORS: b"def mul(x, y):\n    return y * x\n"}
    now = small_tree(tmp_path / "b", 1, **other)
    with pytest.raises(SyncError, match=f"no file was copied(.|\n)*{OPERATORS} was changed"):
        sync(before, now, table())
    assert (now / OPERATORS).read_bytes() == other[OPERATORS]
    assert (now / TESTS).read_bytes() == b"given\n"


def test_line_ends_are_no_difference(tmp_path: Path) -> None:
    windows = {OPERATORS: STUB.replace(b"\n", b"\r\n")}
    before = small_tree(tmp_path / "a", 0, **windows)
    assert sync(before, small_tree(tmp_path / "b", 1), table()).copied == ()


def test_links_are_not_carried(tmp_path: Path) -> None:
    secret = tmp_path / "secret.py"
    secret.write_text("secret = 1\n", encoding="utf-8")
    before = small_tree(tmp_path / "a", 0)
    (before / "tests" / "linked.py").symlink_to(secret)
    assert sync(before, small_tree(tmp_path / "b", 1), table()).copied == ()


@pytest.mark.parametrize(("first", "second"), [(2, 1), (1, 1)])
def test_solutions_are_carried_to_a_later_module(tmp_path: Path, first: int, second: int) -> None:
    before, now = small_tree(tmp_path / "a", first), small_tree(tmp_path / "b", second)
    with pytest.raises(SyncError, match="from an earlier module to a later one"):
        sync(before, now, table())


def test_other_folders_are_refused(tmp_path: Path) -> None:
    now = small_tree(tmp_path / "b", 1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotATreeError, match="nor a tree of `hatch run scaffold`"):
        sync(tmp_path / "empty", now, table())
    upstream = tmp_path / "course"
    (upstream / "minitorch").mkdir(parents=True)
    (upstream / "minitorch" / "__init__.py").touch()
    with pytest.raises(SyncError, match=r"course has the layout of the course.*--solved-before"):
        sync(upstream, now, table())
    with pytest.raises(SyncError, match="PREVIOUS and TO are both"):
        sync(now, now, table())
    (tmp_path / NAME).write_text("{}", encoding="utf-8")
    with pytest.raises(NotATreeError, match="is damaged"):
        sync(tmp_path, now, table())


# Folders that `scaffold` did not write.


def unmarked(tree: Path) -> Path:
    """Remove the manifest of a tree."""
    (tree / NAME).unlink()
    return tree


def test_written_files_of_an_unmarked_folder_are_copied(tmp_path: Path) -> None:
    folder = OPERATORS.rpartition("/")[0]
    helper, unused = f"{folder}/helper.py", f"{folder}/unused.py"
    work = b"from mt_tensor import helper\n\n\ndef mul(x, y):\n    return helper.times(x, y)\n"
    package = {f"{folder}/__init__.py": b"", helper: b"times = 0\n", unused: b""}
    before = unmarked(small_tree(tmp_path / "a", 0, **{OPERATORS: work}, **package))
    now = small_tree(tmp_path / "b", 1)
    carried = sync(before, now, table())
    assert set(carried.copied) == {OPERATORS, helper, f"{folder}/__init__.py"}
    assert carried.same == (TESTS,)
    assert carried.recognised == (
        f"{before} has the layout of this repository, without a course.json",
    )
    assert carried.kept == now / "before-sync"
    assert (now / "before-sync" / OPERATORS).read_bytes() == STUB
    assert (now / OPERATORS).read_bytes() == work
    assert "0.1" in [task.id for task in carried.done]


MODULE_1 = {
    "packages/mt-autodiff/src/mt_autodiff/derivatives.py": (
        b"def central_difference():\n    raise NotImplementedError('task 1.1')\n"
    )
}


def test_copies_of_overwritten_files_do_not_replace_each_other(tmp_path: Path) -> None:
    now = unmarked(small_tree(tmp_path / "b", 1, **MODULE_1))
    first = sync(unmarked(small_tree(tmp_path / "a", 0, **DONE)), now, table())
    other = {OPERATORS: b"def mul(x, y):\n    return y * x\n"}
    second = sync(unmarked(small_tree(tmp_path / "c", 0, **other)), now, table())
    assert (first.kept, second.kept) == (now / "before-sync", now / "before-sync-2")
    assert (now / "before-sync" / OPERATORS).read_bytes() == STUB
    assert (now / "before-sync-2" / OPERATORS).read_bytes() == DONE[OPERATORS]


def test_an_unmarked_folder_overwrites_no_changed_and_no_written_function(tmp_path: Path) -> None:
    before = unmarked(small_tree(tmp_path / "a", 0, **DONE))
    other = {OPERATORS: b"def mul(x, y):\n    return y * x\n"}
    now = small_tree(tmp_path / "b", 1, **other)
    with pytest.raises(SyncError, match="was changed in both trees"):
        sync(before, now, table())
    more = {OPERATORS: DONE[OPERATORS] + b"\n\ndef neg(x):\n    return -x\n"}
    now = unmarked(small_tree(tmp_path / "c", 1, **more, **MODULE_1))
    with pytest.raises(SyncError, match="has functions that PREVIOUS lacks: neg"):
        sync(before, now, table())
    assert (now / OPERATORS).read_bytes() == more[OPERATORS]


def test_work_in_the_layout_of_the_course_is_copied(tmp_path: Path) -> None:
    def folder(name: str, mul: str, *others: str) -> Path:
        root = tmp_path / name
        (root / "minitorch").mkdir(parents=True)
        (root / "minitorch" / "__init__.py").touch()
        (root / "minitorch" / "operators.py").write_text(f"def mul(x, y):\n    {mul}\n")
        for path in others:
            (root / "minitorch" / path).write_text("def central_difference():\n    return 0\n")
        return root

    before = folder("mod0", "return x * y")
    now = folder("mod1", "raise NotImplementedError('task 0.1')", "autodiff.py")
    carried = sync(before, now, table())
    assert carried.copied == ("minitorch/operators.py",)
    assert len(carried.recognised) == 2
    assert "0.1" in [task.id for task in carried.done]
