"""The search: each function of a task, the code that it reaches, and the code that replaces it."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property, partial
from typing import TypeAlias

from grading.paths import ROOT
from grading.submissions.forbidden.rules import Rules
from grading.submissions.forbidden.source import Source, dotted_name
from grading.submissions.forbidden.use import Use
from grading.submissions.submission import Submission
from grading.submissions.syntax import definitions

Reached: TypeAlias = tuple[Source, ast.AST]
"""A source file and a node of its syntax tree to search."""

MOST_FILES = 2000
"""Largest number of files that are searched in a folder of a submission."""

ASSIGNED = "an assignment to {} from another file"
"""Description of a replacement of a function; the gap is its dotted name."""

REPLACED = "sys.modules, which replaces modules"
"""Description of a replacement of a module."""


def forbidden_uses(
    submission: Submission, holes: Sequence[str], forbidden: Sequence[str]
) -> dict[str, list[Use]]:
    """Find forbidden calls in the functions of a task.

    The search includes all code that a function reaches, in its file and in others. It also
    includes assignments in other files that replace the function, which count as uses themselves.
    Code that no function of the task reaches may use anything. A script in the folder ``project``
    is searched completely. In a file that equals this repository's, only the functions of the task
    are searched.

    Args:
        submission: The code to search.
        holes: The functions of the task, as "module:qualname".
        forbidden: Forbidden modules and functions, by their dotted names.

    Returns:
        The uses of each function, for functions with any.
    """
    names = submission.named(holes)
    sources = _Sources(submission, {_file_name(name) for name in names} | {"sys"})
    found = {}
    for hole in names:
        search = _Search(sources, Rules(forbidden))
        search.hole(hole)
        if search.found:
            found[hole] = sorted(search.found)
    return found


class _Sources:
    """The source files of a submission; each is parsed once.

    Args:
        submission: The submission.
        words: Words to look for in the files.
    """

    def __init__(self, submission: Submission, words: Iterable[str]) -> None:
        self.submission = submission
        self._words = frozenset(words)
        self.read = cache(partial(Source.of, submission))
        self.is_unchanged = cache(self._is_unchanged)

    def mentioning(self, *words: str) -> Iterator[Source]:
        """Iterate over the modules whose text contains one of some words, without tests."""
        for module, found in self._mentions.items():
            source = None if found.isdisjoint(words) else self.read(module)
            if source is not None:
                yield source

    @cached_property
    def _mentions(self) -> dict[str, frozenset[str]]:
        """The words that the text of each module contains, without tests."""
        found = {}
        for folder in self.submission.import_paths:
            for file in sorted(folder.rglob("*.py"))[:MOST_FILES]:
                parts = file.relative_to(folder).with_suffix("").parts
                parts = parts[:-1] if parts[-1] == "__init__" else parts
                module = ".".join(parts)
                # `source` refuses large files, and links to files outside the submission.
                if module and parts[0] != "tests" and self.submission.source(module) == file:
                    text = file.read_bytes()
                    found[module] = frozenset(w for w in self._words if w.encode() in text)
        return found

    def _is_unchanged(self, module: str) -> bool:
        """Return whether a file equals the one of this repository at the same path."""
        source = self.read(module)
        if self.submission.layout != "packages" or source is None:
            return False
        ours = ROOT / source.name
        try:
            theirs = (self.submission.root / source.name).read_bytes()
            return ours.is_file() and ours.read_bytes() == theirs
        except OSError:
            return False


class _Search:
    """The search for forbidden calls in one function of a task."""

    def __init__(self, sources: _Sources, rules: Rules) -> None:
        self.found: set[Use] = set()
        self._sources = sources
        self._rules = rules
        self._whole: set[str] = set()
        self._reached: set[tuple[str, str]] = set()

    def hole(self, hole: str) -> None:
        """Search a function, and the code that replaces it."""
        module, _, qualname = hole.partition(":")
        source = self._source(module)
        if source is None:
            return
        if module.startswith("project."):
            self._whole.add(module)
            self._look(source, source.tree)
            return
        name = qualname.rpartition(".")[2]
        # The compiled kernel has the name of the function without the underscore.
        names = {name, name.lstrip("_")}
        own = definitions(source.tree).get(qualname)
        nodes: list[ast.AST] = [] if own is None else [own]
        for each in names:
            self._reached.add((module, each))
            nodes += [
                node
                for node in source.definitions.get(each, [])
                if node is not own and ("." not in qualname or isinstance(node, ast.Assign))
            ]
        for node in nodes:
            self._look(source, node)
        self._replaced(module, names)

    def _replaced(self, module: str, names: set[str]) -> None:
        """Search the assignments in other files that replace a name of a module."""
        for source in self._sources.mentioning(_file_name(module), "sys"):
            if source.module == module or self._sources.is_unchanged(source.module):
                continue
            for node in ast.walk(source.tree):
                for target in _assigned(node, source):
                    if target == "sys.modules":
                        self._note(source, node, iter([REPLACED]))
                    elif target.startswith(f"{module}.") or target.rpartition(".")[2] in names:
                        self._note(source, node, iter([ASSIGNED.format(target)]))
                        self._look(source, node)

    def _look(self, source: Source, tree: ast.AST) -> None:
        """Search a tree and all code that it reaches."""
        left = [(source, tree)]
        while left:
            source, tree = left.pop()
            for name, what in self._rules.aliased_in(tree, source):
                self._note(source, name, iter([what]))
            for node in ast.walk(tree):
                self._note(source, node, self._rules.used_by(node, source))
                self._note(source, node, self._rules.hidden_in(node, source))
                left += self._reaches(source, node)

    def _reaches(self, source: Source, node: ast.AST) -> Iterator[Reached]:
        """Return the definitions that a node refers to and that were not searched before."""
        match node:
            case ast.ImportFrom():
                return self._reached_by_import(source, node)
            case ast.Name() | ast.Attribute():
                dotted = dotted_name(node, source.imports)
                if dotted is not None:
                    return self._reached_by_dotted_name(dotted)
                name = node.id if isinstance(node, ast.Name) else node.attr
                if isinstance(node, ast.Name) and name not in source.definitions:
                    return self._reached_by_star(source, name)
                return self._defined(source, name)
        return iter(())

    def _reached_by_star(self, source: Source, name: str) -> Iterator[Reached]:
        """Return the definitions of a name that a file may import with a star import."""
        for origin in source.stars:
            other = self._source(origin)
            if other is not None and name in other.definitions:
                yield from self._defined(other, name)

    def _reached_by_import(self, source: Source, node: ast.ImportFrom) -> Iterator[Reached]:
        """Return the module of a star import; other imports are followed by name."""
        if any(alias.name == "*" for alias in node.names):
            yield from self._all_of(source.origin(node))

    def _reached_by_dotted_name(self, dotted: str) -> Iterator[Reached]:
        """Return the definitions of an imported name in the innermost module that has a file."""
        module, _, name = dotted.rpartition(".")
        while module and self._source(module) is None:
            module, _, name = module.rpartition(".")
        origin = self._source(module) if module else None
        if origin is None:
            return
        yield from self._defined(origin, name)
        # A package may re-export a name that one of its files defines.
        further = origin.imports.get(name, dotted)
        inner = None if further == dotted else self._source(further.rpartition(".")[0])
        if inner is not None:
            yield from self._defined(inner, further.rpartition(".")[2])

    def _defined(self, source: Source, name: str) -> Iterator[Reached]:
        if source.module in self._whole or (source.module, name) in self._reached:
            return
        self._reached.add((source.module, name))
        if not self._sources.is_unchanged(source.module):
            for definition in source.definitions.get(name, []):
                yield source, definition

    def _all_of(self, module: str) -> Iterator[Reached]:
        source = self._source(module)
        if (
            source is not None
            and module not in self._whole
            and not self._sources.is_unchanged(module)
        ):
            self._whole.add(module)
            yield source, source.tree

    def _note(self, source: Source, node: ast.AST, uses: Iterator[str]) -> None:
        line = getattr(node, "lineno", 0)
        self.found |= {Use(source.name, line, what) for what in uses}

    def _source(self, module: str) -> Source | None:
        source = self._sources.read(module)
        if source is not None and source.is_unreadable and self._rules.forbidden:
            self.found.add(Use(source.name, 1, "expressions that are nested too deeply to search"))
        return source


def _file_name(hole: str) -> str:
    """Return the last part of the module of a hole."""
    return hole.partition(":")[0].rpartition(".")[2]


def _assigned(node: ast.AST, source: Source) -> Iterator[str]:
    """Return the dotted names in other modules that a statement or a call assigns to."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1:
        of = dotted_name(node.args[0], source.imports)
        if node.func.id == "setattr" and of is not None:
            name = node.args[1]
            known = isinstance(name, ast.Constant) and isinstance(name.value, str)
            yield f"{of}.{name.value}" if known else f"{of}.*"  # type: ignore[attr-defined]
    for target in targets:
        if isinstance(target, ast.Subscript):
            target = target.value
            if isinstance(target, ast.Attribute) and target.attr == "__dict__":
                target = target.value
            elif isinstance(target, ast.Call) and target.args:
                target = target.args[0]
            dotted = dotted_name(target, source.imports)
            if dotted == "sys.modules":
                yield dotted
            elif dotted is not None:
                yield f"{dotted}.*"
        elif isinstance(target, ast.Attribute):
            dotted = dotted_name(target, source.imports)
            if dotted is not None:
                yield dotted
            elif target.attr.lstrip("_").startswith("tensor_"):
                yield ast.unparse(target)
