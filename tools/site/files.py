"""The files of the repository in the site, and their paths there."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, InclusionLevel

from tools.markdown import Document, documents
from tools.notebooks import outputs_path
from tools.site import api, sources
from tools.site.notebooks import as_markdown
from tools.workspace import ROOT

COPIED = {".csv", ".gz", ".ico", ".jpg", ".json", ".jsonl", ".npz", ".png", ".svg"}
"""Suffixes of files that are copied unchanged; every other source becomes a page."""

NO_SOURCE = {*COPIED, ".ipynb", ".md", ".pyc", ".safetensors"}

MOVED = {
    "README.md": "repository.html",
    "CONTRIBUTING.md": "contributing.html",
    "CHANGELOG.md": "changelog.html",
}


class AsPage(File):  # type: ignore[misc]  # mkdocs is not installed with the type checker
    """A file of any type that is rendered as a page."""

    def is_documentation_page(self) -> bool:
        """Return True."""
        return True


class SourcePage(AsPage):
    """A page that shows a source file or a folder of the repository."""


def site_files(config: MkDocsConfig) -> Iterator[File]:
    """Yield all files of the site, with their paths in the repository."""
    found = [document for document in documents() if not str(document).startswith("docs/api/mt")]
    for document in found:
        yield _read(str(document), config)
    for page in api.pages():
        yield _generated(page, config)
    for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
        yield _notebook(file, config)
    for path in sorted(_needed(found)):
        suffix = (ROOT / path).suffix
        if suffix in COPIED:
            yield _read(path, config)
        elif suffix not in {".md", ".ipynb"}:
            yield _source(path, config)


def destination(path: str) -> str:
    """Return the path in the site of a file of the repository.

    >>> destination("docs/guides/testing.md"), destination("packages/mt-nn/README.md")
    ('guides/testing.html', 'packages/mt-nn/index.html')
    >>> destination("tools/workspace.py")
    'source/tools/workspace.py.html'
    """
    if path in MOVED:
        return MOVED[path]
    if (ROOT / path).is_dir():
        return f"source/{path}/index.html"
    shorter = path.removeprefix("docs/")
    if path.endswith((".md", ".ipynb")):
        folder, _, name = shorter.rpartition("/")
        page = "index" if name == "README.md" else name.rpartition(".")[0]
        return f"{folder}/{page}.html" if folder else f"{page}.html"
    if (ROOT / path).suffix in COPIED:
        return shorter
    return f"source/{path}.html"


def content(file: SourcePage) -> str:
    """Return the content of a source page as HTML."""
    path = ROOT / file.src_uri
    if path.is_dir():
        return sources.folder([_name(each) for each in _children(path)])
    return sources.listing(path)


def _needed(found: Iterable[Document]) -> set[str]:
    """Return the linked files, the modules and the pictures, without the documents themselves."""
    targets = {_target(document, link) for document in found for link in document.targets()}
    modules = {file for package in (ROOT / "packages").glob("*/src") for file in _below(package)}
    needed: set[Path] = set()
    for target in {*targets, *modules}:
        if target is not None and target.exists() and target.is_relative_to(ROOT):
            needed |= {target, *(_below(target) if target.is_dir() else ())}
    # HTML links pictures and scripts in ways that `Document.targets` does not find.
    needed |= {file for file in (ROOT / "docs").rglob("*") if file.suffix in COPIED}
    return {file.relative_to(ROOT).as_posix() for file in needed if file != ROOT}


def _target(document: Document, link: str) -> Path | None:
    path = link.partition("#")[0]
    if not path or "://" in link or link.startswith("mailto:"):
        return None
    return Path(os.path.normpath(document.file.parent / path))


def _below(folder: Path) -> Iterator[Path]:
    for child in _children(folder):
        yield child
        if child.is_dir():
            yield from _below(child)


def _children(folder: Path) -> list[Path]:
    """Return the folders and text files in a folder, without hidden and compiled ones."""
    left_out = {"__pycache__"}
    shown = [each for each in folder.iterdir() if each.name[0] != "." and each.name not in left_out]
    texts = [each for each in shown if each.is_dir() or each.suffix not in NO_SOURCE]
    return sorted(texts, key=lambda each: (each.is_file(), each.name))


def _name(path: Path) -> str:
    return f"{path.name}/" if path.is_dir() else path.name


def _read(path: str, config: MkDocsConfig) -> File:
    file = File.generated(config, path, abs_src_path=str(ROOT / path))
    return _placed(file)


def _generated(page: api.Page, config: MkDocsConfig) -> File:
    return _placed(File.generated(config, page.path, content=page.text))


def _notebook(file: Path, config: MkDocsConfig) -> File:
    stored = json.loads(outputs_path(file.stem).read_text("utf-8"))
    text = as_markdown(file.read_text("utf-8"), stored["cells"])
    path = file.relative_to(ROOT).as_posix()
    return _placed(AsPage.generated(config, path, content=text))


def _source(path: str, config: MkDocsConfig) -> File:
    file = SourcePage.generated(
        config,
        path,
        # Without this, sources would outnumber documents in the results of a search.
        content=f"---\nsearch:\n  exclude: true\nhide: [toc]\n---\n# `{path}`\n",
        inclusion=InclusionLevel.NOT_IN_NAV,
    )
    return _placed(file)


def _placed(file: File) -> File:
    file.dest_uri = destination(file.src_uri)
    return file
