"""Sanitisation of text from a submission; all such text passes through this module.

Messages, names and paths of a submission may contain escape sequences for terminals, signs that
change the text direction, characters that are invalid in XML, and very long text. Sanitised text is
printable and short. The formats of reports escape their special characters.
"""

import re
import unicodedata

MAX_CHARACTERS = 4000
"""Maximum length of a text, in characters."""

MAX_LINE_CHARACTERS = 400
"""Maximum length of a line, in characters."""

ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x1b\\|\x07|$)|[ -/]*[0-~])"  # 7-bit
    r"|\x9b[0-?]*[ -/]*[@-~]",  # 8-bit
    re.DOTALL,
)
"""Pattern of control sequences of terminals (ECMA-48)."""

ALLOWED_CONTROLS = "\n\t"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of invisible or misleading characters."""


def clean(text: str, longest: int = MAX_CHARACTERS) -> str:
    """Return a printable text of limited length; a mark shows where it was cut."""
    # Cut first, to save the search of a very long text. Of an escape sequence that is cut in two,
    # the first character is replaced.
    raw = text[: 4 * longest]
    raw = ESCAPES.sub("", raw.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [_shortened(_visible(line), MAX_LINE_CHARACTERS) for line in raw.split("\n")]
    shown = "\n".join(lines)
    if len(text) > len(raw) and len(shown) <= longest and len(text) > 4 * longest:
        return f"{shown} … ({len(text)} characters)"
    return _shortened(shown, longest)


def clean_line(text: str, longest: int = MAX_LINE_CHARACTERS) -> str:
    """Return a printable text on one line."""
    return _shortened(" ".join(clean(text).split()), longest)


def _visible(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    return "".join(
        sign
        if sign in ALLOWED_CONTROLS or unicodedata.category(sign) not in HIDDEN
        else REPLACEMENT
        for sign in line
    )


def _shortened(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text) - longest} more characters)"
