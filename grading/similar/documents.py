"""The text of a submission that is compared with others.

It has the bodies of the functions that the tasks leave to the learner, one after the other, because
a short function alone is the same in many solutions. Signatures and docstrings are the course's, so
they are left out, and so is everything else that learners receive. Functions that the learner has
added to the same files are included if the holes use them.
"""

import ast
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from grading.paths import ROOT
from grading.submissions.submission import Submission
from grading.submissions.syntax import Definition, Function, definitions, parsed
from grading.tasks.model import Table, Task

GIVEN = frozenset(
    {
        "_backward",
        "_ensure_tensor",
        "_forward",
        "_new",
        "_type_",
        "derivative_check",
        "device_jit",
        "grad_central_difference",
        "grad_check",
        "is_constant",
        "is_leaf",
        "jit",
        "make_pts",
        "make_tensor_backend",
        "njit",
        "_njit",
        "ones",
        "rand",
        "strides_from_shape",
        "tensor",
        "unwrap_tuple",
        "wrap_tuple",
        "zeros",
    }
)
"""Functions and private methods that the course's files provide beside the holes."""


def text_of(submission: Submission, tasks: Sequence[Task], table: Table) -> str:
    """Return the text of a submission that is compared.

    It has the bodies of functions, each below a comment with its place and name.

    Args:
        submission: The submission.
        tasks: The tasks; empty for all tasks.
        table: The table of tasks.
    """
    return "\n".join(parts_of(submission, tasks or table.tasks, table).values())


def parts_of(submission: Submission, tasks: Sequence[Task], table: Table) -> dict[str, str]:
    """Return the text of each function of a submission, by "file:qualname"."""
    by_file: dict[Path, list[str]] = {}
    for task in tasks:
        holes = submission.named(task.holes_in(submission.layout))
        unwritten = submission.open(holes)
        for hole in holes:
            module, _, qualname = hole.partition(":")
            file = submission.source(module)
            if file is not None and qualname and hole not in unwritten:
                by_file.setdefault(file, []).append(qualname)
    found = {}
    for file, names in by_file.items():
        where = file.relative_to(submission.root).as_posix()
        source = file.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
        others = _provided(submission, file, table)
        for name, node, is_hole in _functions(parsed(file), names, others):
            text = body_text(source, node) if is_hole else whole_text(source, node)
            if text.strip():
                found[f"{where}:{name}"] = f"# {where}, line {node.lineno}: {name}\n{text}\n"
    return found


def _provided(submission: Submission, file: Path, table: Table) -> set[str]:
    """Return the functions of a file that are no helpers: those of the course, and all holes."""
    layout = submission.layout
    holes = {
        name.partition(":")[2]
        for task in table.tasks
        for hole in task.holes_in(layout)
        for name in hole.partition(" @")[0].split(" | ")
    }
    ours = ROOT / file.relative_to(submission.root)
    if layout == "upstream" or not ours.is_file():
        return holes
    removed = {each.partition(":")[2] for task in table.tasks for each in task.also_remove}
    return holes | (set(definitions(parsed(ours))) - removed)


def _functions(
    tree: ast.Module, holes: Iterable[str], provided: set[str]
) -> Iterator[tuple[str, ast.stmt, bool]]:
    """Yield the holes of a file and the helpers that they use, in the order of the file.

    Each comes with its qualified name, and with True for a hole.
    """
    known: dict[str, ast.stmt] = {**_assigned(tree), **definitions(tree)}
    chosen = {name: True for name in holes if name in known}
    left = list(chosen)
    while left:
        used = _names(known[left.pop()])
        for name, node in known.items():
            last = name.rpartition(".")[2]
            # The course provides public methods; a helper is a function, or a private method.
            is_helper = isinstance(node, Function) and ("." not in name or last.startswith("_"))
            is_own = name not in provided and last not in GIVEN and not last.startswith("__")
            if is_helper and is_own and last in used and name not in chosen:
                chosen[name] = False
                left.append(name)
    for name in sorted(chosen, key=lambda each: known[each].lineno):
        # A function of a class that is a hole itself is part of the class.
        if not any(name.startswith(f"{other}.") for other in chosen):
            yield name, known[name], chosen[name]


def _assigned(tree: ast.Module) -> dict[str, ast.stmt]:
    """Return the assignments of a file by the name, such as `negList = map(neg)`."""
    return {
        target.id: node
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _names(node: ast.AST) -> set[str]:
    """Return the names and attributes that a statement uses."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return names | {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}


def body_text(source: str, node: ast.stmt) -> str:
    """Return the text of a function's body, without indentation and docstring.

    Args:
        source: The text of the file, with newlines of one character.
        node: The function, or another statement, whose whole text counts.
    """
    if not isinstance(node, Definition):
        return whole_text(source, node)
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if not body:
        return ""
    lines = source.split("\n")
    first = body[0]
    if first.lineno == node.lineno:
        # On the line of `def`. Columns count bytes.
        return lines[first.lineno - 1].encode()[first.col_offset :].decode()
    start = _first_line(first)
    while lines[start - 2].lstrip().startswith("#"):
        start -= 1
    return textwrap.dedent("\n".join(lines[start - 1 : node.end_lineno]))


def whole_text(source: str, node: ast.stmt) -> str:
    """Return the text of a statement with its decorators, without indentation."""
    lines = source.split("\n")
    return textwrap.dedent("\n".join(lines[_first_line(node) - 1 : node.end_lineno]))


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])
