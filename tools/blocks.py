"""Parts of Markdown files that are written by a program, between two comments."""

from pathlib import Path


class NoPlaceError(LookupError):
    """A document has neither the block nor the heading before which it belongs."""


def write_block(path: Path, name: str, content: str, before: str | None = None) -> None:
    """Write a block into a document, in the place of the one that is there.

    Args:
        path: The document.
        name: What the comments around the block call it.
        content: The block, Markdown.
        before: A heading in front of which the block is put if the document has none yet.

    Raises:
        NoPlaceError: The document has neither the block nor the heading.
    """
    text = path.read_text("utf-8")
    path.write_text(with_block(text, name, content, before, path.name), "utf-8")


def with_block(
    text: str, name: str, content: str, before: str | None = None, document: str = "document"
) -> str:
    """Return a document with a block; see `write_block`."""
    start, end = f"<!-- {name}: written by a command -->", f"<!-- end of {name} -->"
    block = f"{start}\n\n{content.strip()}\n\n{end}"
    if start in text and end in text:
        head, _, rest = text.partition(start)
        _, _, tail = rest.partition(end)
        return head + block + tail
    if before is None or f"\n{before}\n" not in text:
        raise NoPlaceError(
            f"{document} has no place for {name}: add the line {start!r} and {end!r}"
        )
    return text.replace(f"\n{before}\n", f"\n{block}\n\n{before}\n", 1)
