"""Scopes: the statements of a block of code that bind names, in order."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from grading.submissions.forbidden.source import Source
from grading.submissions.kernels.values import Block, Value
from grading.submissions.syntax import Definition, blocks


@dataclass(frozen=True)
class Binding:
    """A statement that binds a name.

    Attributes:
        name: The name; "*" for all names of a module.
        node: The statement.
        value: The expression; None for definitions and imports.
        certain: False if the statement may not run.
    """

    name: str
    node: ast.stmt
    value: ast.expr | None
    certain: bool


@dataclass(eq=False)
class Scope:
    """The names of a module or of one call of a function.

    Attributes:
        source: The file.
        body: The statements.
        parent: The enclosing scope; None for a module.
        arguments: The arguments of a call, by parameter.
        bindings: Every statement that binds a name, in order.
    """

    source: Source
    body: Sequence[ast.stmt]
    parent: "Scope | None" = None
    arguments: Mapping[str, Value] = field(default_factory=dict)
    bindings: list[Binding] = field(init=False)

    def __post_init__(self) -> None:
        self.bindings = list(_bindings(self.body, certain=True))

    def position(self, node: ast.stmt) -> int:
        """Return the number of bindings before a statement."""
        line = (node.lineno, node.col_offset)
        return sum((b.node.lineno, b.node.col_offset) < line for b in self.bindings)


def returns(block: Block) -> list[tuple[ast.stmt | None, ast.expr, bool]]:
    """Return the statements with which a function may return.

    Each is a tuple of the statement, its expression, and whether it certainly runs.
    """
    if isinstance(block, ast.Lambda):
        return [(None, block.body, True)]
    return list(_returns(block.body, certain=True))


def _returns(
    body: Sequence[ast.stmt], certain: bool
) -> Iterator[tuple[ast.stmt | None, ast.expr, bool]]:
    for node in body:
        if isinstance(node, ast.Return):
            yield node, node.value or ast.Constant(None), certain
        for inner, taken in _blocks(node):
            yield from _returns(inner, certain and taken)


def _bindings(body: Sequence[ast.stmt], certain: bool) -> Iterator[Binding]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield Binding(node.name, node, None, certain)
            case ast.Import():
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    yield Binding(name, node, None, certain)
            case ast.ImportFrom():
                for alias in node.names:
                    yield Binding(alias.asname or alias.name, node, None, certain)
            case ast.Assign():
                for target in node.targets:
                    yield from _targets(target, node, node.value, certain)
            case ast.AnnAssign():
                if node.value is not None:
                    yield from _targets(node.target, node, node.value, certain)
            case ast.AugAssign():
                yield from _targets(node.target, node, None, certain)
            case ast.For():
                yield from _targets(node.target, node, None, certain=False)
        for named in _walrus(node):
            yield Binding(named.target.id, node, named.value, False)
        for inner, taken in _blocks(node):
            yield from _bindings(inner, certain and taken)


def _walrus(node: ast.stmt) -> Iterator[ast.NamedExpr]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from (n for n in ast.walk(child) if isinstance(n, ast.NamedExpr))


def _targets(
    target: ast.expr, node: ast.stmt, value: ast.expr | None, certain: bool
) -> Iterator[Binding]:
    if isinstance(target, ast.Name):
        yield Binding(target.id, node, value, certain)
    elif isinstance(target, ast.Tuple | ast.List):
        parts: Sequence[ast.expr | None] = [None] * len(target.elts)
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            parts = value.elts
        for each, part in zip(target.elts, parts, strict=True):
            yield from _targets(each, node, part, certain)
    elif isinstance(target, ast.Starred):
        yield from _targets(target.value, node, None, certain)


def _blocks(node: ast.stmt) -> Iterator[tuple[Sequence[ast.stmt], bool]]:
    """Return the blocks of a statement in the same scope, and whether each certainly runs."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Constant):
        yield (node.body if node.test.value else node.orelse), True
    elif not isinstance(node, Definition):
        final = getattr(node, "finalbody", None)
        for block in blocks(node):
            yield block, isinstance(node, ast.With | ast.AsyncWith) or block is final
