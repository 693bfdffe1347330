"""Conversion of notebooks to Markdown: texts, code and output."""

import json
from collections.abc import Iterator
from typing import Any

FENCE = "````"
"""Fence around code; longer than fences in cells, which would end the block."""


def as_markdown(notebook: str) -> str:
    """Return a notebook of format 4 as Markdown.

    >>> text = json.dumps({"cells": [
    ...     {"cell_type": "markdown", "source": ["# Adding"]},
    ...     {"cell_type": "code", "source": "1 + 1", "outputs": [
    ...         {"output_type": "execute_result", "data": {"text/plain": ["2"]}}]},
    ... ]})
    >>> print(as_markdown(text))
    # Adding
    <BLANKLINE>
    ````python
    1 + 1
    ````
    <BLANKLINE>
    ````text
    2
    ````
    """
    parts = [part for cell in json.loads(notebook)["cells"] for part in _parts(cell)]
    return "\n\n".join(parts)


def _parts(cell: dict[str, Any]) -> Iterator[str]:
    source = _joined(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
    elif cell["cell_type"] == "code" and source.strip():
        yield _fenced(source, "python")
        for output in cell.get("outputs", []):
            yield from _output(output)


def _output(output: dict[str, Any]) -> Iterator[str]:
    data = output.get("data", {})
    if "image/png" in data:
        picture = "".join(_joined(data["image/png"]).split())
        yield f"![What the cell above draws](data:image/png;base64,{picture})"
    elif "text/plain" in data:
        yield _fenced(_joined(data["text/plain"]), "text")
    elif "text" in output:
        yield _fenced(_joined(output["text"]), "text")


def _fenced(text: str, language: str) -> str:
    return f"{FENCE}{language}\n{text.rstrip()}\n{FENCE}"


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
