"""The common cells of the notebooks, and their outputs: `hatch run notebooks:update`, `:outputs`.

The setting `repository` in `pyproject.toml` is the address of the public repository. `update`
writes it to every notebook, with a badge that opens the notebook in Colab. While it is empty, there
is no badge, and the notebooks use the packages on Python's path, wheels, or a checkout.

`outputs` runs the notebooks and stores what their cells print and draw, for the documentation site.
The notebooks themselves are without outputs, so that their changes can be read.
"""

import base64
import hashlib
import json
import os
import re
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from tools.workspace import ROOT

FOLDER = ROOT / "notebooks"
PICTURES = ROOT / "docs" / "images" / "notebooks"
BADGE = "../docs/images/open-in-colab.svg"
COLAB = "https://colab.research.google.com/github"
GITHUB = "https://github.com/"

INSTALL = """# If Python does not find MiniTorch, install it from wheels here, or a checkout.
import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

REPOSITORY = ""
NAMES = ["mt-tensor", "mt-autodiff", "mt-kernels-cpu", "mt-nn", "mt-models"]
if find_spec("mt_models") is None:
    here = Path.cwd()
    sources = [path for name in NAMES for path in here.glob(f"{name.replace('-', '_')}-*.whl")]
    places = (here, here.parent, here / "minitorch")
    checkout = next((path for path in places if (path / "packages" / "mt-models").is_dir()), None)
    if not sources and checkout is None:
        if not REPOSITORY:
            raise SystemExit("upload the wheels of MiniTorch beside this notebook, or a checkout")
        checkout = here / "minitorch"
        clone = ["git", "clone", "-q", "--depth", "1", REPOSITORY, str(checkout)]
        subprocess.run(clone, check=True)
    sources = sources or [checkout / "packages" / name for name in NAMES]
    install = [sys.executable, "-m", "pip", "install", "-q", *map(str, sources)]
    subprocess.run(install, check=True)
    importlib.invalidate_caches()
"""


def repository() -> str:
    """Return the address of the public repository; an empty text if there is none.

    Raises:
        ValueError: Colab does not open the address.
    """
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    address: str = settings["tool"]["minitorch"]["repository"]
    if address and not re.fullmatch(f"{GITHUB}[^/]+/[^/]+", address):
        raise ValueError(
            f"pyproject.toml: repository is {address!r}; Colab opens only addresses "
            f"{GITHUB}OWNER/NAME. Without one, leave it empty"
        )
    return address


def badge(name: str, address: str) -> str:
    """Return the Markdown of the badge that opens a notebook in Colab."""
    place = address.removeprefix(GITHUB)
    return f"[![Open in Colab]({BADGE})]({COLAB}/{place}/blob/main/notebooks/{name}.ipynb)"


def updated(notebook: dict[str, Any], name: str, address: str) -> dict[str, Any]:
    """Return a notebook with the badge and the installation for an address.

    Args:
        notebook: The notebook, in format 4.
        name: Its name, without the suffix.
        address: The address of the repository, or an empty text.
    """
    cells = [cell for cell in notebook["cells"] if cell["id"] not in {"badge", "install"}]
    # The notebook for GPUs clones a checkout, because it grades.
    needs_checkout = any("CHECKOUT =" in "".join(cell["source"]) for cell in cells)
    if not needs_checkout:
        cells.insert(1, _cell("install", "code", INSTALL.rstrip()))
    if address:
        cells.insert(0, _cell("badge", "markdown", badge(name, address)))
    setting = re.compile('^REPOSITORY = ".*"', re.MULTILINE)
    for cell in cells:
        source = setting.sub(f'REPOSITORY = "{address}"', "".join(cell["source"]))
        cell["source"] = source.splitlines(keepends=True)
    return notebook | {"cells": cells}


def _cell(name: str, kind: str, source: str) -> dict[str, Any]:
    of_code: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "id": name, "metadata": {}, "source": source} | of_code


def as_text(notebook: dict[str, Any]) -> str:
    """Return the content of a notebook's file."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def outputs_path(name: str) -> Path:
    """Return the path of the stored outputs of a notebook."""
    return FOLDER / "outputs" / f"{name}.json"


def digest(notebook: dict[str, Any]) -> str:
    """Return a digest of the code of a notebook; outputs belong to the code with this digest."""
    code = [
        "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and cell["id"] != "install"
    ]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()


def run(path: Path) -> None:
    """Run a notebook in an empty folder, and store its texts and pictures.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell raises an error.
    """
    import nbclient
    import nbformat

    notebook: Any = nbformat.read(path, as_version=4)
    settings = notebook["metadata"]["minitorch"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "minitorch").symlink_to(ROOT)
        resources = {"metadata": {"path": folder}}
        client = nbclient.NotebookClient(notebook, timeout=3600, resources=resources)
        client.execute(env=_environment(settings["environment"]))
    found: dict[str, list[dict[str, str]]] = {}
    for cell in notebook.cells:
        kept: list[dict[str, str]] = []
        for number, output in enumerate(cell.get("outputs", [])):
            part = _part(path.stem, cell["id"], number, output)
            if "text" in part and kept and "text" in kept[-1]:
                kept[-1]["text"] += part["text"]
            elif part:
                kept.append(part)
        if kept:
            found[cell["id"]] = kept
    stored = {"code": digest(notebook), "cells": found}
    target = outputs_path(path.stem)
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _environment(own: dict[str, str]) -> dict[str, str]:
    """Return the environment of a kernel, which draws in the notebook and not to files."""
    return {name: value for name, value in os.environ.items() if name != "MPLBACKEND"} | own


def _part(name: str, cell: str, number: int, output: dict[str, Any]) -> dict[str, str]:
    """Return a stored output: its text, or the name of its picture, which is written."""
    data = output.get("data", {})
    if "image/png" in data:
        picture = PICTURES / f"{name}-{cell}-{number}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(base64.b64decode(data["image/png"]))
        return {"picture": picture.name}
    text = data.get("text/plain", output.get("text", ""))
    return {"text": text.replace(str(ROOT), "minitorch")} if text.strip() else {}


def main(arguments: list[str]) -> None:
    """Update all notebooks, or store the outputs of those that are named, by default of all."""
    command, *names = arguments
    paths = [path for path in sorted(FOLDER.glob("*.ipynb")) if not names or path.stem in names]
    for path in paths:
        if command == "update":
            notebook = json.loads(path.read_text("utf-8"))
            path.write_text(as_text(updated(notebook, path.stem, repository())), "utf-8")
        else:
            run(path)
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
