"""Scopes: the statements of a block of code that bind names, in order."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from grading.submissions.forbidden.source import Source
from grading.submissions.kernels.values import Block, Value
from grading.submissions.syntax import Definition, blocks, targets

Loop = ast.For | ast.AsyncFor | ast.While


@dataclass(frozen=True)
class Binding:
    """A statement that binds or deletes a name.

    Attributes:
        name: The name; "*" for all names of a module.
        node: The statement.
        value: The expression; None if the value is not that of an expression.
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
        """Return the number of bindings that may have run before a statement.

        In a loop, these are all bindings of the loop: later ones ran in an earlier iteration.
        """
        start = (node.lineno, node.col_offset)
        for loop in self._loops:
            end = (loop.end_lineno or loop.lineno, loop.end_col_offset or 0)
            if (loop.lineno, loop.col_offset) <= start < end:
                start = end
        return sum((b.node.lineno, b.node.col_offset) < start for b in self.bindings)

    @property
    def global_scope(self) -> "Scope":
        """The scope of the module."""
        return self if self.parent is None else self.parent.global_scope

    @cached_property
    def declared_global(self) -> frozenset[str]:
        """The names that the scope declares as global."""
        return frozenset(_declared(self.body, ast.Global))

    @cached_property
    def bound_elsewhere(self) -> frozenset[str]:
        """The names that functions and classes inside bind by `global` or `nonlocal`."""
        kind = ast.Global if self.parent is None else ast.Nonlocal
        return frozenset(_bound_by_inner_blocks(self.body, kind))

    @cached_property
    def _loops(self) -> tuple[Loop, ...]:
        return tuple(_loops(self.body))


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
        for target in targets(node):
            yield from _names(target.bound, node, target.value, certain and target.certain)
        for inner, taken in _blocks(node):
            yield from _bindings(inner, certain and taken)


def _names(
    target: str | ast.expr, node: ast.stmt, value: ast.expr | None, certain: bool
) -> Iterator[Binding]:
    if isinstance(target, str):
        yield Binding(target, node, value, certain)
    elif isinstance(target, ast.Name):
        yield Binding(target.id, node, value, certain)
    elif isinstance(target, ast.Tuple | ast.List):
        parts: Sequence[ast.expr | None] = [None] * len(target.elts)
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            parts = value.elts
        for each, part in zip(target.elts, parts, strict=True):
            yield from _names(each, node, part, certain)
    elif isinstance(target, ast.Starred):
        yield from _names(target.value, node, None, certain)


def _blocks(node: ast.stmt) -> Iterator[tuple[Sequence[ast.stmt], bool]]:
    """Return the blocks of a statement in the same scope, and whether each certainly runs.

    The block of a `with` may end early: its context manager may suppress an exception.
    """
    if isinstance(node, ast.If) and isinstance(node.test, ast.Constant):
        yield (node.body if node.test.value else node.orelse), True
    elif not isinstance(node, Definition):
        final = getattr(node, "finalbody", None)
        for block in blocks(node):
            yield block, block is final


def _loops(body: Sequence[ast.stmt]) -> Iterator[Loop]:
    """Iterate over the loops of a scope that are in no other loop."""
    for node in body:
        if isinstance(node, Loop):
            yield node
        else:
            for inner, _ in _blocks(node):
                yield from _loops(inner)


def _bound_by_inner_blocks(body: Sequence[ast.stmt], kind: type[ast.AST]) -> Iterator[str]:
    """Iterate over the names that functions and classes declare with `kind` and bind."""
    for node in chain.from_iterable(map(ast.walk, body)):
        if isinstance(node, Definition):
            declared = set(_declared(node.body, kind))
            yield from declared.intersection(b.name for b in _bindings(node.body, certain=True))


def _declared(body: Sequence[ast.stmt], kind: type[ast.AST]) -> Iterator[str]:
    """Iterate over the names that a scope declares as global or as nonlocal."""
    for node in body:
        if isinstance(node, kind):
            yield from node.names  # type: ignore[attr-defined]
        for inner, _ in _blocks(node):
            yield from _declared(inner, kind)
