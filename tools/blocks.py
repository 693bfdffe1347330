"""Generated parts of Markdown files, between two comments."""

import re
from pathlib import Path


class NoPlaceError(LookupError):
    """A document contains neither the block nor the heading before which it is inserted."""


def write_block(path: Path, name: str, content: str, before: str | None = None) -> None:
    """Replace a block of a document, or insert it.

    Args:
        path: The document.
        name: The name of the block in the comments around it.
        content: The content of the block, Markdown.
        before: The heading before which the block is inserted if the document has none.

    Raises:
        NoPlaceError: The document contains neither the block nor the heading.
    """
    text = path.read_text("utf-8")
    path.write_text(with_block(text, name, content, before, path.name), "utf-8")


def with_block(
    text: str, name: str, content: str, before: str | None = None, document: str = "document"
) -> str:
    """Return the text of a document with a block; see `write_block`.

    The first comment of a block stays as it is: it may name the command that writes the block.
    """
    start, end = f"<!-- {name}: written by a command -->", f"<!-- end of {name} -->"
    body = f"\n\n{content.strip()}\n\n{end}"
    begin = re.search(rf"<!-- {re.escape(name)}: written by [^\n]*? -->", text)
    if begin is not None and end in text[begin.end() :]:
        tail = text[begin.end() :].partition(end)[2]
        return text[: begin.end()] + body + tail
    if before is None or f"\n{before}\n" not in text:
        raise NoPlaceError(
            f"{document} has no place for {name}: add the line {start!r} and {end!r}"
        )
    return text.replace(f"\n{before}\n", f"\n{start}{body}\n\n{before}\n", 1)
