"""Update of links from documents to lines of sources: `python -m tools.line_links`.

A link whose text is the name of a function or a class, as in ``[`mul`](…/operators.py#L36)``,
leads to the line of its definition. This command looks the number up and writes it into the
document. A test fails if a number is out of date.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tools.markdown import documents

LINK = re.compile(r"\[`(?P<name>[\w.]+)(?:\(\))?`\]\((?P<path>[^)#\s]+\.py)#L(?P<line>\d+)\)")
ANY_LINK = re.compile(r"\]\([^)#\s]+\.py#L\d+\)")


def definitions(source: str) -> dict[str, int]:
    r"""Return the line of each function, class and method of a module, by dotted name.

    >>> definitions("class A:\n    def f(self): ...")
    {'A': 1, 'A.f': 2}
    """
    return dict(_definitions(ast.parse(source), ""))


def _definitions(parent: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + node.name, node.lineno
            yield from _definitions(node, f"{prefix}{node.name}.")


def refreshed(text: str, folder: Path) -> str:
    """Return a document with current line numbers in its links to definitions.

    Args:
        text: The text of the document.
        folder: The folder of the document.

    Raises:
        ValueError: The text of a link to a line is not the name of a definition, or the module
            does not define that name.
    """
    if len(ANY_LINK.findall(text)) != len(LINK.findall(text)):
        raise ValueError(
            "the text of a link to a line must be the name of a definition, such as `f`"
        )

    def current(link: re.Match[str]) -> str:
        lines = definitions((folder / link["path"]).read_text("utf-8"))
        if link["name"] not in lines:
            raise ValueError(f"{link['path']} does not define {link['name']}")
        start, end = link.start("line") - link.start(), link.end("line") - link.start()
        return f"{link[0][:start]}{lines[link['name']]}{link[0][end:]}"

    return LINK.sub(current, text)


if __name__ == "__main__":
    for document in documents():
        text = document.file.read_text("utf-8")
        if (new := refreshed(text, document.file.parent)) != text:
            document.file.write_text(new, "utf-8")
