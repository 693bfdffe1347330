"""Functions and classes of a source file, by its syntax tree."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def parsed(file: Path) -> ast.Module:
    """Return the syntax tree of a file; an empty one if it is not valid Python."""
    return _parsed(file, file.stat().st_mtime_ns)[0]


def syntax_error(file: Path) -> tuple[int, str] | None:
    """Return line and message of the syntax error in a file; None if the file is valid Python.

    The line is 0 if it is not known.
    """
    return _parsed(file, file.stat().st_mtime_ns)[1]


@lru_cache(maxsize=256)
def _parsed(file: Path, changed: int) -> tuple[ast.Module, tuple[int, str] | None]:
    """Parse a file; `changed` is its modification time, so that the cache misses after an edit."""
    try:
        return ast.parse(file.read_bytes()), None
    except SyntaxError as error:
        found = error.lineno or 0, error.msg
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        found = 0, str(error) or type(error).__name__
    return ast.Module([], []), found


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


@dataclass(frozen=True)
class Target:
    """A name, or several names or attributes, that a statement binds or deletes.

    Attributes:
        bound: The name, or the expression on the left of an assignment; "*" for all names of a
            module.
        origin: The part of the statement that determines the value.
        value: The assigned expression; None if the value is not that of an expression.
        certain: False if the statement may run without binding the name.
    """

    bound: str | ast.expr
    origin: ast.AST
    value: ast.expr | None = None
    certain: bool = True


def targets(node: ast.stmt) -> Iterator[Target]:
    """Iterate over what a statement binds in its scope, without the statements of its blocks."""
    for named, in_comprehension in _named_expressions(node):
        value = None if in_comprehension else named.value
        yield Target(named.target.id, named, value, certain=False)
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield Target(node.name, node)
        case ast.Import():
            for alias in node.names:
                yield Target(alias.asname or alias.name.partition(".")[0], node)
        case ast.ImportFrom():
            for alias in node.names:
                yield Target(alias.asname or alias.name, node)
        case ast.Assign():
            for target in node.targets:
                yield Target(target, node, node.value)
        case ast.AnnAssign():
            if node.value is not None:
                yield Target(node.target, node, node.value)
        case ast.AugAssign():
            yield Target(node.target, node)
        case ast.For() | ast.AsyncFor():
            yield Target(node.target, node.iter, certain=False)
        case ast.With() | ast.AsyncWith():
            for item in node.items:
                if item.optional_vars is not None:
                    yield Target(item.optional_vars, item)
        case ast.Try() | ast.TryStar():
            for handler in node.handlers:
                if handler.name is not None:
                    yield Target(handler.name, node, certain=False)
        case ast.Match():
            for name in _captured(node):
                yield Target(name, node.subject, certain=False)
        case ast.Delete():
            for target in node.targets:
                yield Target(target, node)
        case _ if type(node).__name__ == "TypeAlias":  # Python 3.12 and later.
            yield Target(node.name, node)  # type: ignore[attr-defined]


def _captured(node: ast.Match) -> Iterator[str]:
    """Iterate over the names that the patterns of a statement bind."""
    for case in node.cases:
        for pattern in ast.walk(case.pattern):
            name = getattr(
                pattern, "rest" if isinstance(pattern, ast.MatchMapping) else "name", None
            )
            if isinstance(name, str):
                yield name


def _named_expressions(node: ast.stmt) -> Iterator[tuple[ast.NamedExpr, bool]]:
    """Iterate over the expressions `name := value` of a statement that bind in its scope.

    Each comes with True if it is in a comprehension. Those in the body of a lambda are left out.
    """
    left: list[tuple[ast.AST, bool]] = [(node, False)]
    while left:
        outer, inside = left.pop()
        for child in ast.iter_child_nodes(outer.args if isinstance(outer, ast.Lambda) else outer):
            if isinstance(child, ast.NamedExpr):
                yield child, inside
            if not isinstance(child, ast.stmt):
                left.append((child, inside or isinstance(child, COMPREHENSIONS)))


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
