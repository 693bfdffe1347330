"""Order of search results: lessons and guides before the reference.

The search multiplies the score of a page by its boost, and weights its tags more than titles.
"""

import tomllib
from functools import cache
from typing import Any

from tools.workspace import ROOT

BOOSTS = {
    # Module 5 uses the words of earlier lessons, which explain them.
    "docs/tasks/5.": 4.0,
    "docs/tasks/": 8.0,
    "docs/why/": 4.0,
    "docs/guides/": 4.0,
    "docs/api/": 0.25,
    "docs/decisions/": 0.25,
    "CHANGELOG.md": 0.1,
}
"""Boost of the pages of a folder, or of one page; 1 for all others."""

TAGS = {
    "docs/guides/questions.md": ("faq", "help"),
    "docs/guides/teaching.md": ("syllabus", "rubric", "instructor"),
    "docs/guides/windows-and-macos.md": ("windows", "wsl", "macos"),
    "docs/tasks/README.md": ("tutorial", "course"),
    "docs/tour.md": ("tutorial",),
}
"""Words that users search for and that do not occur in a page's title."""


def settings(path: str) -> dict[str, Any]:
    """Return the settings of a page for the search plugin.

    Args:
        path: The file of the page in the repository.

    >>> settings("docs/tasks/4.3.md")
    {'search': {'boost': 8.0}, 'tags': ['avgpool2d', 'tile']}
    >>> settings("docs/glossary.md")
    {}
    """
    boosts = [boost for start, boost in BOOSTS.items() if path.startswith(start)]
    tags = [*TAGS.get(path, ()), *_functions().get(path, ())]
    found: dict[str, Any] = {}
    if boosts:
        found["search"] = {"boost": boosts[0]}
    if tags:
        found["tags"] = tags
    return found


@cache
def _functions() -> dict[str, list[str]]:
    """Return the names of the functions and classes to write, by the page of their task."""
    table = tomllib.loads((ROOT / "grading" / "tasks.toml").read_text(encoding="utf-8"))
    return {
        task["doc"]: sorted(
            {
                name
                for hole in task["holes"]
                for name in hole.partition(":")[2].split(".")
                if not name.startswith("_")
            }
        )
        for task in table["task"]
    }
