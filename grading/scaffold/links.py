"""Links in the documents of a learner's tree: a link out of the tree becomes plain text."""

import posixpath
import re
from collections.abc import Container
from pathlib import PurePosixPath

PIECES = re.compile(
    r"(?P<code>^ *```.*?^ *```|`[^`\n]+`)"
    r"|!?\[(?P<text>[^\[\]]*)\]\((?P<target>[^()\s#]+)(?P<fragment>#[^()\s]*)?\)",
    re.DOTALL | re.MULTILINE,
)
"""Match of code, which is kept, or of a link."""


def kept_links(document: str, text: str, there: Container[str]) -> str:
    """Return a document without broken links.

    A link to a path that the tree lacks is replaced by its text. A link to a line of a source loses
    the line, because the removal of solutions shifts lines.

    Args:
        document: The path of the document in the tree.
        text: The document, in Markdown.
        there: The paths of the tree, files and folders.

    >>> kept_links("docs/a.md", "[one](b.md#x), [two](../c.py#L3), [three](no.md)", {"docs/b.md"})
    '[one](b.md#x), two, three'
    """
    folder = PurePosixPath(document).parent

    def piece(found: re.Match[str]) -> str:
        target = found["target"]
        if found["code"] or ":" in target:
            return found[0]
        if posixpath.normpath(folder / target) not in there:
            return found["text"]
        return found[0].replace(f"{found['fragment']})", ")") if _is_line(found) else found[0]

    return PIECES.sub(piece, text)


def _is_line(found: re.Match[str]) -> bool:
    return re.fullmatch(r"#L\d+", found["fragment"] or "") is not None
