"""What the checks need to know of a page of the built site."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SITE = ROOT / "site"

AS_IT_IS = {"code", "pre", "script", "style"}
"""Elements whose text is no prose."""

FETCHED = {
    "audio": "src",
    "iframe": "src",
    "img": "src",
    "link": "href",
    "script": "src",
    "source": "srcset",
    "video": "src",
}
"""Elements for which a browser asks somebody for something."""

ONLY_TOLD = {"canonical", "next", "prev", "license"}
"""Relations of a `link` that no browser follows by itself."""


@dataclass
class Page(HTMLParser):
    """One page: where it leads, what it fetches, what it says."""

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
        if (key := FETCHED.get(tag)) and not relations & ONLY_TOLD and (source := found.get(key)):
            self.fetched.append(source)
        if tag in AS_IT_IS:
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside and data.strip():
            self.prose.append(data)
