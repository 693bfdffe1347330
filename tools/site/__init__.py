"""The documentation site, built from the files of the repository: `hatch run docs`.

Every Markdown file becomes a page; links between files become links between pages. Linked sources
become pages, too, so that the site works without a network.
"""
