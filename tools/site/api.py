"""The API reference: a page for every public module, from its docstrings."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.workspace import ROOT, Package, read_packages

FOLDER = "docs/api"


@dataclass(frozen=True)
class Page:
    """One page of the reference, in the form of a file of the repository.

    Attributes:
        path: The path of the file.
        text: The content, Markdown.
    """

    path: str
    text: str


def pages() -> Iterator[Page]:
    """Yield the pages: each package, followed by its modules."""
    for package in read_packages():
        modules = public_modules(package)
        yield Page(_path(package.module), _package_page(package, modules))
        for file in modules:
            name = dotted(file)
            text = f"# {name}\n\n{_source_link(file)}\n\n::: {name}\n"
            yield Page(_path(name), text)


def navigation() -> list[dict[str, Any]]:
    """Return the entries of the reference in the navigation."""
    entries = []
    for package in read_packages():
        below: list[Any] = [f"packages/{package.folder.name}/README.md", _path(package.module)]
        below += [{_short(dotted(file)): _path(dotted(file))} for file in public_modules(package)]
        entries.append({package.name: below})
    return entries


def public_modules(package: Package) -> list[Path]:
    """Return the modules whose names do not begin with an underscore, sorted by name.

    Modules that only re-export names are left out; the names are documented where they are defined.
    """
    files = sorted(package.source.rglob("*.py"), key=lambda file: dotted(file))
    return [
        file
        for file in files
        if file.parent / "__init__.py" != package.source / "__init__.py"
        or file.name != "__init__.py"
        if not any(part.startswith("_") for part in dotted(file).split("."))
        if _defines_something(file)
    ]


def dotted(file: Path) -> str:
    """Return the name of a module: `mt_nn.optim.sgd`, or `mt_nn.optim` for an `__init__.py`."""
    parts = list(file.relative_to(ROOT).with_suffix("").parts)
    parts = parts[parts.index("src") + 1 :]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _defines_something(file: Path) -> bool:
    tree = ast.parse(file.read_text("utf-8"))
    kinds = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
    names = [node for node in tree.body if isinstance(node, kinds)]
    return any(not _is_all(node) for node in names)


def _is_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def _package_page(package: Package, modules: list[Path]) -> str:
    first = package.source / "__init__.py"
    about = ast.get_docstring(ast.parse(first.read_text("utf-8"))) or ""
    rows = "\n".join(
        f"| [`{dotted(file)}`]({dotted(file).replace('.', '/')}.md) | {_summary(file)} |"
        for file in modules
    )
    table = f"| module | |\n| --- | --- |\n{rows}"
    return f"# Modules of {package.name}\n\n{about}\n\n{table}\n"


def _summary(file: Path) -> str:
    """Return the first sentence of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split()).replace("|", "\\|")


def _path(name: str) -> str:
    return f"{FOLDER}/{name.replace('.', '/')}.md"


def _short(name: str) -> str:
    return name.partition(".")[2] or name


def _source_link(file: Path) -> str:
    path = file.relative_to(ROOT).as_posix()
    up = "../" * (_path(dotted(file)).count("/"))
    return f"[Source]({up}{path}){{ .source-link }}"
