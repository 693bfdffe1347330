"""Conversion of docstrings to Markdown: examples to code blocks, shapes to a line."""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"(?:^|(?<=\n\n))( *)>>> .*?(?=\n\s*\n|\Z)", re.DOTALL)
"""Pattern of a doctest, from the first prompt to the next empty line."""

SHAPE = re.compile(r"^Shape:\n((?: +\S.*\n?)+)", re.MULTILINE)
"""Pattern of the section with the shapes of arguments and results."""


class DocstringsAsMarkdown(griffe.Extension):  # type: ignore[misc]  # not installed with the type checker
    """Extension that converts every docstring before its sections are parsed."""

    def on_instance(self, *, obj: Any, **_: Any) -> None:
        """Convert the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = with_shapes(fenced(obj.docstring.value))


def fenced(docstring: str) -> str:
    r"""Return a docstring with its examples in code blocks.

    >>> fenced("Add.\n\n>>> 1 + 1\n2").splitlines()
    ['Add.', '', '```pycon', '>>> 1 + 1', '2', '```']
    """
    return EXAMPLE.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", docstring)


def with_shapes(docstring: str) -> str:
    r"""Return a docstring with its section on shapes as a paragraph.

    >>> with_shapes("Shape:\n    (N, C) → (N,).\n")
    '**Shape:** (N, C) → (N,).\n'
    """
    return SHAPE.sub(lambda found: f"**Shape:** {' '.join(found[1].split())}\n", docstring)
