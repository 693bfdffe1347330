"""The allowed imports among packages, and a check that finds all others.

The rules separate the two most difficult parts of the library: kernels do not import gradients, and
gradients do not import kernels. The two are connected only by the backend of a tensor.
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
"""Packages of this repository that the modules of each package may import, anywhere in a file."""

ONE_FUNCTION_MAY_IMPORT: dict[str, frozenset[str]] = {"mt_models": frozenset({"mt_kernels_cuda"})}
"""Packages of this repository that a single function of a package may import. The function returns
a backend by name, so that a machine without a GPU does not need the package of GPU kernels."""

FOLDERS_NO_PACKAGE_IMPORTS = frozenset({"grading", "tools", "tests", "asv_benchmarks"})
"""Folders of the root that no package may import from. They import the packages."""

DISTRIBUTIONS = {"PIL": "pillow", "minitorch": "mt-minitorch", "mnist": "python-mnist"}
"""Distribution of each top-level module with another name."""


@dataclass(frozen=True)
class Import:
    """One imported name and the position of the import.

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
    """Yield every absolute import of a file, also those in functions, classes and blocks.

    Calls of `importlib.import_module` and `__import__` with a literal name count, too.
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
    """Return a sentence for each import of the packages that breaks a rule."""
    found: list[str] = []
    for package in packages:
        imports = [
            each for file in sorted(package.source.rglob("*.py")) for each in imports_of(file)
        ]
        found += _forbidden(package, imports)
        found += _undeclared(package, imports)
    return found


def _forbidden(package: Package, imports: list[Import]) -> Iterator[str]:
    """Yield the imports of other packages, or of folders of the root, that the table forbids."""
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
                yield f"{each}: only {first[1]}() in {first[0]} may import it"


def _undeclared(package: Package, imports: list[Import]) -> Iterator[str]:
    """Yield the imports of distributions that the package's `pyproject.toml` does not require.

    The distributions of an extra may be imported inside functions only, because the module must be
    importable without the extra.
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
            yield f"{each}: {name} is in the extra {_listed(extras)}; import it inside a function"


def distribution_with(module: str) -> str:
    """Return the distribution that contains a top-level module."""
    return DISTRIBUTIONS.get(module, normalised(module))


def module_of(distribution: str) -> str:
    """Return the top-level module that a distribution contains."""
    other_names = {name: module for module, name in DISTRIBUTIONS.items()}
    return other_names.get(distribution, distribution.replace("-", "_"))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "no sibling"
