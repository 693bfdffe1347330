"""Conversion of formulas to MathML, which browsers render without a script."""

import html
import re

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
"""Pattern of the output of `pymdownx.arithmatex` for `$…$` and `$$…$$`."""


def with_formulas(page: str) -> str:
    """Return a page with MathML in place of TeX."""
    return FORMULA.sub(_formula, page)


def _formula(found: re.Match[str]) -> str:
    is_block = found[2] == "["
    formula = convert(html.unescape(found[3]).strip(), display="block" if is_block else "inline")
    return f'<div class="formula">{formula}</div>' if is_block else str(formula)
