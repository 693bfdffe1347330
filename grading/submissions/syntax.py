"""Functions and classes of a source file, found along its syntax tree."""

import ast
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


def parsed(file: Path) -> ast.Module:
    """Return the syntax tree of a file, an empty one if it is no Python."""
    return _parsed(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _parsed(file: Path, changed: int) -> ast.Module:
    """Parse a file; `changed` makes that an edited file is read again."""
    try:
        return ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def definitions(tree: ast.Module) -> dict[str, Definition]:
    """Return the functions and classes of a file by their qualified names.

    Of two definitions of one name the later one counts. Functions that are defined in a function
    are left out; classes are not, since the course makes some in a function.
    """
    found: dict[str, Definition] = {}

    def collect(body: Sequence[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, Definition):
                found[prefix + node.name] = node
                inner = [
                    each
                    for each in node.body
                    if isinstance(node, ast.ClassDef) or isinstance(each, ast.ClassDef)
                ]
                collect(inner, f"{prefix}{node.name}.")
            elif isinstance(node, ast.If | ast.Try):
                collect(node.body, prefix)

    collect(tree.body, "")
    return found


def is_stub(definition: Definition) -> bool:
    """Return whether a function is still to be written: it raises `NotImplementedError`.

    The course's own stubs have some given lines before that; they count as well.
    """
    for node in ast.walk(definition):
        if isinstance(node, ast.Raise) and node.exc is not None:
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(error, ast.Name) and error.id == "NotImplementedError":
                return True
    return False
