"""A parsed source file with its definitions and its imported names."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import decode_source
from itertools import chain

from grading.submissions.submission import Submission
from grading.submissions.syntax import Definition, blocks, targets


@dataclass(frozen=True)
class Source:
    """A parsed file.

    Attributes:
        module: Its dotted name.
        name: Its path relative to the submission, for reports.
        tree: Its syntax tree.
        is_package: True for an ``__init__.py``.
        is_unreadable: True if it is nested too deeply to parse; then the tree is empty.
        lines: Its lines.
    """

    module: str
    name: str
    tree: ast.Module
    is_package: bool
    is_unreadable: bool
    lines: tuple[str, ...] = ()

    @classmethod
    def of(cls, submission: Submission, module: str) -> "Source | None":
        """Parse the file of a module; return None if there is none, or no valid Python in it."""
        file = submission.source(module)
        if file is None:
            return None
        deep = False
        lines: tuple[str, ...] = ()
        try:
            content = file.read_bytes()
            tree = ast.parse(content)
            lines = tuple(decode_source(content).split("\n"))
        except (OSError, SyntaxError, ValueError):
            return None
        except (RecursionError, MemoryError):
            # It may be too deep for a syntax tree and still run.
            tree, deep = ast.Module([], []), True
        name = file.relative_to(submission.root).as_posix()
        return cls(module, name, tree, file.name == "__init__.py", deep, lines)

    @cached_property
    def imports(self) -> dict[str, str]:
        """Dotted names of all imports in the file, by the names that they bind."""
        names: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    names[alias.asname or top] = alias.name if alias.asname else top
            elif isinstance(node, ast.ImportFrom):
                origin = self.origin(node)
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{origin}.{alias.name}"
        # `e = np.einsum` and `m = np` define aliases.
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute):
                dotted = dotted_name(node.value, names)
                for target in node.targets:
                    if dotted is not None and isinstance(target, ast.Name):
                        names.setdefault(target.id, dotted)
        return names

    @cached_property
    def stars(self) -> tuple[str, ...]:
        """Modules that are imported with a star."""
        return tuple(
            self.origin(node)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names)
        )

    @cached_property
    def definitions(self) -> dict[str, list[ast.AST]]:
        """Statements that define each top-level name and each method, by name."""
        found: dict[str, list[ast.AST]] = defaultdict(list)
        for node in _statements(self.tree.body):
            for name, origin in _defined(node):
                found[name].append(origin)
            if isinstance(node, ast.ClassDef):
                for inner in _statements(node.body):
                    if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                        found[inner.name].append(inner)
        for scope in ast.walk(self.tree):
            if isinstance(scope, Definition):
                statements = list(_statements(scope.body))
                declared = {n for each in statements for n in _declared_global(each)}
                for name, origin in chain.from_iterable(map(_defined, statements)):
                    if name in declared:
                        found[name].append(origin)
        return found

    def has_by_star(self, node: ast.expr, module: str) -> bool:
        """Return whether a name may come from a star import of a module."""
        return isinstance(node, ast.Name) and module in self.stars and not self.is_own(node)

    def is_own(self, name: ast.Name) -> bool:
        """Return whether a name surely stands for a function or a class of the file.

        The definition has to run before, and no statement may delete the name.
        """
        return self._own.get(name.id, name.lineno) < name.lineno

    @cached_property
    def _own(self) -> dict[str, int]:
        """Lines of the functions and classes that the file always defines."""
        own = {node.name: node.lineno for node in self.tree.body if isinstance(node, Definition)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del):
                own.pop(node.id, None)
        return own

    def origin(self, node: ast.ImportFrom) -> str:
        """Return the dotted name of the module that names are imported from."""
        if not node.level:
            return node.module or ""
        parts = self.module.split(".")
        parts = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*parts, *([node.module] if node.module else [])])


def dotted_name(node: ast.AST, imports: dict[str, str]) -> str | None:
    """Return the dotted name of a name or a chain of attributes; None if it is not imported."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in imports:
        return None
    return ".".join([imports[node.id], *reversed(attributes)])


def _defined(node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    """Iterate over the names that a statement defines, each with what defines it."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Delete):
        return
    for target in targets(node):
        if isinstance(target.bound, str):
            yield target.bound, target.origin
            continue
        for part in ast.walk(target.bound):
            if isinstance(part, ast.Name):
                yield part.id, target.origin
            elif isinstance(part, ast.Attribute):
                # `module.function = other` redefines the function.
                yield part.attr, target.origin


def _declared_global(node: ast.stmt) -> list[str]:
    return node.names if isinstance(node, ast.Global) else []


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Iterate over statements, including those in nested blocks of the same scope."""
    for node in body:
        yield node
        if not isinstance(node, Definition):
            for block in blocks(node):
                yield from _statements(block)
