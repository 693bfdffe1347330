"""Who may import whom, and a reader of source files that finds every arrow that is not allowed.

The rules keep the two hardest subjects of the library apart: kernels know nothing of gradients and
gradients know nothing of kernels. They meet only in the backend that a tensor carries.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.workspace import Package, normalised

MAY_IMPORT: dict[str, frozenset[str]] = {
    "mt_tensor": frozenset(),
    "mt_autodiff": frozenset({"mt_tensor"}),
    "mt_kernels_cpu": frozenset({"mt_tensor"}),
    "mt_kernels_cuda": frozenset({"mt_tensor"}),
    "mt_nn": frozenset({"mt_autodiff", "mt_tensor"}),
    "mt_models": frozenset({"mt_nn", "mt_autodiff", "mt_tensor", "mt_kernels_cpu"}),
    "mt_app": frozenset({"mt_models", "mt_nn", "mt_autodiff", "mt_tensor"}),
    "minitorch": frozenset(
        {"mt_tensor", "mt_autodiff", "mt_kernels_cpu", "mt_kernels_cuda", "mt_nn", "mt_models"}
    ),
}
"""The siblings that the modules of each package may import, anywhere in a file."""

ONE_FUNCTION_MAY_IMPORT: dict[str, frozenset[str]] = {"mt_models": frozenset({"mt_kernels_cuda"})}
"""Siblings that a single function of a package may import: the one that turns a name into a
backend, so that a machine without a GPU never needs the package."""

FOLDERS_NO_PACKAGE_IMPORTS = frozenset({"grading", "tools", "tests", "asv_benchmarks"})
"""What surrounds the packages knows them; they do not know it."""

DISTRIBUTIONS = {"PIL": "pillow", "minitorch": "mt-minitorch", "mnist": "python-mnist"}
"""Distributions whose modules are called something else."""


@dataclass(frozen=True)
class Import:
    """One imported name, and where it is imported.

    Attributes:
        module: The full dotted name, such as `numpy.linalg`.
        file: The file that imports it.
        line: The line of the statement.
        function: The name of the outermost function around it, or None at module level.
    """

    module: str
    file: Path
    line: int
    function: str | None

    @property
    def top(self) -> str:
        """The first part of the dotted name."""
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        inside = f" in {self.function}()" if self.function else ""
        return f"{self.file}:{self.line}{inside}: import of {self.module}"


def imports_of(file: Path) -> Iterator[Import]:
    """Every absolute import in `file`: in functions, classes, `try` and `if` blocks, too.

    `importlib.import_module` and `__import__` count when they are given a literal name.
    """
    tree = ast.parse(file.read_text("utf-8"), filename=str(file))
    yield from _imports_below(tree, file, function=None)


def _imports_below(node: ast.AST, file: Path, function: str | None) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        for module in _modules_named_by(child):
            yield Import(module, file, child.lineno, function)  # type: ignore[attr-defined]
        inner = function
        if function is None and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = child.name
        yield from _imports_below(child, file, inner)


def _modules_named_by(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
        case ast.Call(
            func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(module)), *_],
        ) if not module.startswith("."):
            return [module]
    return []


def violations(packages: list[Package]) -> list[str]:
    """One sentence for each import, in any of `packages`, that breaks a rule."""
    found: list[str] = []
    for package in packages:
        imports = [
            each for file in sorted(package.source.rglob("*.py")) for each in imports_of(file)
        ]
        found += _wrong_arrows(package, imports)
        found += _undeclared(package, imports)
    return found


def _wrong_arrows(package: Package, imports: list[Import]) -> Iterator[str]:
    """Imports of siblings, or of the folders around the packages, that the table forbids."""
    if package.module not in MAY_IMPORT:
        yield f"{package.module} has no row in MAY_IMPORT"
        return
    allowed = MAY_IMPORT[package.module] | {package.module}
    in_one_function = ONE_FUNCTION_MAY_IMPORT.get(package.module, frozenset())
    the_function: dict[str, tuple[Path, str]] = {}
    for each in imports:
        if each.top in FOLDERS_NO_PACKAGE_IMPORTS:
            yield f"{each}: no package may import from {each.top}/"
        elif each.top not in MAY_IMPORT or each.top in allowed:
            continue
        elif each.top not in in_one_function:
            yield f"{each}: {package.module} may import {_listed(MAY_IMPORT[package.module])}"
        elif each.function is None:
            yield f"{each}: {package.module} may import {each.top} inside one function only"
        else:
            here = (each.file, each.function)
            if the_function.setdefault(each.top, here) != here:
                first = the_function[each.top]
                yield f"{each}: {first[1]}() in {first[0]} is the one function that may"


def _undeclared(package: Package, imports: list[Import]) -> Iterator[str]:
    """Imports of other distributions that the package's `pyproject.toml` does not ask for.

    What an extra brings may only be imported inside a function: without the extra, the module
    that holds the function must still import.
    """
    for each in imports:
        if each.top in sys.stdlib_module_names | FOLDERS_NO_PACKAGE_IMPORTS | {package.module}:
            continue
        name = distribution_with(each.top)
        if name in package.requires:
            continue
        extras = [extra for extra, names in package.extras.items() if name in names]
        if not extras:
            yield f"{each}: {package.name} does not declare {name}"
        elif each.function is None:
            yield f"{each}: {name} comes with the extra {_listed(extras)} and may be missing"


def distribution_with(module: str) -> str:
    """The distribution that brings a top-level module."""
    return DISTRIBUTIONS.get(module, normalised(module))


def module_of(distribution: str) -> str:
    """The top-level module that a distribution brings."""
    other_names = {name: module for module, name in DISTRIBUTIONS.items()}
    return other_names.get(distribution, distribution.replace("-", "_"))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "no sibling"
