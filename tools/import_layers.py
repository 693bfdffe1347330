"""Layers inside the packages and folders of this repository, and the imports that run up.

The boxes of a folder are its modules and its subfolders. An import belongs to the smallest folder
that contains both modules, and leads from one of its boxes to another. If the imports among the
boxes form no cycle, the boxes can be arranged in layers so that every import runs down. Otherwise
some imports run up in any order; the check counts the fewest possible.

Run ``python -m tools.import_layers [ROOT]`` to print the layers of every folder, top to bottom,
and the imports that run up.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import takewhile
from pathlib import Path
from typing import TypeAlias

from tools.import_cycles import groups_in_cycles, import_graph, modules
from tools.workspace import ROOT

Import: TypeAlias = tuple[str, str]
"""The importing module and the imported one."""

INIT = "__init__"

LARGEST_GROUP = 16
"""Largest number of boxes in a cycle for which the best order is computed; each further box doubles
the time. Larger groups keep the order of their names, so that more imports may run up."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The boxes of one folder and the imports among them.

    Attributes:
        name: The dotted name; empty for the root.
        imports: For each pair of boxes, the imports from the first to the second.
    """

    name: str
    imports: Mapping[tuple[str, str], Sequence[Import]]

    def graph(self) -> dict[str, set[str]]:
        """Return for each box the boxes that it imports."""
        graph: dict[str, set[str]] = {box: set() for pair in self.imports for box in pair}
        for above, below in self.imports:
            graph[above].add(below)
        return graph

    def layers(self) -> list[list[str]]:
        """Return the boxes, layer by layer from the top; boxes in a cycle share a layer."""
        graph = self.graph()
        group_of = {box: frozenset({box}) for box in graph}
        for group in groups_in_cycles(graph):
            group_of |= dict.fromkeys(group, group)
        below: dict[frozenset[str], set[frozenset[str]]] = defaultdict(set)
        for box, imported in graph.items():
            below[group_of[box]] |= {group_of[other] for other in imported} - {group_of[box]}
        sorter = TopologicalSorter(below)
        sorter.prepare()
        layers: list[list[str]] = []
        while ready := sorter.get_ready():
            layers.append(sorted(box for group in ready for box in group))
            sorter.done(*ready)
        return layers[::-1]

    def running_up(self) -> list[Import]:
        """Return the fewest imports that run up in any order of the boxes."""
        return [found for group in groups_in_cycles(self.graph()) for found in self._up(group)]

    def _up(self, group: frozenset[str]) -> Iterator[Import]:
        """Yield the imports of one group of boxes that run up in the best order of the group."""
        order = self._best_order(sorted(group))
        for at, lower in enumerate(order):
            for higher in order[at + 1 :]:
                yield from self.imports.get((lower, higher), ())

    def _best_order(self, boxes: list[str]) -> list[str]:
        """Return boxes from the lowest to the highest so that the fewest imports run up.

        Sets of boxes are bit masks. The best order of a set puts one of its boxes on top of the
        best order of the others, so the sets are solved in the order of their masks. Groups too
        large for that keep the order that they have.
        """
        count = len(boxes)
        if count > LARGEST_GROUP:
            return boxes
        cost, top = [0] * (1 << count), [0] * (1 << count)
        weight = [
            [len(self.imports.get((lower, higher), ())) for lower in boxes] for higher in boxes
        ]
        for chosen in range(1, 1 << count):
            members = [at for at in range(count) if chosen >> at & 1]
            cost[chosen], top[chosen] = min(
                (cost[chosen ^ 1 << at] + sum(weight[at][lower] for lower in members), at)
                for at in members
            )
        order, chosen = [], (1 << count) - 1
        while chosen:
            order.append(boxes[top[chosen]])
            chosen ^= 1 << top[chosen]
        return order[::-1]


def folders(graph: Mapping[str, set[str]]) -> list[Folder]:
    """Return every folder that has imports among its boxes.

    Args:
        graph: For each module the modules that it imports, as `import_graph` returns it.
    """
    packages = {name.rpartition(".")[0] for name in graph}
    found: dict[str, dict[tuple[str, str], list[Import]]] = defaultdict(lambda: defaultdict(list))
    for name, imported in graph.items():
        for other in imported:
            above, below = _path(name, packages), _path(other, packages)
            common = [a for a, b in takewhile(_equal, zip(above, below, strict=False))]
            depth = len(common)
            found[".".join(common)][above[depth], below[depth]].append((name, other))
    return [Folder(name, imports) for name, imports in sorted(found.items())]


def _equal(pair: tuple[str, str]) -> bool:
    return pair[0] == pair[1]


def _path(name: str, packages: set[str]) -> list[str]:
    """Return the parts of a module's name; those of a package end with its `__init__`."""
    return [*name.split("."), *([INIT] if name in packages else [])]


def main(root: str = str(ROOT)) -> int:
    """Print layers and imports that run up; return 1 if there are any of those, else 0."""
    total = 0
    for folder in folders(import_graph(modules(Path(root)))):
        print(f"{folder.name or 'the root'}:")
        for layer in folder.layers():
            print(f"    {', '.join(layer)}")
        for above, below in folder.running_up():
            print(f"  up: {above} imports {below}")
            total += 1
    print(f"{total} imports run up")
    return int(bool(total))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
