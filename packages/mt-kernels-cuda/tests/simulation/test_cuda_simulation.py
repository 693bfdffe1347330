"""The simulation imports numba and NumPy only, so that a copy of its folder works."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from mt_kernels_cuda import simulation

FOLDER = Path(simulation.__file__).parent
ALLOWED = {"numba", "numpy"} | sys.stdlib_module_names


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Yield level and name of each import of a file; the level of absolute imports is 0."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""
        elif isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)


def test_the_simulation_imports_no_other_module_of_the_package() -> None:
    files = list(FOLDER.rglob("*.py"))
    assert files
    for file in files:
        for level, name in imports(file):
            if level == 0:
                assert name.partition(".")[0] in ALLOWED, file
            else:
                assert level == 1, file
                assert not name or (FOLDER / f"{name}.py").exists(), file
