"""Removal of modules from a program, with all uses of their names.

A module that imports a name from a removed module cannot export it either; so names are followed
through imports until no further name is affected. Uses of these names are removed: imports,
entries of ``__all__`` and decorators are deleted, and a statement in a function is replaced by an
error. A statement that runs at import cannot be replaced automatically: it is reported as an error
in the table of tasks.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from grading.submissions.edits import Edits
from grading.submissions.syntax import Function


class CannotLeaveOutError(Exception):
    """Code that runs at import uses a module or name to be removed."""


class LeftOut:
    """Removed modules, and the names that are lost with them.

    Args:
        modules: The modules to remove; a package includes its submodules.
        files: The syntax trees of the remaining modules, by module name.
    """

    def __init__(self, modules: Iterable[str], files: Mapping[str, ast.Module]) -> None:
        self.modules = frozenset(modules)
        self.names: set[tuple[str, str]] = set()
        known = -1
        while known != len(self.names):
            known = len(self.names)
            for module, tree in files.items():
                self.names.update((module, name) for name in self._imported(tree.body))

    def has_module(self, module: str) -> bool:
        """Return True for a removed module."""
        parts = module.split(".")
        return any(".".join(parts[:n]) in self.modules for n in range(1, len(parts) + 1))

    def has(self, module: str, name: str) -> bool:
        """Return True for a lost name of a module, and for a removed submodule."""
        return (
            self.has_module(module)
            or (module, name) in self.names
            or self.has_module(f"{module}.{name}")
        )

    def rewrite(self, source: Edits, file: str) -> None:
        """Remove all uses of removed modules and lost names from a file.

        Raises:
            CannotLeaveOutError: A statement that runs at import uses one.
        """
        gone = set(self._imported(ast.walk(source.tree)))
        _Rewriter(self, source, file, gone).module()

    def _imported(self, nodes: Iterable[ast.AST]) -> Iterator[str]:
        """Yield the local names under which nodes import removed modules and lost names."""
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                for alias in node.names:
                    if self.has(node.module, alias.name):
                        yield alias.asname or alias.name
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if self.has_module(alias.name) and alias.asname is not None:
                        yield alias.asname
            elif isinstance(node, ast.If):
                yield from self._imported(node.body)


class _Rewriter:
    """Rewriter of one file."""

    def __init__(self, left_out: LeftOut, source: Edits, file: str, gone: set[str]) -> None:
        self.left_out = left_out
        self.source = source
        self.file = file
        self.gone = gone

    def module(self) -> None:
        """Rewrite the statements that run at import."""
        for node in self.source.tree.body:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        """Rewrite a statement of a module or of a class."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.imported(node)
        elif isinstance(node, Function):
            self.function(node)
        elif isinstance(node, ast.ClassDef):
            self.refuse([*node.bases, *node.keywords], node)
            for inner in node.body:
                self.statement(inner)
        elif isinstance(node, ast.If) and not self.mention(node.test):
            # Imports for type checkers.
            for inner in node.body:
                self.statement(inner)
        elif self.mention(node) or self.names_it(node):
            self.table(node)

    def imported(self, node: ast.Import | ast.ImportFrom) -> None:
        """Remove lost names from an import."""
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            gone = {i for i, a in enumerate(node.names) if self.left_out.has(module, a.name)}
        else:
            gone = {i for i, a in enumerate(node.names) if self.left_out.has_module(a.name)}
        if len(gone) == len(node.names):
            self.source.remove_line(node)
        else:
            self.source.remove_elements([(a, a) for a in node.names], gone)

    def function(self, node: Function) -> None:
        """Remove decorators, quote annotations, and replace statements."""
        for decorator in node.decorator_list:
            if self.mention(decorator):
                self.source.remove_line(decorator)
        arguments = node.args
        self.refuse([*arguments.defaults, *(d for d in arguments.kw_defaults if d)], node)
        parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for annotation in [*(p.annotation for p in parameters), node.returns]:
            if annotation is not None and self.mention(annotation):
                self.source.replace(annotation, repr(self.source.text_of(annotation)))
        self.body(node.body)

    def body(self, statements: Sequence[ast.stmt]) -> None:
        """Replace the statements of a function that use lost names."""
        for node in statements:
            if isinstance(node, Function):
                self.function(node)
                continue
            blocks = [
                block
                for field in ("body", "orelse", "finalbody")
                if isinstance(block := getattr(node, field, None), list)
            ]
            blocks += [handler.body for handler in getattr(node, "handlers", [])]
            inner = {id(statement) for block in blocks for statement in block}
            name = self.mention(node, without=inner)
            if name is None and isinstance(node, ast.Import | ast.ImportFrom):
                name = next(self.left_out._imported([node]), None)
            if name is not None:
                error = f'raise NotImplementedError("{name} is removed from this tree")'
                self.source.replace(node, error)
                continue
            for block in blocks:
                self.body(block)

    def table(self, node: ast.stmt) -> None:
        """Remove the elements of a list or a dict that use lost names."""
        value = getattr(node, "value", None)
        pairs: list[tuple[ast.AST, ast.AST]] = []
        if isinstance(value, ast.List | ast.Tuple | ast.Set):
            pairs = [(element, element) for element in value.elts]
        elif isinstance(value, ast.Dict):
            pairs = [(k, v) for k, v in zip(value.keys, value.values, strict=True) if k]
        gone = {
            i
            for i, pair in enumerate(pairs)
            if any(self.mention(part) or self.names_it(part) for part in pair)
        }
        if not gone or len(gone) == len(pairs):
            self.refuse([node], node)
        elif gone:
            self.source.remove_elements(pairs, gone)

    def refuse(self, nodes: Sequence[ast.AST], at: ast.stmt) -> None:
        """Raise CannotLeaveOutError if code that runs at import uses a lost name."""
        for node in nodes:
            if (name := self.mention(node)) is not None:
                raise CannotLeaveOutError(
                    f"{self.file}:{at.lineno} uses {name} at import, which is removed; "
                    "add this code to `also_remove` in grading/tasks.toml"
                )

    def names_it(self, node: ast.AST) -> bool:
        """Return True for a string with a lost name, and for an ``__all__`` that contains one."""
        if isinstance(node, ast.Assign):
            targets = [t.id for t in node.targets if isinstance(t, ast.Name)]
            return "__all__" in targets and any(map(self.names_it, ast.walk(node.value)))
        return isinstance(node, ast.Constant) and node.value in self.gone

    def mention(self, node: ast.AST, without: Iterable[int] = ()) -> str | None:
        """Return the first lost name that a node uses; None if there is none."""
        skipped = set(without)
        pending: list[ast.AST] = [node]
        while pending:
            current = pending.pop()
            if id(current) in skipped:
                continue
            if isinstance(current, ast.Name) and current.id in self.gone:
                return current.id
            if isinstance(current, ast.Attribute):
                dotted = _dotted(current)
                module, _, name = dotted.rpartition(".")
                if dotted and self.left_out.has(module, name):
                    return dotted
            pending.extend(ast.iter_child_nodes(current))
        return None


def _dotted(node: ast.expr) -> str:
    """Return the dotted name ``a.b.c`` of an attribute; empty for other expressions."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""
