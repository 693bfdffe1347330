"""Fragments of headings in the site, the same as on code hosts."""

from tools.markdown import anchor


def slugify(heading: str, separator: str) -> str:
    """Return the fragment that leads to a heading; the separator is always a hyphen."""
    return anchor(heading)
