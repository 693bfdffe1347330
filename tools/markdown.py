"""Code blocks, links and headings of the Markdown files, for checks of the documents."""

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
    """Return the Markdown files of the repository: those in its root and in `FOLDERS`."""
    files = {
        *ROOT.glob("*.md"),
        *(file for name in FOLDERS for file in ROOT.glob(f"{name}/**/*.md")),
    }
    return [Document(file) for file in sorted(files)]


@dataclass(frozen=True)
class CodeBlock:
    """A fenced code block.

    Attributes:
        language: The first word after the fence, such as `python`.
        is_fragment: True if the next word is `fragment`, which marks code that does not run on its
            own.
        text: The content.
        line: The first line of the content in the file, counted from 1.
        output: The content of the next block if that is a `text` block, else None.
    """

    language: str
    is_fragment: bool
    text: str
    line: int
    output: str | None


@dataclass(frozen=True)
class Document:
    """One Markdown file.

    Attributes:
        file: The path of the file.
    """

    file: Path

    def __str__(self) -> str:
        return self.file.relative_to(ROOT).as_posix()

    @cached_property
    def tokens(self) -> list[Token]:
        """The tokens of the file, parsed as CommonMark with tables."""
        return MarkdownIt("commonmark").enable("table").parse(self.file.read_text("utf-8"))

    def code_blocks(self) -> Iterator[CodeBlock]:
        """Yield the fenced blocks in order."""
        for token, following in zip(self.tokens, [*self.tokens[1:], None], strict=True):
            if token.type == "fence" and token.map is not None:
                output = None
                if following is not None and following.type == "fence" and following.info == "text":
                    output = following.content
                language, _, rest = token.info.partition(" ")
                line = token.map[0] + 2
                yield CodeBlock(language, rest == "fragment", token.content, line, output)

    def code(self) -> Iterator[str]:
        """Yield the content of every fenced block and inline code span."""
        for token in [*self.tokens, *self._inline_tokens()]:
            if token.type in {"fence", "code_inline"}:
                yield token.content

    def targets(self) -> Iterator[str]:
        """Yield the target of each link and picture, HTML's `href`, `src` and `srcset` included."""
        for token in self._inline_tokens():
            for name in ("href", "src"):
                if token.type in {"link_open", "image"} and (found := token.attrGet(name)):
                    yield str(found)
        for token in [*self.tokens, *self._inline_tokens()]:
            if token.type in {"html_block", "html_inline"}:
                yield from re.findall(r'(?:href|src|srcset)="([^"]+)"', token.content)

    def anchors(self) -> set[str]:
        """Return the URL fragments of all headings, as code hosts derive them."""
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
    """Return the fragment of a heading: lower case, no punctuation, a hyphen for each space."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _first_free(name: str, taken: set[str]) -> str:
    """Return `name`, or `name-1`, `name-2`, … if earlier headings have the same text."""
    if name not in taken:
        return name
    number = 1
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"
