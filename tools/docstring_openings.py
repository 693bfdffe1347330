"""Docstrings that begin with a question word, counted per folder.

A docstring begins with a verb (a function) or with a noun (a class, a constant, a module). One that
begins with "What", "Where" or "How" describes its subject with a relative clause and leaves out
the noun. The strings below class attributes and module constants count as docstrings, too.

Run ``python -m tools.docstring_openings [ROOT]`` to print the share of each folder; the exit code
is 1 if one of them exceeds `LIMIT`. `hatch run lint` runs it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tools.workspace import ROOT

QUESTION_WORDS = frozenset({"what", "where", "how", "whether", "who", "which", "whose", "when"})
"""First words of a docstring, in lower case, that the check counts."""

LIMIT = 0.01
"""Largest share of such docstrings that a folder may have, 0 to 1. A larger limit lets them return
unnoticed."""

FOLDERS = ("asv_benchmarks", "grading", "tests", "tools")
"""Folders of the root that are counted as a whole, beside each folder of `packages`."""

LEFT_OUT = frozenset({"editions", "__pycache__"})
"""Names of folders that are not counted: `editions` holds submissions in the style of learners."""

DOCUMENTED = (
    *(ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef),
    *(ast.Assign, ast.AnnAssign),
)
"""Syntax nodes that a string documents: at the beginning of their body, or right below them."""

FIRST_WORD = re.compile(r"\W*(\w+)")


@dataclass(frozen=True, slots=True)
class Docstring:
    """A docstring and its position.

    Attributes:
        file: The source file.
        line: The line on which the docstring begins, counted from 1.
        text: The docstring without its quotation marks.
    """

    file: Path
    line: int
    text: str

    @property
    def opens_with_question(self) -> bool:
        """True if its first word is one of `QUESTION_WORDS`."""
        found = FIRST_WORD.match(self.text)
        return found is not None and found[1].lower() in QUESTION_WORDS


@dataclass(slots=True)
class Count:
    """The docstrings of one folder.

    Attributes:
        total: The number of docstrings.
        questions: Those that begin with a question word.
    """

    total: int = 0
    questions: list[Docstring] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Share of docstrings that begin with a question word, 0 to 1."""
        return len(self.questions) / max(1, self.total)


def docstrings(file: Path) -> Iterator[Docstring]:
    """Yield the docstrings of a source file, those of attributes and constants included.

    Raises:
        SyntaxError: The file is not Python source.
    """
    for node in ast.walk(ast.parse(file.read_text("utf-8"), filename=str(file))):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        documented: ast.AST = node
        for statement in body:
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))) if isinstance(
                    documented, DOCUMENTED
                ):
                    yield Docstring(file, statement.lineno, text)
            documented = statement


def counts(root: Path = ROOT) -> dict[str, Count]:
    """Return the count of every package, every folder of `FOLDERS` and the root's own files."""
    found: dict[str, Count] = defaultdict(Count)
    folders = [*sorted(root.glob("packages/*/")), *(root / name for name in FOLDERS)]
    files = {folder: _sources(folder) for folder in folders if folder.is_dir()}
    for folder, sources in {**files, root: sorted(root.glob("*.py"))}.items():
        name = folder.relative_to(root).as_posix()
        for each in (each for file in sources for each in docstrings(file)):
            found[name].total += 1
            if each.opens_with_question:
                found[name].questions.append(each)
    return dict(found)


def _sources(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*.py") if not LEFT_OUT & {*file.parts})


def main(root: str = str(ROOT)) -> int:
    """Print the share of each folder, and each docstring to rewrite where it exceeds `LIMIT`.

    Returns:
        1 if a folder exceeds the limit, else 0.
    """
    found = counts(Path(root))
    for name, count in found.items():
        print(
            f"{name:26} {len(count.questions):4} of {count.total:4} docstrings {count.share:7.2%}"
        )
    over = [count for count in found.values() if count.share > LIMIT]
    for each in (each for count in over for each in count.questions):
        print(f"{each.file.relative_to(root)}:{each.line}: {each.text.splitlines()[0]}")
    if over:
        print(
            f"error: at most {LIMIT:.0%} of a folder's docstrings may begin with a question word; "
            "begin with a verb (functions) or a noun (classes, constants, modules)"
        )
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
