"""Docstrings that begin with a question word.

A docstring begins with a verb (a function) or with a noun (a class, a constant, a module). One that
begins with "What", "Where" or "How" describes its subject with a relative clause and leaves out
the noun. The strings below class attributes and module constants count as docstrings, too; a
linter reads only those of modules, classes and functions.

Run ``python -m tools.docstring_openings`` to print them; the exit code is 1 if there is one.
`hatch run lint` runs it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.workspace import ROOT

QUESTION = re.compile(r"\W*(what|where|how|whether|who|which|whose|when)\b", re.IGNORECASE)
"""The beginning of a docstring with a question word."""

FOLDERS = ("packages", "asv_benchmarks", "grading", "tests", "tools")
"""Folders with sources. The modules of the root are read, too."""

LEFT_OUT = "editions"
"""The folder with submissions in the style of learners, which are not read."""

DOCUMENTED = (
    *(ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef),
    *(ast.Assign, ast.AnnAssign),
)
"""Syntax nodes that a string documents: at the beginning of their body, or right below them."""


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of the docstrings of a source, those of attributes and constants too.

    Raises:
        SyntaxError: The text is not Python source.
    """
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        documented: ast.AST = node
        for statement in body:
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))) if isinstance(
                    documented, DOCUMENTED
                ):
                    yield statement.lineno, text
            documented = statement


def questions(root: Path = ROOT) -> Iterator[str]:
    """Yield "file:line: text" for every docstring below a folder that begins with a question."""
    files = [
        *root.glob("*.py"),
        *(file for name in FOLDERS for file in (root / name).rglob("*.py")),
    ]
    for file in sorted(files):
        name = file.relative_to(root)
        if LEFT_OUT in name.parts:
            continue
        for line, text in docstrings(file.read_text("utf-8")):
            if QUESTION.match(text):
                yield f"{name.as_posix()}:{line}: {text.strip().splitlines()[0]}"


def main(root: str = str(ROOT)) -> int:
    """Print the docstrings to rewrite; return 1 if there is one, else 0."""
    found = list(questions(Path(root)))
    if found:
        print(*found, sep="\n")
        print("error: begin docstrings with a verb (functions) or a noun (classes, constants)")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
