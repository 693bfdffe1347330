"""What the checks of the documents need to know of a Markdown file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tools.workspace import ROOT

FOLDERS = ("docs", "notebooks", "packages", "data", "grading", "asv_benchmarks")


def documents() -> list["Document"]:
    """Every Markdown file of the repository: those at its root, and those of `FOLDERS`."""
    files = {
        *ROOT.glob("*.md"),
        *(file for name in FOLDERS for file in ROOT.glob(f"{name}/**/*.md")),
    }
    return [Document(file) for file in sorted(files)]


@dataclass(frozen=True)
class CodeBlock:
    """A fenced block.

    Attributes:
        language: The first word after the fence, such as `python`.
        is_fragment: Whether the next word is `fragment`: code for a place that the
            text names, which means nothing on its own.
        text: What is in it.
        line: The line of the file, counted from 1, on which the text begins.
        output: The text of the block right below it, if that one is a `text` block.
    """

    language: str
    is_fragment: bool
    text: str
    line: int
    output: str | None


@dataclass(frozen=True)
class Document:
    """One Markdown file."""

    file: Path

    def __str__(self) -> str:
        return self.file.relative_to(ROOT).as_posix()

    @cached_property
    def tokens(self) -> list[Token]:
        """The file as CommonMark with tables."""
        return MarkdownIt("commonmark").enable("table").parse(self.file.read_text("utf-8"))

    def code_blocks(self) -> Iterator[CodeBlock]:
        """All fenced blocks, in order."""
        for token, following in zip(self.tokens, [*self.tokens[1:], None], strict=True):
            if token.type == "fence" and token.map is not None:
                output = None
                if following is not None and following.type == "fence" and following.info == "text":
                    output = following.content
                language, _, rest = token.info.partition(" ")
                line = token.map[0] + 2
                yield CodeBlock(language, rest == "fragment", token.content, line, output)

    def code(self) -> Iterator[str]:
        """The text of every fenced block and of every inline code span."""
        for token in [*self.tokens, *self._inline_tokens()]:
            if token.type in {"fence", "code_inline"}:
                yield token.content

    def targets(self) -> Iterator[str]:
        """Where each link and each picture leads, HTML's `href`, `src` and `srcset` included."""
        for token in self._inline_tokens():
            for name in ("href", "src"):
                if token.type in {"link_open", "image"} and (found := token.attrGet(name)):
                    yield str(found)
        for token in [*self.tokens, *self._inline_tokens()]:
            if token.type in {"html_block", "html_inline"}:
                yield from re.findall(r'(?:href|src|srcset)="([^"]+)"', token.content)

    def anchors(self) -> set[str]:
        """The fragment that leads to each heading, as code hosts derive it from the text."""
        found: set[str] = set()
        for token, inline in zip(self.tokens, self.tokens[1:], strict=False):
            if token.type == "heading_open":
                text = "".join(
                    child.content
                    for child in inline.children or []
                    if child.type in {"text", "code_inline"}
                )
                found.add(_first_free(anchor(text), found))
        return found

    def _inline_tokens(self) -> Iterator[Token]:
        for token in self.tokens:
            yield from token.children or []


def anchor(heading: str) -> str:
    """The fragment of a heading: lower case, no punctuation, a hyphen for each space."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _first_free(name: str, taken: set[str]) -> str:
    """`name`, or `name-1`, `name-2`, … if earlier headings have the same text."""
    if name not in taken:
        return name
    number = 1
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"
