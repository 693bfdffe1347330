"""Conversion of notebooks to Markdown: texts, code and stored outputs."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

FENCE = "````"
"""Fence around code; longer than fences in cells, which would end the block."""
PICTURES = "../docs/images/notebooks"

Outputs = Mapping[str, list[dict[str, str]]]
"""The outputs of cells by their ids, see `tools.notebooks`."""


def as_markdown(notebook: str, outputs: Outputs) -> str:
    """Return a notebook of format 4 as Markdown.

    >>> text = json.dumps({"cells": [
    ...     {"cell_type": "markdown", "id": "a", "source": ["# Adding"]},
    ...     {"cell_type": "code", "id": "b", "source": "1 + 1"},
    ... ]})
    >>> print(as_markdown(text, {"b": [{"text": "2"}, {"picture": "b.png"}]}))
    # Adding
    <BLANKLINE>
    ````python
    1 + 1
    ````
    <BLANKLINE>
    ````text
    2
    ````
    <BLANKLINE>
    ![Picture of the cell above](../docs/images/notebooks/b.png)
    """
    parts = [part for cell in json.loads(notebook)["cells"] for part in _parts(cell, outputs)]
    return "\n\n".join(parts)


def _parts(cell: dict[str, Any], outputs: Outputs) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
    elif cell["cell_type"] == "code" and source.strip():
        yield _fenced(source, "python")
        for output in outputs.get(cell["id"], []):
            if "picture" in output:
                yield f"![Picture of the cell above]({PICTURES}/{output['picture']})"
            else:
                yield _fenced(output["text"], "text")


def _fenced(text: str, language: str) -> str:
    return f"{FENCE}{language}\n{text.rstrip()}\n{FENCE}"
