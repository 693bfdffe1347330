"""Layers of a folder, and the least set of imports that run up."""

from pathlib import Path

import pytest

from tools.import_layers import Folder, folders, main


def only(graph: dict[str, set[str]], name: str) -> Folder:
    """Return the folder called `name` of a graph."""
    named = {module: set[str]() for imported in graph.values() for module in imported}
    (found,) = (each for each in folders(named | graph) if each.name == name)
    return found


def test_an_import_belongs_to_the_smallest_folder_around_it() -> None:
    graph = {
        "p.a": {"p.q.b", "r.c"},
        "p.q.b": {"p.q.d"},
        "p.q.d": set[str](),
        "r.c": set[str](),
    }
    assert {each.name: dict(each.imports) for each in folders(graph)} == {
        "": {("p", "r"): [("p.a", "r.c")]},
        "p": {("a", "q"): [("p.a", "p.q.b")]},
        "p.q": {("b", "d"): [("p.q.b", "p.q.d")]},
    }


def test_the_init_module_is_a_box_of_its_folder() -> None:
    graph = {"p": {"p.a"}, "p.a": {"p.b"}, "p.b": set[str]()}
    assert only(graph, "p").layers() == [["__init__"], ["a"], ["b"]]
    assert only(graph, "p").running_up() == []
    graph["p.b"] = {"p"}
    assert only(graph, "p").layers() == [["__init__", "a", "b"]]
    assert len(only(graph, "p").running_up()) == 1


def test_layers_begin_at_the_bottom() -> None:
    graph = {"p.a": {"p.b", "p.d"}, "p.b": {"p.c"}, "p.d": set[str]()}
    assert only(graph, "p").layers() == [["a"], ["b"], ["c", "d"]]


def test_folders_that_import_one_another_are_found_though_no_modules_do() -> None:
    graph = {
        "p.low.a": set[str](),
        "p.low.b": {"p.high.y"},
        "p.high.x": {"p.low.a"},
        "p.high.y": {"p.low.a"},
    }
    folder = only(graph, "p")
    assert folder.layers() == [["high", "low"]]
    # Two imports run from high to low, one runs back.
    assert folder.running_up() == [("p.low.b", "p.high.y")]


def test_the_best_order_is_not_that_of_the_names() -> None:
    graph = {
        "p.a": {"p.b"},
        "p.b": {"p.c"},
        "p.c": {"p.a", "p.d"},
        "p.d": {"p.e"},
        "p.e": {"p.d"},
    }
    up = only(graph, "p").running_up()
    assert len(up) == 2
    assert sum(importer in {"p.d", "p.e"} for importer, _ in up) == 1


def test_the_command_counts_imports_that_run_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "packages" / "p" / "src" / "p"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("import p.b")
    (folder / "b.py").write_text("import p.a")
    assert main(str(tmp_path)) == 1
    assert "1 imports run up" in capsys.readouterr().out
    (folder / "b.py").write_text("")
    assert main(str(tmp_path)) == 0
    assert capsys.readouterr().out == "p:\n    a\n    b\n0 imports run up\n"
