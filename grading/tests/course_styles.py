"""Right solutions in the course's layout that are written unlike the trees of `upstream_trees`.

Each shows one habit: lambdas, recursion, NumPy, closures, loops in another order. The files of a
style hold definitions that replace those of the same names; see `restyled`.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.tests.upstream_trees import Edition, write_upstream

FOLDER = Path(__file__).with_name("editions") / "styles"
"""The folder with a folder for each style."""

Named = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True)
class CourseStyle:
    """A right solution in another style.

    Attributes:
        name: The folder below `FOLDER`. Its files hold definitions for files of `minitorch/`.
        tasks: The tasks whose points it earns.
        edition: The edition of the tree around them.
    """

    name: str
    tasks: Sequence[str]
    edition: Edition = "2022"

    def write(self, folder: Path) -> Path:
        """Write the submission, as far as the module of its last task, into a folder."""
        module = max(int(task[0]) for task in self.tasks)
        write_upstream(folder, self.edition, module)
        for piece in sorted((FOLDER / self.name).glob("*.py")):
            path = folder / "minitorch" / piece.name
            source = restyled(path.read_text(encoding="utf-8"), piece.read_text(encoding="utf-8"))
            path.write_text(source, encoding="utf-8")
        return folder


def restyled(source: str, piece: str) -> str:
    """Return a source with other definitions.

    Args:
        source: The text of a file.
        piece: Definitions. Those of a name that the file has replace it, in a class method by
            method; others and imports are added at the top; `del name` takes a name away.
    """
    tree = ast.parse(source)
    tree.body = _merged(tree.body, ast.parse(piece).body)
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _merged(body: list[ast.stmt], new: list[ast.stmt]) -> list[ast.stmt]:
    result = list(body)
    added: list[ast.stmt] = []
    for node in new:
        if isinstance(node, ast.Delete):
            deleted = {target.id for target in node.targets if isinstance(target, ast.Name)}
            result = [each for each in result if _name(each) not in deleted]
            continue
        positions = [i for i, each in enumerate(result) if _name(each) == _name(node) is not None]
        if not positions:
            added.append(node)
            continue
        old = result[positions[0]]
        if isinstance(node, ast.ClassDef) and isinstance(old, ast.ClassDef) and not node.bases:
            old.body = _merged(old.body, node.body)
        else:
            result[positions[0]] = node
    top = max((i + 1 for i, each in enumerate(result) if _is_import(each)), default=1)
    return result[:top] + added + result[top:]


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _name(node: ast.stmt) -> str | None:
    if isinstance(node, Named):
        return node.name
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


STYLES: dict[str, CourseStyle] = {
    "formulas as lambdas": CourseStyle("lambdas", ["0.1"]),
    "formulas of Python's own functions": CourseStyle("builtin_formulas", ["0.1"]),
    "list functions of `functools` and `itertools`": CourseStyle("functools_lists", ["0.3"]),
    "lists by recursion": CourseStyle("recursive_lists", ["0.3"]),
    "lists that are consumed in while loops": CourseStyle("consumed_lists", ["0.3"]),
    "lazy lists": CourseStyle("lazy_lists", ["0.3"], "2024"),
    "modules by a stack; names in a dictionary": CourseStyle("module_stack", ["0.4"]),
    "names passed down by a default argument": CourseStyle("module_default_argument", ["0.4"]),
    "differences in a list comprehension": CourseStyle("difference_comprehension", ["1.1"]),
    "operators of one helper; attributes of the context": CourseStyle(
        "scalar_helper", ["1.2", "1.3", "1.4"]
    ),
    "a sort by counting uses; scalars of 2024": CourseStyle(
        "sort_by_uses", ["1.2", "1.3", "1.4"], "2024"
    ),
    "positions by NumPy; shapes by recursion": CourseStyle("numpy_positions", ["2.1", "2.2"]),
    "column-major ordinals; indices from the right": CourseStyle(
        "column_major", ["2.1", "2.2", "2.3", "3.1"]
    ),
    "loops over positions; operands of NumPy": CourseStyle("position_loops", ["2.3"]),
    "tensors walked by recursion": CourseStyle("recursive_walk", ["2.3"]),
    "gradients by arithmetic on tensors": CourseStyle("tensor_gradients", ["2.3", "2.4"]),
    "kernels compiled by decorators; `numba.prange` by attribute": CourseStyle(
        "decorated_kernels", ["3.1", "3.2"]
    ),
    "compiled helpers inside of the functions that make kernels": CourseStyle(
        "nested_helpers", ["3.1", "3.2"], "2024"
    ),
    "one pass of the parallel loop for each line of the output": CourseStyle(
        "line_kernels", ["3.1", "3.2"]
    ),
    "convolutions parallel over other loops": CourseStyle("other_parallel_loops", ["4.1", "4.2"]),
    "poolings as functions with a `backward` of their own": CourseStyle(
        "pooling_functions", ["4.3", "4.4"]
    ),
    "tiles by NumPy; a maximum that drops its dimension": CourseStyle(
        "numpy_tiles", ["4.3", "4.4"], "2024"
    ),
}
"""The styles by a description."""
