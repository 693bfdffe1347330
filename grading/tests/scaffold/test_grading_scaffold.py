"""A learner's tree holds no solution, can be imported, and runs its commands."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.cli import main
from grading.judge.exit_codes import OK, USAGE
from grading.judge.records import Status
from grading.judge.run import Plan, judge
from grading.paths import ROOT
from grading.scaffold import NotATreeError, ScaffoldError, write_tree
from grading.scaffold.documents import NOTHING_TO_TRAIN, TRAIN
from grading.scaffold.earlier import open_before, open_in_tree, ways, with_ways
from grading.scaffold.stripping import module_name
from grading.scaffold.tree import tree_files
from grading.submissions.submission import Submission
from grading.submissions.syntax import Function, definitions
from grading.tasks.table import table
from grading.tests.sample_reports import report as sample_report
from grading.tests.sample_reports import task as result_of

COMMON = re.compile(
    r"[\W]*|(else|break|continue|return|pass|try|finally|if)\W*"
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
    "modules and optimisers remove gradients, too": ["parameter.grad = None"],
    "layers apply an activation to their output": [
        'if activation == "relu":',
    ],
    "gradients are switched off wherever values are not recorded": [
        "with no_grad():",
    ],
    "every trained network is read from a checkpoint": [
        "checkpoint, recipe = _load(path, backend)",
    ],
    "an operation that cannot be recorded is refused": [
        "recording.refuse(",
    ],
    "a continued text begins a new window with an empty cache": [
        "cache.clear()",
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


def secrets(first_module: int = 0) -> dict[str, str]:
    """Return every line of a hole or code to remove that says something, with the task.

    Tasks of modules before `first_module` are left out.
    """
    provided = {line for lines in GIVEN.values() for line in lines}
    here = Submission.at(ROOT)
    found = {}
    for task in table().tasks:
        if task.module < first_module:
            continue
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
    with pytest.raises(ScaffoldError, match=r"no module 7; choose one of module0, .*module6"):
        write_tree(ROOT, 7, tmp_path / "new", table())
    with pytest.raises(NotATreeError, match="nor a tree of `hatch run scaffold`"):
        write_tree(ROOT, 4, tmp_path / "new", table(), previous=tmp_path)
    assert not (tmp_path / "new").exists()


# Trees in which earlier modules are solved.


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scaffold") / "module4"
    write_tree(ROOT, 4, folder, table(), solved_before=True)
    return folder


@pytest.mark.parametrize("module", [0, 1, 2, 3, 4, 5, 6])
def test_earlier_modules_are_as_in_the_repository(module: int) -> None:
    files = tree_files(ROOT, module, table(), solved_before=True)
    texts = {
        module_name(p): t.decode() for p, t in files.items() if p.endswith(".py") and "/src/" in p
    }
    here = Submission.at(ROOT)
    for task in table().tasks:
        for hole in task.holes:
            name, _, qualname = hole.partition(":")
            source = here.source(name)
            assert source is not None
            own = ast.unparse(definitions(ast.parse(source.read_text("utf-8")))[qualname])
            found = ast.unparse(definitions(ast.parse(texts[name]))[qualname])
            assert (found == own) is (task.module < module), hole
    given = files["tests/test_operators.py"] == (ROOT / "tests" / "test_operators.py").read_bytes()
    assert given is (module > 0)


@pytest.mark.parametrize("module", [4, 5, 6])
def test_a_solved_tree_shows_no_solution_of_its_module(module: int) -> None:
    # Lines that solutions of earlier modules, which the tree contains, share with later ones.
    provided = {
        normalised(line)
        for task in table().tasks
        if task.module < module
        for hole in task.holes
        for line in source_of(hole).splitlines()
    }
    provided |= {
        # Checks of an argument, arguments of a call, and a sum as in the product of matrices.
        "if not 0.0 <= rate <= 1.0:",
        "backend=backend",
        "total = out.storage.dtype.type(0)",
    }
    removed = {line: task for line, task in secrets(module).items() if line not in provided}
    assert len(removed) > (80 if module < 6 else 20)
    files = tree_files(ROOT, module, table(), solved_before=True)
    survivors = [
        f"{path}: {line}: {removed[normalised(line)]}"
        for path, content in files.items()
        if path.endswith(".py")
        for line in content.decode().splitlines()
        if normalised(line) in removed
    ]
    assert not survivors, "\n".join(survivors)


def source_of(hole: str) -> str:
    """Return the file of a function in the repository."""
    file = Submission.at(ROOT).source(hole.partition(":")[0])
    assert file is not None
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("module", [4, 5, 6])
def test_everything_in_a_solved_tree_can_be_imported(module: int, tmp_path: Path) -> None:
    write_tree(ROOT, module, tmp_path / "tree", table(), solved_before=True)
    command = [sys.executable, "-B", "-c", PROBE, str(tmp_path / "tree")]
    subprocess.run(command, check=True, env={**os.environ, "MPLBACKEND": "agg"})


def test_missing_earlier_tasks_are_named(tree: Path, solved: Path) -> None:
    now, tasks = Submission.at(tree), table()
    missing = open_before(now, [tasks.task("4.3")], tasks)
    assert [task.id for task in missing] == ["0.1", "1.2", "1.3", "1.4", "2.1", "2.2", "2.3", "2.4"]
    assert open_before(now, [tasks.task("0.3")], tasks) == ()
    assert "3.3" in [task.id for task in open_in_tree(now, tasks)]
    assert open_in_tree(Submission.at(solved), tasks) == ()
    text = ways(missing, now, 4)
    assert "2.4" in text
    assert "`hatch run sync PREVIOUS`" in text
    assert "`hatch run scaffold module4 OUT --solved-before`" in text


@pytest.mark.parametrize(
    ("options", "first", "readme"),
    [
        ([], "The functions of module 0 are open; with --solved-before", "are open until `sync`"),
        (
            ["--solved-before"],
            "The functions of module 0 are written and work; without",
            "and work.",
        ),
    ],
)
def test_the_first_line_names_the_state_of_earlier_modules(
    options: list[str], first: str, readme: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tree"
    assert main(["scaffold", "module1", str(out), *options]) == OK
    assert first in capsys.readouterr().out.splitlines()[0]
    assert readme in (out / "README.md").read_text(encoding="utf-8")
    assert main(["status", "--submission", str(out)]) == OK
    output = " ".join(capsys.readouterr().out.split())
    if options:
        assert "earlier tasks" not in output
        assert "next 1.1" in output
    else:
        assert "earlier tasks are not written here: 0.1" in output
        assert "`hatch run scaffold module1 OUT --solved-before`" in output


def test_earlier_work_is_copied_or_written_but_not_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(tmp_path / "out"), "--from", str(tmp_path)]
    assert main(["scaffold", "module1", *folders, "--solved-before"]) == USAGE
    assert "use one" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_report_names_missing_earlier_tasks_once(tree: Path) -> None:
    tasks = table().select(["task4_2", "task4_3"])
    given = sample_report(*(result_of(name, Status.UNIMPLEMENTED) for name in ("4.2", "4.3")))
    first, second = with_ways(given, Submission.at(tree), tasks, table()).tasks
    assert "earlier tasks are not written here: 0.1, " in first.remarks[0]
    assert second.remarks == ()


@pytest.mark.slow
def test_earlier_modules_pass_in_a_solved_tree(solved: Path) -> None:
    tasks = tuple(t for t in table().tasks if t.module < 4 and not t.accuracy and t.device == "cpu")
    judged = judge(Plan(submission=Submission.at(solved), tasks=tasks, seed=1), table())
    statuses = {result.id: result.status for result in judged.tasks if result.max_points}
    assert set(statuses.values()) == {Status.PASSED}, statuses


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
@pytest.mark.parametrize("module", [0, 1, 2, 3, 4, 5, 6])
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
    assert scripts["runs"] == "python -m mt_models runs {args}"
    runs = in_tree(out, "mt_models", "runs")
    assert (runs.returncode, "contains no run" in runs.stdout) == (0, True)
    first = table().in_module(module)[0]
    judged = in_tree(out, "grading", "grade", first.marker, "--no-speed")
    assert judged.returncode == 1, judged.stderr
    assert "not implemented yet" in judged.stdout


@pytest.mark.slow
def test_every_stub_fails(tree: Path) -> None:
    """A task with a hole is not done; the others need tasks that are not."""
    judged = judge(Plan(submission=Submission.at(tree), tasks=table().tasks, seed=1), table())
    assert judged.errors == ()
    for result in judged.tasks:
        task = table().task(result.id)
        if task.device == "cpu" and task.points:
            expected = Status.UNIMPLEMENTED if task.holes else Status.NOT_JUDGED
            assert result.status is expected, result.id


@pytest.mark.slow
def test_filled_exercises_pass_and_others_fail(tmp_path: Path) -> None:
    """The first module's solutions, put into its tree."""
    out = tmp_path / "tree"
    write_tree(ROOT, 0, out, table())
    for path in (
        "packages/mt-tensor/src/mt_tensor/operators.py",
        "packages/mt-nn/src/mt_nn/module.py",
    ):
        (out / path).write_bytes((ROOT / path).read_bytes())
    tasks = table().select(["task0_1", "task0_3", "task0_4", "task1_1"])
    judged = judge(Plan(submission=Submission.at(out), tasks=tasks, seed=1), table())
    statuses = {result.id: result.status for result in judged.tasks}
    assert statuses["0.1"] is statuses["0.4"] is Status.PASSED
    assert statuses["1.1"] is Status.UNIMPLEMENTED
