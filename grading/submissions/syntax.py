"""Functions and classes of a source file, by its syntax tree."""

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


def parsed(file: Path) -> ast.Module:
    """Return the syntax tree of a file; an empty one if it is not valid Python."""
    return _parsed(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _parsed(file: Path, changed: int) -> ast.Module:
    """Parse a file; `changed` is its modification time, so that the cache misses after an edit."""
    try:
        return ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def definitions(tree: ast.Module) -> dict[str, Definition]:
    """Return the functions and classes of a file by their qualified names.

    The last definition of a name counts. Functions inside functions are left out; classes inside
    functions are included, because the course defines some there.
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


def blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Iterate over the blocks of a statement in the order of the text."""
    yield getattr(node, "body", [])
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body
    yield getattr(node, "orelse", [])
    yield getattr(node, "finalbody", [])


def is_stub(definition: Definition) -> bool:
    """Return whether a function is not written yet: it raises `NotImplementedError`.

    The statement need not be the first: some stubs of the course have other lines before it.
    """
    for node in ast.walk(definition):
        if isinstance(node, ast.Raise) and node.exc is not None:
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(error, ast.Name) and error.id == "NotImplementedError":
                return True
    return False
