"""What is left of a program when some of its modules are gone.

Whoever imports a name from a module that is left out, and hands it on, hands on nothing any more;
so names are followed through imports until no more fall away. What then mentions such a name goes
with it: an import and an entry of ``__all__`` vanish, a decorator is dropped, and a statement in a
function becomes an error that says so. A statement that runs at import cannot be replaced without
thought: that is an error in the table of tasks.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from grading.scaffold.source import Source
from grading.submissions.syntax import Function


class CannotLeaveOutError(Exception):
    """Code that runs at import needs what is to be left out."""


class LeftOut:
    """Modules and names that are gone.

    Args:
        modules: The modules to leave out; with a package all below it.
        files: The syntax tree of every module that stays, by its name.
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
        """Return whether a module is left out."""
        parts = module.split(".")
        return any(".".join(parts[:n]) in self.modules for n in range(1, len(parts) + 1))

    def has(self, module: str, name: str) -> bool:
        """Return whether a name of a module is gone, or is a module that is left out."""
        return (
            self.has_module(module)
            or (module, name) in self.names
            or self.has_module(f"{module}.{name}")
        )

    def rewrite(self, source: Source, file: str) -> None:
        """Take out of a file whatever mentions what is gone.

        Raises:
            CannotLeaveOutError: A statement that runs at import mentions it.
        """
        gone = set(self._imported(ast.walk(source.tree)))
        _Rewriter(self, source, file, gone).module()

    def _imported(self, nodes: Iterable[ast.AST]) -> Iterator[str]:
        """Go through the names under which nodes import what is gone."""
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
    """Rewrites one file."""

    def __init__(self, left_out: LeftOut, source: Source, file: str, gone: set[str]) -> None:
        self.left_out = left_out
        self.source = source
        self.file = file
        self.gone = gone

    def module(self) -> None:
        """Go through the statements that run at import."""
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
        """Drop the names of an import that are gone."""
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
        """Drop decorators, quote annotations, and replace statements."""
        for decorator in node.decorator_list:
            if self.mention(decorator):
                self.source.remove_line(decorator)
        arguments = node.args
        self.refuse([*arguments.defaults, *(d for d in arguments.kw_defaults if d)], node)
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for annotation in [*(a.annotation for a in given), node.returns]:
            if annotation is not None and self.mention(annotation):
                self.source.replace(annotation, repr(self.source.text_of(annotation)))
        self.body(node.body)

    def body(self, statements: Sequence[ast.stmt]) -> None:
        """Replace the statements of a function that mention what is gone."""
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
                error = f'raise NotImplementedError("{name} is left out of this tree")'
                self.source.replace(node, error)
                continue
            for block in blocks:
                self.body(block)

    def table(self, node: ast.stmt) -> None:
        """Drop the elements of a list or a dict that mention what is gone."""
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
        """Raise an error if code that runs at import mentions what is gone."""
        for node in nodes:
            if (name := self.mention(node)) is not None:
                raise CannotLeaveOutError(
                    f"{self.file}:{at.lineno} needs {name} at import, which is left out; "
                    "leave this out, too, in `spoils` of grading/tasks.toml"
                )

    def names_it(self, node: ast.AST) -> bool:
        """Return whether a node is, or ``__all__`` has, the name of what is gone as a string."""
        if isinstance(node, ast.Assign):
            targets = [t.id for t in node.targets if isinstance(t, ast.Name)]
            return "__all__" in targets and any(map(self.names_it, ast.walk(node.value)))
        return isinstance(node, ast.Constant) and node.value in self.gone

    def mention(self, node: ast.AST, without: Iterable[int] = ()) -> str | None:
        """Return the first name of what is gone that a node mentions."""
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
    """Return ``a.b.c`` for an attribute of an attribute of a name, else nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""
