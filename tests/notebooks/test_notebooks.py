"""Every notebook runs completely with small settings; see notebooks/README.md."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from tools import notebooks
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


def test_stored_outputs_belong_to_the_code_of_a_notebook(path: Path) -> None:
    stored = json.loads(notebooks.outputs_path(path.stem).read_text("utf-8"))
    remedy = f"run `hatch run notebooks:outputs {path.stem}`"
    assert stored["code"] == notebooks.digest(json.loads(path.read_text("utf-8"))), remedy
    outputs = [output for cell in stored["cells"].values() for output in cell]
    pictures = {output["picture"] for output in outputs if "picture" in output}
    assert pictures == {file.name for file in notebooks.PICTURES.glob(f"{path.stem}-*.png")}
    texts = "\n".join(output.get("text", "") for output in outputs)
    notebook = json.loads(path.read_text("utf-8"))
    assert [text for text in settings_of(notebook)["says"] if text not in texts] == []


def test_common_cells_are_those_of_the_setting(path: Path) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    made = notebooks.updated(notebook, path.stem, notebooks.repository())
    assert path.read_text("utf-8") == notebooks.as_text(made), "run `hatch run notebooks:update`"


def test_an_address_adds_a_badge_and_an_empty_one_removes_it(path: Path) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    address = "https://github.com/owner/name"
    public = notebooks.updated(notebook, path.stem, address)
    first = "".join(public["cells"][0]["source"])
    page = f"https://colab.research.google.com/github/owner/name/blob/main/notebooks/{path.name}"
    assert first.endswith(f"({page})")
    code = [cell for cell in public["cells"] if cell["cell_type"] == "code"]
    assert sum(f'REPOSITORY = "{address}"' in "".join(cell["source"]) for cell in code) == 1
    assert notebooks.updated(public, path.stem, "") == notebooks.updated(notebook, path.stem, "")


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
