"""What MkDocs calls while it builds the site: see `tools/site`."""

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from tools.site import api
from tools.site.files import SourcePage, content, site_files
from tools.site.markdown import adapted
from tools.site.mathematics import with_formulas
from tools.site.navigation import expanded
from tools.workspace import ROOT


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in the parts of the navigation that grow by themselves."""
    nav: list[Any] = expanded(config.nav or [], ROOT)
    for entry in nav:
        if isinstance(entry, dict) and "Reference" in entry:
            entry["Reference"] += api.navigation()
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take the files of the repository in place of those of `docs` alone."""
    of_theme = [file for file in files if file.src_dir != config.docs_dir]
    return Files([*of_theme, *site_files(config)])


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Read the documents as code hosts do."""
    return adapted(markdown)


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """Set the formulas, and show what a source holds."""
    if isinstance(page.file, SourcePage):
        return html + content(page.file)
    return with_formulas(html)
