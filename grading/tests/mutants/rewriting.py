"""Copies of the packages of this repository in which a few lines differ."""

import ast
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.submissions.syntax import definitions

ROOT = Path(__file__).resolve().parents[3]
STYLES = ROOT / "grading" / "tests" / "styles"


@dataclass(frozen=True)
class Rewrite:
    """A change of one source file.

    Attributes:
        file: The file, from the package on: "mt_tensor/operators.py".
        old: A text that stands in it exactly once.
        new: What stands there instead.
        style: The name of a file of `grading/tests/styles` that is added at the end before, so
            that its functions replace those of the same names: another right solution.
    """

    file: str
    old: str = ""
    new: str = ""
    style: str | None = None

    def apply(self, source: str) -> str:
        """Return the changed source.

        Raises:
            ValueError: The old text does not stand there exactly once.
        """
        if self.style is not None:
            added = (STYLES / f"{self.style}.py").read_text(encoding="utf-8")
            source += "\n\n" + added
        if not self.old:
            return source
        # In a source with a style added, the style's text is meant.
        start = source.rindex(added) if self.style is not None else 0
        count = source.count(self.old, start)
        if count != 1:
            raise ValueError(f"{self.file}: {self.old!r} stands there {count} times")
        return source[:start] + source[start:].replace(self.old, self.new)


def make_tree(folder: Path, rewrites: Sequence[Rewrite]) -> Path:
    """Write the packages with some files changed into a folder: a submission."""
    changed = changed_sources(rewrites)
    for path in ROOT.glob("packages/*/src/**/*.py"):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path in changed:
            target.write_text(changed[path], encoding="utf-8")
        else:
            shutil.copyfile(path, target)
    return folder


def changed_sources(rewrites: Sequence[Rewrite]) -> dict[Path, str]:
    """Return the new source of each file that is changed.

    Raises:
        ValueError: A text to be changed is not there, or several times.
    """
    changed: dict[Path, str] = {}
    for rewrite in rewrites:
        path = original(rewrite.file)
        source = changed.get(path) or path.read_text(encoding="utf-8")
        changed[path] = rewrite.apply(source)
    return changed


def make_broken_tree(folder: Path, hole: str) -> Path:
    """Write the packages with one function that raises into a folder: a submission.

    Args:
        folder: The folder.
        hole: The function, as "module:qualname".
    """
    module, _, qualname = hole.partition(":")
    make_tree(folder, [])
    path = next(folder.glob(f"packages/*/src/{module.replace('.', '/')}.py"))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    node = definitions(tree)[qualname]
    node.body = ast.parse('raise RuntimeError("broken on purpose")').body
    path.write_text(ast.unparse(tree), encoding="utf-8")
    return folder


def original(file: str) -> Path:
    """Return where a file stands in this repository, given from the package on."""
    (path,) = ROOT.glob(f"packages/*/src/{file}")
    return path
