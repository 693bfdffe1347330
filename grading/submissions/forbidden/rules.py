"""Rules for forbidden and hidden calls in one node of a syntax tree."""

import ast
from collections.abc import Iterator, Sequence

from grading.submissions.forbidden.source import Source, dotted_name

HIDES = ", which hides the called function"
"""End of a description of a call that static analysis cannot follow."""

HIDING_FUNCTIONS = frozenset({"exec", "eval", "compile", "__import__", "vars", "globals"})
"""Built-in functions that call code which static analysis cannot follow."""

HIDING_MODULES = frozenset(
    {
        *("ctypes", "cffi", "importlib", "builtins", "subprocess", "marshal", "pickle", "runpy"),
        *("gc", "inspect.getattr_static", "inspect.getmembers", "operator.attrgetter"),
        *("operator.methodcaller", "sys.modules"),
    }
)
"""Modules and their names that call code which static analysis cannot follow.

No kernel needs one.
"""

HIDING_ATTRIBUTES = frozenset({"__getattribute__", "__globals__", "__subclasses__"})
"""Attributes that give access to the names of a module."""


class Rules:
    """The forbidden modules and functions of a task, and the recognition of their use.

    Args:
        forbidden: Modules and functions by their dotted names.
    """

    def __init__(self, forbidden: Sequence[str]) -> None:
        self.forbidden = tuple(forbidden)
        self._of_numpy = {
            name.rpartition(".")[2] for name in forbidden if name.startswith("numpy.")
        }

    def used_by(self, node: ast.AST, source: Source) -> Iterator[str]:
        """Iterate over the forbidden names that a node uses."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from self._named(alias.name)
        elif isinstance(node, ast.ImportFrom):
            origin = source.origin(node)
            for alias in node.names:
                if alias.name != "*":
                    yield from self._named(f"{origin}.{alias.name}")
                elif origin == "numpy" and self._of_numpy:
                    yield "every name of numpy"
                else:
                    yield from self._named(origin)
        elif isinstance(node, ast.Attribute | ast.Name):
            dotted = dotted_name(node, source.imports)
            if dotted is not None:
                yield from self._named(dotted)
            elif source.has_by_star(node, "numpy"):
                yield from self._named(f"numpy.{ast.unparse(node)}")
        elif isinstance(node, ast.Call):
            yield from self._looked_up(node, source)

    def hidden_in(self, node: ast.AST, source: Source) -> Iterator[str]:
        """Iterate over uses in a node that may hide a forbidden call; they are allowed elsewhere.

        They are searched only if functions of NumPy are forbidden: the worker has no other library
        that replaces the work.
        """
        if not self._of_numpy:
            return
        match node:
            case ast.BinOp(op=ast.MatMult()) | ast.AugAssign(op=ast.MatMult()):
                if "matmul" in self._of_numpy:
                    yield "the operator @"
            case ast.Call(func=ast.Name(id=name) as function) if not source.is_own(function):
                if name in HIDING_FUNCTIONS:
                    yield name + HIDES
                elif name == "getattr" and len(node.args) > 1 and not _text(node.args[1]):
                    yield "getattr with a computed name" + HIDES
            case ast.Call(func=ast.Attribute(attr="dot") as function):
                if "dot" in self._of_numpy and dotted_name(function, source.imports) is None:
                    yield "the method dot of an array"
            case ast.Attribute(attr="__dict__", value=value):
                if dotted_name(value, source.imports) is not None:
                    yield "__dict__ of a module" + HIDES
            case ast.Attribute(attr=name) if name in HIDING_ATTRIBUTES:
                yield name + HIDES
            case ast.Name(id="__builtins__"):
                yield node.id + HIDES
            case ast.Name(id=name) if _hides(source.imports.get(name, "")):
                yield source.imports[name] + HIDES
            case ast.Attribute():
                dotted = dotted_name(node, source.imports)
                if dotted in HIDING_MODULES:
                    yield dotted + HIDES
            case ast.Import(names=names):
                yield from (alias.name + HIDES for alias in names if _hides(alias.name))
            case ast.ImportFrom():
                origin = source.origin(node)
                if _hides(origin):
                    yield origin + HIDES

    def aliased_in(self, tree: ast.AST, source: Source) -> Iterator[tuple[ast.Name, str]]:
        """Iterate over the built-in functions that may hide a call and get another name.

        An example is `g = getattr`. Names that the tree itself binds stand for something else.
        """
        if not self._of_numpy:
            return
        nodes = list(ast.walk(tree))
        called = {node.func for node in nodes if isinstance(node, ast.Call)}
        names = [node for node in nodes if isinstance(node, ast.Name) and node not in called]
        bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
        bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        for name in names:
            hides = name.id == "getattr" or name.id in HIDING_FUNCTIONS
            if hides and name.id not in bound and not source.is_own(name):
                yield name, f"{name.id} under another name{HIDES}"

    def _named(self, dotted: str) -> Iterator[str]:
        """Iterate over the forbidden name that a dotted name equals or is inside of."""
        for name in self.forbidden:
            if dotted == name or dotted.startswith(name + "."):
                yield name
                return
        # Several modules of NumPy have the same functions.
        parts = dotted.split(".")
        if (parts[0] == "numpy" and parts[-1] in self._of_numpy) or (
            dotted in {"operator.matmul", "operator.imatmul"} and "matmul" in self._of_numpy
        ):
            yield dotted

    def _looked_up(self, node: ast.Call, source: Source) -> Iterator[str]:
        """Iterate over names in literals: `getattr(np, "dot")`, `import_module("torch")`."""
        function = dotted_name(node.func, source.imports)
        if isinstance(node.func, ast.Name) and function is None:
            function = node.func.id
        if function == "getattr" and len(node.args) > 1:
            of, name = dotted_name(node.args[0], source.imports), _text(node.args[1])
            if of is not None and name:
                yield from self._named(f"{of}.{name}")
        elif function in {"__import__", "importlib.import_module"} and node.args:
            name = _text(node.args[0])
            if name:
                yield from self._named(name)


def _text(node: ast.AST) -> str | None:
    """Return the value of a string literal; None for other nodes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _hides(dotted: str) -> bool:
    return dotted in HIDING_MODULES or dotted.partition(".")[0] in HIDING_MODULES
