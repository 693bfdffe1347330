"""Import cycles among the modules of this repository.

A cycle is a chain of modules, each of which imports the next one and the last of which imports the
first. All import statements count, also those inside functions and those for type checkers only.
Importing a module also runs the `__init__.py` of its packages; these implicit imports do not count.

Run ``python -m tools.import_cycles [ROOT]`` to print them; the exit code is 1 if there is one.
"""

from __future__ import annotations

import ast
import graphlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.workspace import ROOT

FOLDERS = ("grading", "asv_benchmarks", "tools")
"""Folders of the root that contain modules, beside the packages."""


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Return the file of every module, tests excluded, by its dotted name."""
    tops = [*root.glob("packages/*/src/*/"), *(root / folder for folder in FOLDERS)]
    found: dict[str, Path] = {}
    for top in tops:
        for file in sorted(top.rglob("*.py")):
            parts = file.relative_to(top.parent).with_suffix("").parts
            if "tests" not in parts:
                found[".".join(parts).removesuffix(".__init__")] = file
    return found


def import_graph(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """Return for each module the modules that it names in an import statement."""
    return {name: set(_imported(name, file, files)) - {name} for name, file in files.items()}


def _imported(name: str, file: Path, files: Mapping[str, Path]) -> Iterator[str]:
    """Yield the modules that one file imports, as far as they are among `files`."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name in files)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = module or ""
                if level:
                    parents = package.split(".")[: len(package.split(".")) - level + 1]
                    base = ".".join([*parents, *([module] if module else [])])
                for alias in names:
                    submodule = f"{base}.{alias.name}"
                    if submodule in files:
                        yield submodule
                    elif base in files:
                        yield base


def find_cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return the modules of one import cycle, first and last the same; empty if there is none.

    >>> find_cycle({"a": {"b"}, "b": {"a"}, "c": {"a"}})
    ['a', 'b', 'a']
    """
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        # The error lists each module after one that it imports; in reverse, each imports the next.
        return list(reversed(error.args[1]))
    return []


def groups_in_cycles(graph: Mapping[str, set[str]]) -> list[frozenset[str]]:
    """Return the strongly connected groups of two modules or more, the largest first.

    Two modules are in one group if each imports the other, directly or through further modules.

    >>> groups_in_cycles({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == [frozenset("ab")]
    True
    """
    reached = {name: _reached_from(name, graph) for name in graph}
    groups = {
        frozenset(other for other in reached[name] if name in reached[other])
        for name in graph
        if name in reached[name]
    }
    return sorted(groups, key=lambda group: (-len(group), min(group)))


def _reached_from(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    """Return the modules that a module imports, directly or through others."""
    reached, left = set[str](), list(graph[start])
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += graph[name]
    return reached


def main(root: str = str(ROOT)) -> int:
    """Print the groups of modules in cycles with one cycle of each, and return the exit code."""
    graph = import_graph(modules(Path(root)))
    groups = groups_in_cycles(graph)
    for group in groups:
        cycle = find_cycle({name: graph[name] & group for name in group})
        print(f"{len(group)} modules import one another, for example:")
        print("  " + "\n    imports ".join(cycle))
    print(f"{len(graph)} modules, {len(groups)} groups of modules in import cycles")
    return int(bool(groups))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
