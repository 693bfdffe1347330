"""Tokenisation of text in the form of SST-2.

SST-2 follows the Penn Treebank: lower case, separate punctuation, "isn't" as "is n't". This module
implements the common rules of that standard, not all of them.
"""

import re

_ABBREVIATIONS = "bros|co|dr|etc|inc|jr|mr|mrs|ms|sept|st|vs"
_RULES: list[tuple[re.Pattern[str], str]] = [
    (re.compile("[‘’]"), "'"),
    (re.compile('“|(?<!\\S)"'), " `` "),
    (re.compile('[”"]'), " '' "),
    (re.compile("[–—]|(?<!-)--(?!-)"), " -- "),
    (re.compile(r"…|\.{2,}"), " ... "),
    (re.compile(r"([;!?()])|([,:])(?!\d)"), r" \1\2 "),
    # A full stop that is part of a word stays with it: "mr.", "e.t.", "x.", "1.8".
    (re.compile(rf"(?<!\S)(?!(?:{_ABBREVIATIONS})\.)([^\s.]{{2,}})\.(?=[\s']|$)"), r"\1 . "),
    (re.compile(r"(?<=\w)n't\b"), " n't"),
    (re.compile(r"(?<=\w)'(s|m|d|re|ve|ll)\b"), r" '\1"),
    (re.compile(r"(?<=[\w.])'(?!\S)"), " '"),
]


def tokenise(text: str) -> str:
    """Return the text in lower case, its tokens separated by single spaces.

    Text that is already tokenised does not change, except for rare abbreviations.

    >>> tokenise("It's not bad, but I didn't “love” it...")
    "it 's not bad , but i did n't `` love '' it ..."
    """
    text = text.lower()
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())
