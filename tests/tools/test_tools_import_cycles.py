"""Imports are found wherever Python allows them, and so are import cycles."""

from pathlib import Path

import pytest

from tools.import_cycles import find_cycle, groups_in_cycles, import_graph, main, modules


def graph_of(root: Path, **files: str) -> dict[str, set[str]]:
    """Write the modules of a package `p`, named with double underscores, and read their graph."""
    for name, source in files.items():
        file = root.joinpath("packages", "p", "src", "p", *name.split("__")).with_suffix(".py")
        file = file.with_name("__init__.py") if file.name == "init.py" else file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, "utf-8")
    return import_graph(modules(root))


@pytest.mark.parametrize(
    "statement",
    [
        "import p.b",
        "import math, p.b as other",
        "from p import b",
        "from p.b import name",
        "from . import b",
        "from .b import name",
        "def f():\n    import p.b",
        "class A:\n    def f(self):\n        from p.b import name",
        "try:\n    import p.b\nexcept ImportError:\n    pass",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p.b import Name",
    ],
)
def test_an_import_is_found(tmp_path: Path, statement: str) -> None:
    graph = graph_of(tmp_path, init="", a=statement, b="")
    assert graph == {"p": set(), "p.a": {"p.b"}, "p.b": set()}


@pytest.mark.parametrize(
    "statement", ["import numpy", "from os import path", "b = 1", "'import p.b'"]
)
def test_other_statements_are_no_imports(tmp_path: Path, statement: str) -> None:
    assert graph_of(tmp_path, init="", a=statement, b="")["p.a"] == set()


def test_relative_imports_climb(tmp_path: Path) -> None:
    graph = graph_of(
        tmp_path,
        init="",
        a="",
        q__init="from . import c\nfrom .. import a",
        q__c="from ..a import name\nfrom .d import name\nfrom ..q import d",
        q__d="from .. import q",
    )
    assert graph["p.q"] == {"p.q.c", "p.a"}
    assert graph["p.q.c"] == {"p.a", "p.q.d"}
    assert graph["p.q.d"] == {"p.q"}


def test_a_name_of_a_package_is_an_import_of_the_package(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, init="from p.a import f", a="", b="from p import f, a")
    assert graph["p.b"] == {"p", "p.a"}


def test_tests_do_not_count(tmp_path: Path) -> None:
    folder = tmp_path / "grading" / "tests"
    folder.mkdir(parents=True)
    (folder / "test_a.py").write_text("import grading.a")
    (tmp_path / "grading" / "a.py").write_text("import grading.tests.test_a")
    assert import_graph(modules(tmp_path)) == {"grading.a": set()}


def test_a_type_only_import_closes_a_cycle(tmp_path: Path) -> None:
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p.a import A"
    graph = graph_of(tmp_path, init="", a="from p.b import B", b=types, c="import p.a")
    assert groups_in_cycles(graph) == [frozenset({"p.a", "p.b"})]
    assert sorted(find_cycle(graph)[1:]) == ["p.a", "p.b"]


def test_groups_are_found_apart() -> None:
    graph = {
        "a": {"b"},
        "b": {"c", "x"},
        "c": {"a"},
        "x": {"y"},
        "y": {"x"},
        "alone": {"a"},
    }
    assert groups_in_cycles(graph) == [frozenset("abc"), frozenset("xy")]
    assert groups_in_cycles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert find_cycle({"a": {"b"}, "b": set()}) == []


def test_the_command_prints_each_group(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph_of(tmp_path, init="", a="import p.b", b="import p.a")
    assert main(str(tmp_path)) == 1
    printed = capsys.readouterr().out
    assert "2 modules import one another" in printed
    assert "3 modules, 1 groups" in printed
    graph_of(tmp_path, b="")
    assert main(str(tmp_path)) == 0
