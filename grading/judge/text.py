"""Text that comes from a submission, made safe to show: the only place that does it.

Messages, names and paths of a submission may hold escape sequences that rewrite a terminal, signs
that turn the direction of a line, characters that no XML file may hold, or a gigabyte of anything.
What leaves here is printable and short. Escaping what HTML, XML or a spreadsheet gives a meaning
is left to the report that writes it.
"""

import re
import unicodedata

MAX_CHARACTERS = 4000
"""Characters of a text that are kept."""

MAX_LINE_CHARACTERS = 400
"""Characters of one line that are kept."""

ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x1b\\|\x07|$)|[ -/]*[0-~])"  # 7-bit
    r"|\x9b[0-?]*[ -/]*[@-~]",  # 8-bit
    re.DOTALL,
)
"""Sequences that a terminal takes for commands (ECMA-48)."""

KEPT = "\n\t"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that show nothing, or something else than they are."""


def clean(text: str, longest: int = MAX_CHARACTERS) -> str:
    """Return a text that is printable and at most so long, and says where it was cut."""
    # Cut first, so that a gigabyte is not looked through; an escape sequence cut in two is
    # replaced with its first character.
    raw = text[: 4 * longest]
    raw = ESCAPES.sub("", raw.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [_shortened(_visible(line), MAX_LINE_CHARACTERS) for line in raw.split("\n")]
    shown = "\n".join(lines)
    if len(text) > len(raw) and len(shown) <= longest and len(text) > 4 * longest:
        return f"{shown} … ({len(text)} characters)"
    return _shortened(shown, longest)


def clean_line(text: str, longest: int = MAX_LINE_CHARACTERS) -> str:
    """Return a text on one line."""
    return _shortened(" ".join(clean(text).split()), longest)


def _visible(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    return "".join(
        sign if sign in KEPT or unicodedata.category(sign) not in HIDDEN else REPLACEMENT
        for sign in line
    )


def _shortened(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text) - longest} more characters)"
