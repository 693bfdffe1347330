"""The repository has no import cycles, and no import runs up in the layers of a folder."""

from tools.import_cycles import groups_in_cycles, import_graph, modules
from tools.import_layers import folders
from tools.workspace import read_packages

GRAPH = import_graph(modules())


def test_the_graph_contains_every_package() -> None:
    tops = {name.partition(".")[0] for name in GRAPH}
    packages = {package.module for package in read_packages()}
    assert tops == packages | {"grading", "asv_benchmarks", "tools"}
    assert sum(map(len, GRAPH.values())) > len(GRAPH)


def test_there_are_no_import_cycles() -> None:
    """Imports for type checkers and inside functions count, too."""
    cycles = [sorted(group) for group in groups_in_cycles(GRAPH)]
    assert cycles == [], "python -m tools.import_cycles shows an example of each"


def test_no_import_runs_up() -> None:
    """The modules and subfolders of each folder can be put in layers."""
    up = [found for folder in folders(GRAPH) for found in folder.running_up()]
    assert up == [], "python -m tools.import_layers shows the layers"
