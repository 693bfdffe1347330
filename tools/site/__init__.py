"""The documentation site, made of the repository's own files: `hatch run docs`.

Every Markdown file is a page, and keeps the links that lead from one file to the other. Sources
that are linked become pages to read, so that nothing of the site needs a network.
"""
