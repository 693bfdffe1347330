"""A learner's tree holds no solution, can be imported, and carries work from the one before."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.judge.records import Status
from grading.judge.run import Plan, judge
from grading.paths import ROOT
from grading.scaffold import Manifest, NotATreeError, ScaffoldError, SyncError, sync, write_tree
from grading.scaffold.documents import NOTHING_TO_TRAIN, TRAIN
from grading.scaffold.manifest import NAME
from grading.submissions.submission import Submission
from grading.submissions.syntax import Function, definitions
from grading.tasks.table import table

COMMON = re.compile(
    r"[\W]*|(else|break|continue|return|pass)\W*"
    # Names, without saying what they stand for.
    r"|return \w+|return \(|raise \w+(\(.*)?|return \w+\("
    r"|\w+: \w+,?|@\w+|\) -> .*|super\(\)\.__init__\(\)"
    r"|if \w+ is None:|for \w+ in \w+:|self\.(?P<name>\w+) = (?P=name)"
    # Beginnings that every sum has.
    r"|\w+ = (0\.0|\[\]|start)"
)
"""Lines that say nothing of a solution."""

GIVEN = {
    "MatMul, whose Function the course gives, saves and reads two operands as Mul does": [
        "a, b = ctx.saved_values",
        "ctx.save_for_backward(a, b)",
        "need_a, need_b = ctx.needs_grad",
    ],
    "views of indexed tensors are tuples of sizes, too": [
        "return tuple(result)",
        "return TensorData.unchecked(",
    ],
    "the profile measures functions forward and backward": [
        "profile = active_profile() if open_profiles else None",
    ],
    "filling memory takes a thread for each cell": [
        "i = cuda.grid(1)",
        "if i < out_size:",
    ],
    "the oracles and the baseline are loops over NumPy arrays": [
        "kh, kw = kernel",
        "for dim in range(len(shape)):",
        "for k in range(a.shape[-1]):",
    ],
}
"""Lines that solutions share with code of the course."""


def normalised(line: str) -> str:
    """Drop a comment, the trailing comma, and what spaces there are too many."""
    return re.sub(r"\s+", " ", line.split("  # ")[0]).strip().rstrip(",")


def lines_of(text: str, function: Function) -> Iterator[str]:
    """Go through the lines of a body, its docstring left out."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    if body:
        lines = text.splitlines()[body[0].lineno - 1 : body[-1].end_lineno]
        yield from (line for line in map(normalised, lines) if not line.startswith("#"))


def secrets() -> dict[str, str]:
    """Return every line of a hole or code to remove that says something, with the task."""
    provided = {line for lines in GIVEN.values() for line in lines}
    here = Submission.at(ROOT)
    found = {}
    for task in table().tasks:
        for name in (*task.holes, *task.also_remove):
            module, _, qualname = name.partition(":")
            if not qualname:
                continue  # Files that are not there cannot have such a line.
            source = here.source(module)
            assert source is not None
            text = source.read_text(encoding="utf-8")
            for inner, node in definitions(ast.parse(text)).items():
                if f"{inner}.".startswith(f"{qualname}.") and isinstance(node, Function):
                    for line in lines_of(text, node):
                        if line not in provided and not COMMON.fullmatch(line):
                            found[line] = f"task {task.id}, {module}:{inner}"
    return found


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scaffold") / "module4"
    write_tree(ROOT, 4, folder, table())
    return folder


def test_every_exercise_is_open_in_a_tree(tree: Path) -> None:
    submission = Submission.at(tree)
    for task in table().tasks:
        assert submission.open(task.holes) == task.holes
        assert len(submission.locations(task.holes)) == len(task.holes)


def test_no_exercise_is_open_in_this_repository() -> None:
    submission = Submission.at(ROOT)
    for task in table().tasks:
        assert submission.open(task.holes) == ()


def test_no_line_of_a_solution_remains(tree: Path) -> None:
    removed = secrets()
    assert len(removed) > 400
    survivors = []
    for file in sorted(tree.rglob("*")):
        if not file.is_file() or file.is_relative_to(tree / "data"):
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if (secret := normalised(line)) in removed:
                survivors.append(f"{file.relative_to(tree)}:{number}: {line}: {removed[secret]}")
    assert not survivors, "\n".join(survivors)


def test_every_link_of_a_document_leads_somewhere(tree: Path) -> None:
    links = 0
    for document in sorted(tree.rglob("*.md")):
        prose = re.sub(
            r"^ *```.*?^ *```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S
        )
        for target, fragment in re.findall(r"\[[^\[\]]*\]\(([^()\s#]+)(#[^()\s]*)?\)", prose):
            if ":" not in target:
                links += 1
                assert (document.parent / target).exists(), f"{document}: {target}"
                assert not fragment.startswith("#L"), f"{document}: {target}{fragment}"
    assert links > 200


def test_left_out_modules_are_absent(tree: Path) -> None:
    submission = Submission.at(tree)
    for task in table().tasks:
        for name in task.also_remove:
            if ":" not in name:
                assert Submission.at(ROOT).source(name) is not None
                assert submission.source(name) is None


def test_a_tree_trains_on_its_own_kernels(tree: Path) -> None:
    models = tree / "packages" / "mt-models" / "src" / "mt_models"
    assert 'BACKENDS = ("reference", "fast", "cuda")' in (models / "backends.py").read_text()
    assert 'backend: str = "fast"' in (models / "recipes.py").read_text()
    assert 'default="fast"' in (models / "cli" / "train.py").read_text()


def test_a_tree_is_plain_text_without_history_or_caches(tree: Path) -> None:
    names = {path.name for path in tree.rglob("*")}
    assert not names & {".git", "__pycache__", ".numba_cache", ".hypothesis"}
    assert not [name for name in names if name.endswith((".pyc", ".nbi", ".nbc"))]
    assert not (tree / "grading" / "tests").exists()
    assert not list(tree.glob("packages/*/tests"))
    assert not (tree / "packages" / "mt-app").exists()


PROBE = """
import importlib, pathlib, pkgutil, sys
root = pathlib.Path(sys.argv[1])
paths = [str(path) for path in sorted(root.glob("packages/*/src"))]
sys.path[:0] = paths
for path in paths:
    for module in pkgutil.walk_packages([path]):
        if not module.name.endswith("__main__"):
            file = importlib.import_module(module.name).__file__
            assert pathlib.Path(file).is_relative_to(root), file
"""


def test_everything_in_a_tree_can_be_imported(tree: Path) -> None:
    command = [sys.executable, "-B", "-c", PROBE, str(tree)]
    subprocess.run(command, check=True, env={**os.environ, "MPLBACKEND": "agg"})


def test_a_tree_is_written_into_a_new_folder_only(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ScaffoldError, match="is not empty"):
        write_tree(ROOT, 4, tmp_path, table())
    with pytest.raises(ScaffoldError, match="is a learner's tree; a scaffold needs"):
        write_tree(tree, 4, tmp_path / "new", table())
    with pytest.raises(ScaffoldError, match=r"no module 5; choose one of module0, .*module4"):
        write_tree(ROOT, 5, tmp_path / "new", table())
    with pytest.raises(NotATreeError, match="was not written by `hatch run scaffold`"):
        write_tree(ROOT, 4, tmp_path / "new", table(), previous=tmp_path)
    assert not (tmp_path / "new").exists()


# Carrying work from one tree to the next. These trees are small; what they hold does not matter.

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


def test_carried_tasks_are_listed(tmp_path: Path, tree: Path) -> None:
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
    with pytest.raises(NotATreeError, match=r"has no course\.json"):
        sync(tmp_path, now, table())
    with pytest.raises(SyncError, match="PREVIOUS and TO are both"):
        sync(now, now, table())
    (tmp_path / NAME).write_text("{}", encoding="utf-8")
    with pytest.raises(NotATreeError, match="is damaged"):
        sync(tmp_path, now, table())


# The tree at work


def in_tree(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in a tree, as its commands do."""
    sources = os.pathsep.join(str(path) for path in sorted(tree.glob("packages/*/src")))
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": sources, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )


FIRST_EXERCISE = {
    "points --model scalar": "Need to implement for task 0.4: Module.parameters",
    "points --backend reference": "Need to implement for task 2.5: TensorMLP.__init__",
    "points --backend fast": "Need to implement for task 2.5: TensorMLP.__init__",
    "mnist --backend fast": "Need to implement for task 4.5: CourseLeNet.__init__",
}


@pytest.mark.slow
@pytest.mark.parametrize("module", [0, 1, 2, 3, 4])
def test_commands_of_a_tree_run_and_name_missing_functions(tmp_path: Path, module: int) -> None:
    out = tmp_path / "tree"
    write_tree(ROOT, module, out, table())
    scripts = tomllib.loads((out / "hatch.toml").read_text())["envs"]["default"]["scripts"]
    tests = in_tree(out, "pytest", "-q", "-rs")
    assert tests.returncode == 0, tests.stdout
    assert "Need to implement for task 0.2: test_sigmoid" in tests.stdout
    if module == 0:
        assert scripts["train"] == NOTHING_TO_TRAIN
    else:
        assert TRAIN[module] in scripts["train"]
        training = in_tree(out, "mt_models", "train", *TRAIN[module].split())
        assert training.returncode == 1
        assert FIRST_EXERCISE[TRAIN[module]] in training.stderr
        assert "Traceback" not in training.stderr
    first = table().in_module(module)[0]
    judged = in_tree(out, "grading", "grade", first.marker, "--no-speed")
    assert judged.returncode == 1, judged.stderr
    assert "not implemented yet" in judged.stdout


@pytest.mark.slow
def test_every_stub_fails(tree: Path) -> None:
    """A task with a hole is not done; the others need tasks that are not."""
    report = judge(Plan(submission=Submission.at(tree), tasks=table().tasks, seed=1), table())
    assert report.errors == ()
    for result in report.tasks:
        task = table().task(result.id)
        if task.device == "cpu" and task.points:
            expected = Status.UNIMPLEMENTED if task.holes else Status.NOT_JUDGED
            assert result.status is expected, result.id


@pytest.mark.slow
def test_filled_exercises_pass_and_others_fail(tmp_path: Path) -> None:
    """The first module's solutions, put into its tree."""
    out = tmp_path / "tree"
    write_tree(ROOT, 0, out, table())
    for path in (OPERATORS, "packages/mt-nn/src/mt_nn/module.py"):
        (out / path).write_bytes((ROOT / path).read_bytes())
    tasks = table().select(["task0_1", "task0_3", "task0_4", "task1_1"])
    report = judge(Plan(submission=Submission.at(out), tasks=tasks, seed=1), table())
    statuses = {result.id: result.status for result in report.tasks}
    assert statuses["0.1"] is statuses["0.4"] is Status.PASSED
    assert statuses["1.1"] is Status.UNIMPLEMENTED
