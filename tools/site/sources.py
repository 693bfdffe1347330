"""HTML of source files and folders; every line has a fragment such as `#L12`."""

import html
import re
from pathlib import Path

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound

LINE = re.compile(r'id="L-(\d+)"')


def listing(file: Path) -> str:
    """Return the highlighted lines of a file as HTML, with a fragment for each."""
    formatter = HtmlFormatter(linespans="L", cssclass="highlight source", wrapcode=True)
    text = file.read_text(encoding="utf-8")
    return LINE.sub(r'id="L\1"', highlight(text, _lexer(file), formatter))


def folder(names: list[str]) -> str:
    """Return links to files and subfolders as an HTML list; names of folders end with a slash."""
    rows = (
        f'<li><a href="{html.escape(_page_of(name))}"><code>{html.escape(name)}</code></a></li>'
        for name in names
    )
    return f'<ul class="folder">{"".join(rows)}</ul>'


def _page_of(name: str) -> str:
    return f"{name}index.html" if name.endswith("/") else f"{name}.html"


def _lexer(file: Path) -> Lexer:
    try:
        return get_lexer_for_filename(file.name, stripnl=False)
    except ClassNotFound:
        return TextLexer(stripnl=False)
