"""Links, resources and texts of a page of the built site."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SITE = ROOT / "site"

AS_IT_IS = {"code", "pre", "script", "style"}
"""Elements whose text is not prose."""

FETCHED = {
    "audio": "src",
    "iframe": "src",
    "img": "src",
    "link": "href",
    "script": "src",
    "source": "srcset",
    "video": "src",
}
"""Attribute of each element from which a browser loads a resource."""

NOT_LOADED = {"canonical", "next", "prev", "license"}
"""Relations of `link` elements whose target a browser does not load."""


@dataclass
class Page(HTMLParser):
    """One page of the site.

    Attributes:
        file: The path of the file.
        fragments: The fragments of the page.
        links: The targets of links.
        fetched: The addresses of loaded resources.
        pictures: The attributes of each picture.
        classes: The CSS classes.
        elements: The names of elements.
        prose: The texts outside of code.
    """

    file: Path
    fragments: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    pictures: list[dict[str, str | None]] = field(default_factory=list)
    classes: set[str] = field(default_factory=set)
    elements: set[str] = field(default_factory=set)
    prose: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._inside: list[str] = []
        self.feed(self.file.read_text("utf-8"))

    def __str__(self) -> str:
        return self.file.relative_to(SITE).as_posix()

    def __hash__(self) -> int:
        return hash(self.file)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.add(tag)
        self.classes |= set((found.get("class") or "").split())
        self.fragments |= {name for key in ("id", "name") if (name := found.get(key))}
        if tag == "a" and (target := found.get("href")) is not None:
            self.links.append(target)
        if tag == "img":
            self.pictures.append(found)
        relations = set((found.get("rel") or "").split())
        if (key := FETCHED.get(tag)) and not relations & NOT_LOADED and (source := found.get(key)):
            self.fetched.append(source)
        if tag in AS_IT_IS:
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside and data.strip():
            self.prose.append(data)
