"""A learner's tree: the packages with holes, the grader, the data, and the commands.

The tree is a plain folder, without git history and compiled files. It contains the packages without
solutions and tests, the grader without its own tests, and the data. The grader's oracles stay: they
are vectorised NumPy and not the loops that a learner writes.
"""

import ast
import subprocess
from collections.abc import Iterator
from importlib import resources
from pathlib import Path, PurePosixPath

from grading.scaffold.documents import hatch_toml, pyproject_toml, readme
from grading.scaffold.links import kept_links
from grading.scaffold.manifest import NAME, Manifest
from grading.scaffold.stripping import ScaffoldError, strip
from grading.scaffold.sync import TESTS_OF_0_2, SyncResult, recognised, sync
from grading.submissions.edits import Edits
from grading.tasks.model import Table

COPIED = (
    ".gitignore",
    "LICENSE",
    "asv_benchmarks/__init__.py",
    "asv_benchmarks/workloads.py",
    "data",
    "docs/glossary.md",
    "docs/guides/grading-your-work.md",
    "docs/guides/questions.md",
    "docs/images/tasks",
    "docs/images/why",
    "docs/tasks",
    "docs/why",
    "grading",
    "packages",
)
"""Files and folders that are copied from the repository."""

TUNED = "tuned"
"""Name of the repository's default backend for training."""

ABSENT = (TUNED, "cuda-tuned")
"""Names of the backends that are removed from every tree."""

LEFT_OUT = (
    "grading/README.md",
    "grading/tests",
    "packages/*/tests",
    "packages/mt-app",
    "packages/mt-models/src/mt_models/pretrained",
)
"""Patterns of paths that are not copied: tests, which depend on solutions; the app, which contains
the networks and step-by-step convolutions; and the trained transformer, which needs the removed
`GPT`."""


def write_tree(
    repository: Path,
    module: int,
    out: Path,
    table: Table,
    previous: Path | None = None,
    *,
    solved_before: bool = False,
) -> SyncResult | None:
    """Write the tree of a module.

    Args:
        repository: The repository, with its solutions.
        module: The number of the module.
        out: A new or empty folder.
        table: The tasks.
        previous: The learner's work on earlier modules, which is copied.
        solved_before: True to write the solutions of earlier modules; otherwise all holes are open.

    Returns:
        The result of the sync; None without a previous tree.

    Raises:
        ScaffoldError: The module does not exist, the folder is not empty, or the repository is a
            learner's tree.
        NotATreeError: `previous` is not a folder with work of the course.
        SyncError: `previous` is not of an earlier module.
    """
    if module not in [each.number for each in table.modules]:
        numbers = ", ".join(each.name for each in table.modules)
        raise ScaffoldError(f"there is no module {module}; choose one of {numbers}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ScaffoldError(f"OUT = {out} is not empty; name a new folder")
    if (repository / NAME).exists():
        raise ScaffoldError(
            f"{repository} is a learner's tree; a scaffold needs the repository with the solutions"
        )
    if previous is not None:
        recognised(previous)
    files = tree_files(repository, module, table, solved_before)
    for path, content in files.items():
        file = out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (out / NAME).write_bytes(Manifest.of(module, files, solved_before).encoded())
    return None if previous is None else sync(previous, out, table)


def tree_files(
    repository: Path, module: int, table: Table, solved_before: bool = False
) -> dict[str, bytes]:
    """Return the contents of all files of a tree, by path; see `write_tree`."""
    opened = [task for task in table.tasks if task.module >= module or not solved_before]
    files = {path: (repository / path).read_bytes() for path in _paths(repository)}
    sources = {
        path: content.decode()
        for path, content in files.items()
        if path.startswith("packages/") and "/src/" in path and path.endswith(".py")
    }
    stripped = strip(sources, opened)
    left_out = {
        PurePosixPath(path).parent
        for path in sources
        if path.endswith("/__init__.py") and path not in stripped
    }
    files = {
        path: content
        for path, content in files.items()
        # The data of a removed package is removed, too.
        if path not in sources and left_out.isdisjoint(PurePosixPath(path).parents)
    }
    stripped = {path: _trained_on_own_kernels(path, text) for path, text in stripped.items()}
    files.update({path: text.encode() for path, text in stripped.items()})
    files.update(dict(_templates()))
    if solved_before and module > 0:
        files[TESTS_OF_0_2] = (repository / TESTS_OF_0_2).read_bytes()
    files["README.md"] = readme(module, table, stripped, solved_before).encode()
    files["hatch.toml"] = hatch_toml(module, repository / "hatch.toml").encode()
    files["pyproject.toml"] = pyproject_toml(repository / "pyproject.toml").encode()
    there = {str(each) for path in files for each in (path, *PurePosixPath(path).parents)}
    documents = {path: content.decode() for path, content in files.items() if path.endswith(".md")}
    files.update({path: kept_links(path, d, there).encode() for path, d in documents.items()})
    return files


def _trained_on_own_kernels(path: str, text: str) -> str:
    """Return a source of mt-models with the backend `fast` in place of `tuned`."""
    if not path.startswith("packages/mt-models/") or TUNED not in text:
        return text
    source = Edits(text)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Tuple):
            gone = {i for i, each in enumerate(node.elts) if _is_tuned(each)}
            if gone:
                source.remove_elements([(each, each) for each in node.elts], gone)
        elif isinstance(node, ast.keyword | ast.AnnAssign) and node.value and _is_tuned(node.value):
            source.replace(node.value, '"fast"')
    return source.result()


def _is_tuned(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in ABSENT


def _paths(repository: Path) -> Iterator[str]:
    """Yield the paths to copy, without files that git ignores."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *COPIED],
        cwd=repository,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if listing.returncode == 0:
        listed = listing.stdout.decode().split("\0")
    else:
        # An unpacked archive has no git repository, and no compiled files but Python's.
        found = [repository / path for path in COPIED]
        below = [file for path in found for file in ([path] if path.is_file() else path.rglob("*"))]
        listed = [file.relative_to(repository).as_posix() for file in below]
    for path in sorted(set(listed)):
        parts = PurePosixPath(path)
        folders = [*parts.parents, parts]
        if any(folder.match(pattern) for folder in folders for pattern in LEFT_OUT):
            continue
        if "__pycache__" not in parts.parts and (repository / path).is_file():
            yield path


def _templates() -> Iterator[tuple[str, bytes]]:
    """Yield path and content of the files that only a learner's tree has."""
    folder = resources.files("grading.scaffold") / "templates"
    yield "conftest.py", (folder / "conftest.py.txt").read_bytes()
    for name in ("test_operators.py", "test_nn.py"):
        yield f"tests/{name}", (folder / f"{name}.txt").read_bytes()
