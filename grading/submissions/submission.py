"""A folder with code to judge: how it is laid out, what is in it, and where a function stands.

Two layouts are known. *packages* is this repository's: one folder a package below ``packages/``.
*upstream* is the course's: a folder ``minitorch/`` at the root, perhaps with ``project/`` and
``tests/`` beside it. Sources are parsed and never run, and nothing outside of the folder is read.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from grading.submissions.edition import FILES, MODULE_OF, edition_of
from grading.submissions.syntax import definitions, is_stub, parsed

Layout: TypeAlias = Literal["packages", "upstream"]

LARGEST_SOURCE = 2_000_000
"""Bytes. A longer file is not a source that anybody wrote."""

DEEPEST = 2
"""How far below the given folder a submission is looked for, as archives wrap folders."""


class SubmissionError(Exception):
    """A path is not a submission; the message says what was expected."""


@dataclass(frozen=True)
class Place:
    """Where a function stands.

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
        root: The folder, absolute, without links on the way.
        layout: "packages" or "upstream".
    """

    root: Path
    layout: Layout

    @classmethod
    def at(cls, path: str | Path) -> "Submission":
        """Recognise the submission in a folder, or in the only folder that wraps it.

        Raises:
            SubmissionError: There is no such folder, no submission in it, or more than one.
        """
        given = Path(path)
        if not given.is_dir():
            what = "is a file" if given.exists() else "does not exist"
            raise SubmissionError(f"{given} {what}; a submission is a folder")
        level = [given.resolve()]
        for _ in range(DEEPEST + 1):
            found = [(folder, layout) for folder in level if (layout := _layout(folder))]
            if len(found) == 1:
                return cls(*found[0])
            if found:
                names = ", ".join(str(folder.relative_to(given.resolve())) for folder, _ in found)
                raise SubmissionError(
                    f"{given} holds several submissions: {names}; name one of them, or judge "
                    "them all with --batch"
                )
            level = [below for folder in level for below in _folders(folder)]
        raise SubmissionError(
            f"{given} is not a submission: there is neither packages/minitorch/src/minitorch/ "
            "(this repository's layout) nor minitorch/__init__.py (the course's)"
        )

    @property
    def import_paths(self) -> tuple[Path, ...]:
        """The folders that Python has to search for the submission's modules, in order."""
        if self.layout == "upstream":
            return (self.root,)
        return tuple(
            folder / "src"
            for folder in _folders(self.root / "packages")
            if self._inside(folder / "src") and (folder / "src").is_dir()
        )

    @property
    def test_paths(self) -> tuple[Path, ...]:
        """The folders with tests that the learner writes, where no import path holds them."""
        folder = self.root / "tests"
        if self.layout == "upstream" or not self._inside(folder) or not folder.is_dir():
            return ()
        return (folder,)

    @property
    def edition(self) -> str | None:
        """The editions of the course that an upstream tree seems to follow, for reports.

        "2024", or "2022 + 2024" for a mixture; "2022" stands for 2023, too. None: this repository's
        layout, or nothing that tells one edition from another.
        """
        if self.layout == "packages":
            return None
        found = {edition for number in FILES if (edition := edition_of(number, self.source))}
        return " + ".join(sorted(found)) or None

    def edition_for(self, module: int) -> str | None:
        """Return whose documentation counts for a module of the course: one of `EDITIONS`.

        Trees mix editions, so that each module is told by its own files. None if nothing tells it.
        """
        return "packages" if self.layout == "packages" else edition_of(module, self.source)

    def source(self, module: str) -> Path | None:
        """Return the file of a module, such as "minitorch.nn"; None if it is not there."""
        parts = module.split(".")
        for folder in self.import_paths:
            stem = folder.joinpath(*parts)
            for file in (stem / "__init__.py", stem.with_name(stem.name + ".py")):
                if self._is_source(file):
                    return file
        return None

    def missing(self, holes: Iterable[str]) -> tuple[str, ...]:
        """Return the modules of a task's holes whose files are not there.

        A task with such a module is "not there": an upstream tree ends with its own module. Of a
        hole with several names one is enough.
        """
        modules = dict.fromkeys(name.partition(":")[0] for name in self.named(holes))
        return tuple(module for module in modules if self.source(module) is None)

    def named(self, holes: Iterable[str]) -> tuple[str, ...]:
        """Return the holes of a task by the names that they have in this submission.

        A hole with several names is called by the first that the submission has; if it has none,
        by the first. A hole of one edition is left out where the module follows another.
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
        """Return whether a file has a name, or cannot be read, so that it may have it."""
        file = self.source(name.partition(":")[0])
        if file is None:
            return False
        return self.find(name) is not None or not _definitions(file, file.stat().st_mtime_ns)

    def find(self, hole: str) -> Place | None:
        """Return where a function, a method or a class stands.

        Args:
            hole: "module:qualname", such as "minitorch.nn:Max.backward", or several of them. A
                module alone stands for its first line.

        Returns:
            None if the file is not there, cannot be parsed, or defines no such name.
        """
        if " | " in hole or " @" in hole:
            return next(iter(self.places(self.named([hole]))), None)
        module, _, qualname = hole.partition(":")
        file = self.source(module)
        if file is None:
            return None
        name = file.relative_to(self.root).as_posix()
        if not qualname:
            return Place(name, 1)
        line = _definitions(file, file.stat().st_mtime_ns).get(qualname)
        return None if line is None else Place(name, line)

    def open(self, holes: Iterable[str]) -> tuple[str, ...]:
        """Return the holes that are still to be written: their bodies raise NotImplementedError."""
        stubs = []
        for hole in self.named(holes):
            module, _, qualname = hole.partition(":")
            file = self.source(module)
            if file is not None and qualname in _stubs(file, file.stat().st_mtime_ns):
                stubs.append(hole)
        return tuple(stubs)

    def places(self, holes: Iterable[str]) -> tuple[Place, ...]:
        """Return where those of the holes stand that are there."""
        return tuple(place for name in self.named(holes) if (place := self.find(name)) is not None)

    def _is_source(self, file: Path) -> bool:
        if not self._inside(file) or not file.is_file():
            return False
        return file.stat().st_size <= LARGEST_SOURCE

    def _inside(self, path: Path) -> bool:
        """Return whether a path stays in the submission when links are followed."""
        return path.resolve().is_relative_to(self.root)


def _layout(folder: Path) -> Layout | None:
    """Return the layout of a folder, None if it is no submission."""
    layouts: Sequence[tuple[Layout, str]] = (
        ("packages", "packages/minitorch/src/minitorch/__init__.py"),
        ("upstream", "minitorch/__init__.py"),
    )
    for layout, file in layouts:
        path = folder / file
        if path.is_file() and path.resolve().is_relative_to(folder):
            return layout
    return None


def _folders(folder: Path) -> Iterator[Path]:
    """Go through the folders in a folder by name; hidden ones and links are none."""
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.is_dir() and not path.is_symlink() and not path.name.startswith((".", "__")):
                yield path


@lru_cache(maxsize=256)
def _definitions(file: Path, changed: int) -> dict[str, int]:
    """Return the line of every class, function and assigned name of a file by qualified name.

    Args:
        file: The file.
        changed: When it was written last, so that an edited file is read again.
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
    """Return the functions of a file that are still to be written; see `_definitions`."""
    return frozenset(name for name, node in definitions(parsed(file)).items() if is_stub(node))
