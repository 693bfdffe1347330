"""Docstrings as Markdown: examples as code, where `>>>` would quote; shapes in a line."""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"(?:^|(?<=\n\n))( *)>>> .*?(?=\n\s*\n|\Z)", re.DOTALL)
"""A doctest: from its first prompt to the next empty line."""

SHAPE = re.compile(r"^Shape:\n((?: +\S.*\n?)+)", re.MULTILINE)
"""The section that tells the sizes that go in and come out."""


class DocstringsAsMarkdown(griffe.Extension):  # type: ignore[misc]  # not installed with the type checker
    """Changes every docstring before its sections are read."""

    def on_instance(self, *, obj: Any, **_: Any) -> None:
        """Change the docstring of a module, a class, a function or an attribute."""
        if obj.docstring is not None:
            obj.docstring.value = with_shapes(fenced(obj.docstring.value))


def fenced(docstring: str) -> str:
    r"""Return a docstring with its examples in blocks of code.

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
