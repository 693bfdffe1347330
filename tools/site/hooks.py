"""Hooks of MkDocs that build the site; see `tools/site`."""

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from tools.site import api
from tools.site.files import SourcePage, content, site_files
from tools.site.markdown import adapted
from tools.site.mathematics import with_formulas
from tools.site.navigation import expanded
from tools.site.search import settings
from tools.workspace import ROOT


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Expand the patterns of the navigation, and add the reference."""
    nav: list[Any] = expanded(config.nav or [], ROOT)
    for entry in nav:
        if isinstance(entry, dict) and "Reference" in entry:
            entry["Reference"] += api.navigation()
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of `docs` by those of the repository."""
    of_theme = [file for file in files if file.src_dir != config.docs_dir]
    return Files([*of_theme, *site_files(config)])


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Convert CommonMark to the Markdown of the site, and set the page's rank in the search."""
    page.meta.update(settings(page.file.src_uri))
    return adapted(markdown)


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """Convert formulas to MathML, or add the content of a source page."""
    if isinstance(page.file, SourcePage):
        return html + content(page.file)
    return with_formulas(html)
