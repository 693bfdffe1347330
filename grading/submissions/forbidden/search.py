"""Where to look: in the files of the task's functions, in what these reach, and beside them."""

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TypeAlias

from grading.paths import ROOT
from grading.submissions.forbidden.rules import Rules
from grading.submissions.forbidden.source import Source, dotted_name
from grading.submissions.forbidden.use import Use
from grading.submissions.submission import Submission

Reached: TypeAlias = tuple[Source, ast.AST]
"""A part of a source file to look at."""

NOT_KERNELS = frozenset({"datasets.py", "testing.py", "__main__.py"})
"""Files beside kernels whose names do other work."""


def forbidden_uses(
    submission: Submission, holes: Sequence[str], forbidden: Sequence[str]
) -> list[Use]:
    """Return where a submission uses what may not do a task's work.

    Three places are looked at, each as closely as it can be without false alarms. The files of the
    holes, for everything; functions that these reach in other files of the submission, for
    everything again; and the other files of the same folder, which might replace a hole, for what
    is forbidden by name only. A file that is as this repository has it is the course's, and is
    looked at only if a hole is in it.

    Args:
        submission: The code to look at.
        holes: The task's functions, as "module:qualname".
        forbidden: Modules and functions by their dotted names.
    """
    search = _Search(submission, Rules(forbidden))
    modules = dict.fromkeys(name.partition(":")[0] for name in submission.named(holes))
    for module in modules:
        search.file_of_hole(module)
    for module in modules:
        search.beside(module)
    return sorted(search.found)


class _Search:
    def __init__(self, submission: Submission, rules: Rules) -> None:
        self.found: set[Use] = set()
        self._submission = submission
        self._rules = rules
        self._whole: set[str] = set()
        self._reached: set[tuple[str, str]] = set()
        self._source = cache(self._read)

    def file_of_hole(self, module: str) -> None:
        source = self._source(module)
        if source is not None and module not in self._whole:
            self._whole.add(module)
            self._look(source, source.tree)

    def beside(self, module: str) -> None:
        file = self._submission.source(module)
        if file is None:
            return
        package = module.rpartition(".")[0]
        for other in sorted(file.parent.glob("*.py")):
            name = package if other.stem == "__init__" else f"{package}.{other.stem}"
            if other.name in NOT_KERNELS or name in self._whole:
                continue
            source = self._source(name)
            if source is None or self._is_given(source):
                continue
            for node in ast.walk(source.tree):
                if isinstance(node, ast.Attribute | ast.Name | ast.ImportFrom | ast.Call):
                    self._note(source, node, self._rules.used_by(node, source))

    def _look(self, source: Source, tree: ast.AST) -> None:
        """Look at a tree and at all that it reaches."""
        left = [(source, tree)]
        while left:
            source, tree = left.pop()
            for node in ast.walk(tree):
                self._note(source, node, self._rules.used_by(node, source))
                self._note(source, node, self._rules.hidden_in(node, source))
                left += self._reaches(source, node)

    def _reaches(self, source: Source, node: ast.AST) -> Iterator[Reached]:
        """Return the definitions that a node leads to and that were not looked at before."""
        match node:
            case ast.ImportFrom():
                return self._reached_by_import(source, node)
            case ast.Name() | ast.Attribute():
                dotted = dotted_name(node, source.imports)
                if dotted is not None:
                    return self._reached_by_dotted_name(dotted)
                return self._defined(source, node.id if isinstance(node, ast.Name) else node.attr)
        return iter(())

    def _reached_by_import(self, source: Source, node: ast.ImportFrom) -> Iterator[Reached]:
        """Return the whole module that a star import names; other imports are followed by name."""
        if any(alias.name == "*" for alias in node.names):
            yield from self._all_of(source.origin(node))

    def _reached_by_dotted_name(self, dotted: str) -> Iterator[Reached]:
        """Return the definitions of an imported name in the innermost module that is a file."""
        module, _, name = dotted.rpartition(".")
        while module and self._source(module) is None:
            module, _, name = module.rpartition(".")
        origin = self._source(module) if module else None
        if origin is None:
            return
        yield from self._defined(origin, name)
        # A package may only hand on what one of its files defines.
        further = origin.imports.get(name, dotted)
        inner = None if further == dotted else self._source(further.rpartition(".")[0])
        if inner is not None:
            yield from self._defined(inner, further.rpartition(".")[2])

    def _defined(self, source: Source, name: str) -> Iterator[Reached]:
        if source.module in self._whole or (source.module, name) in self._reached:
            return
        self._reached.add((source.module, name))
        if not self._is_given(source):
            for definition in source.definitions.get(name, []):
                yield source, definition

    def _all_of(self, module: str) -> Iterator[Reached]:
        source = self._source(module)
        if source is not None and module not in self._whole and not self._is_given(source):
            self._whole.add(module)
            yield source, source.tree

    def _note(self, source: Source, node: ast.AST, uses: Iterator[str]) -> None:
        line = getattr(node, "lineno", 0)
        self.found |= {Use(source.name, line, what) for what in uses}

    def _read(self, module: str) -> Source | None:
        file = self._submission.source(module)
        if file is None:
            return None
        source = Source.read(file, module, file.relative_to(self._submission.root).as_posix())
        if source is not None and source.is_unreadable and self._rules.forbidden:
            self.found.add(Use(source.name, 1, "expressions too deep to be searched"))
        return source

    def _is_given(self, source: Source) -> bool:
        """Return whether a file is the one that this repository has at the same place."""
        if self._submission.layout != "packages":
            return False
        ours = ROOT / source.name
        try:
            theirs = (self._submission.root / source.name).read_bytes()
            return ours.is_file() and ours.read_bytes() == theirs
        except OSError:
            return False
