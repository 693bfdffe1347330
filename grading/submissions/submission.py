"""A folder with code to judge: its layout, its modules, and the locations of functions.

There are two layouts. *packages* is this repository's: one folder per package below ``packages/``.
*upstream* is the course's: a folder ``minitorch/`` at the root, perhaps with ``project/`` and
``tests/`` beside it. Sources are parsed and never run, and nothing outside the folder is read.
"""

import ast
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from grading.submissions.edition import ADDED, FILES, MODULE_OF, edition_of
from grading.submissions.syntax import definitions, is_stub, parsed, syntax_error

Layout: TypeAlias = Literal["packages", "upstream"]

LARGEST_SOURCE = 2_000_000
"""Largest source file, in bytes; a larger file is ignored: it is not handwritten."""

DEEPEST = 2
"""Number of levels below a folder that are searched for a submission: archives nest folders."""


class SubmissionError(Exception):
    """A path is not a submission; the message describes what was expected."""


@dataclass(frozen=True)
class Location:
    """The location of a definition.

    Attributes:
        file: The file, relative to the submission, with slashes.
        line: The line of its ``def`` or ``class``, counted from 1.
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Submission:
    """A folder with code to judge.

    Attributes:
        root: The folder, as an absolute path without symbolic links.
        layout: "packages" or "upstream".
    """

    root: Path
    layout: Layout

    @classmethod
    def at(cls, path: str | Path) -> "Submission":
        """Find the submission in a folder, or the only one in the nearest level of its subfolders.

        Raises:
            SubmissionError: There is no such folder, no submission in it, or more than one.
        """
        parent = enclosing(Path(path))
        found = cls.all_in(parent)
        nearest = [each for each in found if len(each.root.parents) == len(found[0].root.parents)]
        if len(nearest) == 1:
            return nearest[0]
        if not found:
            raise SubmissionError(
                f"{path} is not a submission: there is neither packages/minitorch/src/minitorch/ "
                "(this repository's layout) nor minitorch/__init__.py (the course's)"
            )
        names = ", ".join(str(each.root.relative_to(parent.resolve())) for each in nearest)
        raise SubmissionError(
            f"{path} holds several submissions: {names}; name one of them, or judge "
            "them all with --batch"
        )

    @classmethod
    def all_in(cls, folder: Path) -> list["Submission"]:
        """Return the submissions in a folder and its subfolders, those of higher levels first.

        A submission is not searched for others.

        Raises:
            SubmissionError: There is no such folder.
        """
        if not folder.is_dir():
            what = "is a file" if folder.exists() else "does not exist"
            raise SubmissionError(f"{folder} {what}; a submission is a folder")
        found = []
        level = [folder.resolve()]
        for _ in range(DEEPEST + 1):
            layouts = [(each, _layout(each)) for each in level]
            found += [cls(each, layout) for each, layout in layouts if layout is not None]
            level = [
                below for each, layout in layouts if layout is None for below in _folders(each)
            ]
        return found

    @property
    def import_paths(self) -> tuple[Path, ...]:
        """Folders with the submission's modules, in the order of Python's search path."""
        if self.layout == "upstream":
            return (self.root,)
        return tuple(
            folder / "src"
            for folder in _folders(self.root / "packages")
            if self._inside(folder / "src") and (folder / "src").is_dir()
        )

    @property
    def test_paths(self) -> tuple[Path, ...]:
        """Folders with the learner's tests that are outside the import paths."""
        folder = self.root / "tests"
        if self.layout == "upstream" or not self._inside(folder) or not folder.is_dir():
            return ()
        return (folder,)

    @property
    def edition(self) -> str | None:
        """Edition (year) of the course that an upstream tree follows, for reports.

        An example is "2024", or "2022 + 2024" for a mixture; "2022" includes 2023. None for this
        repository's layout, or if no edition can be detected.
        """
        if self.layout == "packages":
            return None
        found = {edition for number in FILES if (edition := edition_of(number, self.source))}
        return " + ".join(sorted(found)) or None

    def edition_for(self, module: int) -> str | None:
        """Return the edition whose documentation applies to a module: one of `EDITIONS`.

        Trees mix editions, so each module is examined separately. None if the edition cannot be
        detected.
        """
        return "packages" if self.layout == "packages" else edition_of(module, self.source)

    def source(self, module: str) -> Path | None:
        """Return the file of a module, such as "minitorch.nn"; None if there is none."""
        parts = module.split(".")
        for folder in self.import_paths:
            stem = folder.joinpath(*parts)
            for file in (stem / "__init__.py", stem.with_name(stem.name + ".py")):
                if self._is_source(file):
                    return file
        return None

    def missing(self, holes: Iterable[str]) -> tuple[str, ...]:
        """Return the modules of a task's holes that have no file.

        A task with such a module is "not there": an upstream tree has only the modules of the
        course up to its own. For a hole with several names, one file is enough.
        """
        modules = dict.fromkeys(
            ADDED.get(name, name.partition(":")[0]) for name in self.named(holes)
        )
        return tuple(module for module in modules if self.source(module) is None)

    def absence(self, module: str) -> str:
        """Return a sentence that a module has no file; it names a path in the file's place."""
        sentence = f"the submission has no {module}"
        parts = module.split(".")
        for folder in self.import_paths:
            path = folder.joinpath(*parts[:-1], f"{parts[-1]}.py")
            name = path.relative_to(self.root).as_posix()
            if not path.exists() or self._is_source(path):
                continue
            if not self._inside(path):
                return f"{sentence}: {name} is a link out of the submission"
            if path.is_dir():
                return f"{sentence}: {name} is a folder, not a file"
            if path.stat().st_size > LARGEST_SOURCE:
                return f"{sentence}: {name} has more than {LARGEST_SOURCE} bytes"
            return f"{sentence}: {name} cannot be read; its permissions forbid it"
        return sentence

    def syntax_errors(self, holes: Iterable[str]) -> tuple[tuple[Location, str], ...]:
        """Return location and message for each file of some functions that is not valid Python."""
        modules = dict.fromkeys(name.partition(":")[0] for name in self.named(holes))
        found = []
        for file in filter(None, map(self.source, modules)):
            if error := syntax_error(file):
                line, message = error
                name = file.relative_to(self.root).as_posix()
                found.append((Location(name, max(line, 1)), message))
        return tuple(found)

    def empty(self, holes: Iterable[str]) -> tuple[str, ...]:
        """Return the paths of the files of some functions that contain no statement."""
        modules = dict.fromkeys(name.partition(":")[0] for name in self.named(holes))
        return tuple(
            file.relative_to(self.root).as_posix()
            for file in filter(None, map(self.source, modules))
            if not parsed(file).body and syntax_error(file) is None
        )

    def named(self, holes: Iterable[str]) -> tuple[str, ...]:
        """Return the names that the functions of a task have in this submission.

        Of several names the first counts that the submission defines, or the first if it defines
        none. Functions of another edition than that of their module are left out.
        """
        names = []
        for hole in holes:
            written, _, edition = hole.partition(" @")
            alternatives = written.split(" | ")
            module = MODULE_OF.get(alternatives[0].partition(":")[0])
            if edition and (module is None or edition_of(module, self.source) != edition):
                continue
            names.append(next(filter(self._may_have, alternatives), alternatives[0]))
        return tuple(names)

    def _may_have(self, name: str) -> bool:
        """Return whether a file defines a name, or may define it because it cannot be parsed."""
        file = self.source(name.partition(":")[0])
        if file is None:
            return False
        return self.find(name) is not None or not _definitions(file, file.stat().st_mtime_ns)

    def find(self, hole: str) -> Location | None:
        """Return the location of a function, a method or a class.

        Args:
            hole: "module:qualname", such as "minitorch.nn:Max.backward", or several of them. For a
                module alone, the location is its first line.

        Returns:
            The location; None if the file does not exist, cannot be parsed, or does not define the
            name.
        """
        if " | " in hole or " @" in hole:
            return next(iter(self.locations(self.named([hole]))), None)
        module, _, qualname = hole.partition(":")
        file = self.source(module)
        if file is None:
            return None
        name = file.relative_to(self.root).as_posix()
        if not qualname:
            return Location(name, 1)
        line = _definitions(file, file.stat().st_mtime_ns).get(qualname)
        return None if line is None else Location(name, line)

    def open(self, holes: Iterable[str]) -> tuple[str, ...]:
        """Return the holes that are not written yet: their bodies raise NotImplementedError."""
        stubs = []
        for hole in self.named(holes):
            module, _, qualname = hole.partition(":")
            file = self.source(module)
            if file is not None and qualname in _stubs(file, file.stat().st_mtime_ns):
                stubs.append(hole)
        return tuple(stubs)

    def locations(self, holes: Iterable[str]) -> tuple[Location, ...]:
        """Return the locations of the holes that exist."""
        return tuple(
            location for name in self.named(holes) if (location := self.find(name)) is not None
        )

    def _is_source(self, file: Path) -> bool:
        if not self._inside(file) or not file.is_file() or not os.access(file, os.R_OK):
            return False
        return file.stat().st_size <= LARGEST_SOURCE

    def _inside(self, path: Path) -> bool:
        """Return whether a path, with links resolved, is inside the submission."""
        return path.resolve().is_relative_to(self.root)


def _layout(folder: Path) -> Layout | None:
    """Return the layout of a folder; None if it is not a submission."""
    layouts: Sequence[tuple[Layout, str]] = (
        ("packages", "packages/minitorch/src/minitorch/__init__.py"),
        ("upstream", "minitorch/__init__.py"),
    )
    for layout, file in layouts:
        path = folder / file
        if path.is_file() and path.resolve().is_relative_to(folder):
            return layout
    return None


def enclosing(path: Path) -> Path:
    """Return the tree of this repository's layout whose ``packages`` contain a path.

    The facade `minitorch` in it looks like a tree of the course's layout, but holds no task. A path
    that is not in such a tree is returned unchanged.
    """
    if not path.is_dir():
        return path
    whole = path.resolve()
    for parent in whole.parents:
        if whole.relative_to(parent).parts[0] == "packages" and _layout(parent) == "packages":
            return parent
    return path


def _folders(folder: Path) -> Iterator[Path]:
    """Iterate over the subfolders of a folder by name, without hidden ones and links."""
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.is_dir() and not path.is_symlink() and not path.name.startswith((".", "__")):
                yield path


@lru_cache(maxsize=256)
def _definitions(file: Path, changed: int) -> dict[str, int]:
    """Return the line of every class, function and assigned name of a file, by qualified name.

    Args:
        file: The file.
        changed: Its modification time in ns, so that the cache misses for an edited file.
    """
    tree = parsed(file)
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update({t.id: node.lineno for t in targets if isinstance(t, ast.Name)})
    return {**found, **{name: node.lineno for name, node in definitions(tree).items()}}


@lru_cache(maxsize=256)
def _stubs(file: Path, changed: int) -> frozenset[str]:
    """Return the functions of a file that are not written yet; see `_definitions`."""
    return frozenset(name for name, node in definitions(parsed(file)).items() if is_stub(node))
