"""URL fragments of headings in the site, equal to those of code hosts."""

from tools.markdown import anchor


def slugify(heading: str, separator: str) -> str:
    """Return the fragment of a heading; the separator is always a hyphen."""
    return anchor(heading)
