"""Tokenisation of text in the form of SST-2.

SST-2 follows the Penn Treebank: lower case, separate punctuation, "isn't" as "is n't", "cannot" as
"can not". This module implements the common rules of that standard, not all of them.
"""

import re
import unicodedata

_ABBREVIATIONS = "bros|co|dr|etc|inc|jr|mr|mrs|ms|sept|st|vs"
_AUXILIARIES = "is|are|was|were|do|does|did|have|has|had|would|could|should|must|need|ai|ca|wo"
_RULES: list[tuple[re.Pattern[str], str]] = [
    # Each of these characters is typed for an apostrophe. The first kind has no other meaning.
    (re.compile("[‘’‛ʻʼ]"), "'"),
    (re.compile(r"(?<=[^\W\d_])[`´′ʹˈ](?=[^\W\d_])"), "'"),
    (re.compile('“|(?<!\\S)"'), " `` "),
    (re.compile('[”"]'), " '' "),
    (re.compile("[–—]|(?<!-)--(?!-)"), " -- "),
    (re.compile(r"…|\.{2,}"), " ... "),
    (re.compile(r"([;!?()])|([,:])(?!\d)"), r" \1\2 "),
    # A full stop that is part of a word stays with it: "mr.", "e.t.", "x.", "1.8".
    (re.compile(rf"(?<!\S)(?!(?:{_ABBREVIATIONS})\.)([^\s.]{{2,}})\.(?=[\s']|$)"), r"\1 . "),
    (re.compile(r"(?<=\w)n't\b"), " n't"),
    # Without an apostrophe, too: the negation would be an unknown word.
    (re.compile(rf"\b({_AUXILIARIES})nt\b"), r"\1 n't"),
    (re.compile(r"\bcannot\b"), "can not"),
    (re.compile(r"(?<=\w)'(s|m|d|re|ve|ll)\b"), r" '\1"),
    (re.compile(r"(?<=[\w.])'(?!\S)"), " '"),
]
_INVISIBLE = frozenset("\u034f" + "".join(map(chr, range(0xFE00, 0xFE10))))
"""A joiner of accents and the variants of symbols; most others have the category Cf."""
_LOOKALIKE = ("<wide>", "<narrow>", "<font>", "<compat>")
"""The kinds of characters that look like other letters; "²" and "™" are of other kinds."""


def tokenise(text: str) -> str:
    """Return the text in lower case, its tokens separated by single spaces.

    Texts that look the same have the same tokens: combined accents, ligatures and full-width
    letters are replaced by plain ones, and characters without width are removed.

    Text that is already tokenised does not change, except for rare abbreviations.

    >>> tokenise("It's not bad, but I didn't “love” it...")
    "it 's not bad , but i did n't `` love '' it ..."
    >>> tokenise("I cannot say it isn´t ﬁne.")
    "i can not say it is n't fine ."
    """
    text = plain_characters(text).lower()
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


def plain_characters(text: str) -> str:
    r"""Replace characters that look like plain ones, and remove those without width.

    >>> plain_characters("ｆｕｎｎｙ, a cliche\u0301d\u200b ﬁlm, mc²")
    'funny, a clichéd film, mc²'
    """
    if text.isascii():
        return text
    # Decomposed first, so that composed and combined accents give the same result.
    plain = "".join(map(_plain_character, unicodedata.normalize("NFD", text)))
    return unicodedata.normalize("NFC", plain)


def _plain_character(character: str) -> str:
    """Return the plain form of one character, or nothing for one without width."""
    category = unicodedata.category(character)
    if category == "Cf" or character in _INVISIBLE:
        return ""
    kind = unicodedata.decomposition(character).partition(" ")[0]
    # Letters only of the last kind: "№" would become the word "no".
    if kind in _LOOKALIKE and (kind != "<compat>" or category.startswith("L")):
        return unicodedata.normalize("NFKC", character)
    return character
