"""Every notebook runs completely with small settings; see notebooks/README.md."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from tools.workspace import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def settings_of(notebook: Any) -> dict[str, Any]:
    """Return the settings of a notebook's test."""
    settings: dict[str, Any] = notebook["metadata"]["minitorch"]
    assert settings.keys() <= {"small", "environment", "says"}, settings.keys()
    return settings


def parameters_of(notebook: Any) -> int:
    """Return the index of the cell with the parameters."""
    tagged = [
        at
        for at, cell in enumerate(notebook["cells"])
        if "parameters" in cell["metadata"].get("tags", [])
    ]
    assert len(tagged) == 1, "exactly one cell has the tag `parameters`"
    return tagged[0]


def assigned(source: str) -> set[str]:
    """Return the names that a cell assigns."""
    return {
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def test_notebooks_are_clean_and_listed(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None, "clear the outputs"
    names = assigned("".join(notebook["cells"][parameters_of(notebook)]["source"]))
    assert settings_of(notebook)["small"].keys() <= names
    assert f"({path.name})" in (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")


@pytest.mark.notebooks
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbclient
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    settings = settings_of(notebook)
    at = parameters_of(notebook)
    parameters = dict(settings["small"])
    if "CHECKOUT" in assigned(notebook.cells[at].source):
        parameters["CHECKOUT"] = str(ROOT)
    lines = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    notebook.cells.insert(at + 1, nbformat.v4.new_code_cell(lines))
    # The kernel inherits these variables and shows pictures in the page.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    for name, value in settings["environment"].items():
        monkeypatch.setenv(name, value)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=900, resources=resources).execute()
    output = "\n".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())
    )
    assert [text for text in settings["says"] if text not in output] == [], output
