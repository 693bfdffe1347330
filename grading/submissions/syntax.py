"""Functions and classes of a source file, found along its syntax tree."""

import ast
from collections.abc import Sequence

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


def definitions(tree: ast.Module) -> dict[str, Definition]:
    """Return the functions and classes of a file by their qualified names.

    Of two definitions of one name the later one counts. What is defined in a function is that
    function's own business.
    """
    found: dict[str, Definition] = {}

    def collect(body: Sequence[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, Definition):
                found[prefix + node.name] = node
                if isinstance(node, ast.ClassDef):
                    collect(node.body, f"{prefix}{node.name}.")
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
