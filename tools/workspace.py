"""The packages of this repository, read from their `pyproject.toml` files."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def normalised(name: str) -> str:
    """Return the normalised spelling of a distribution name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distribution_of(requirement: str) -> str:
    """Return the distribution of a requirement: `numpy` for `numpy>=2.0,<3`.

    Raises:
        ValueError: The text is not a requirement.
    """
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    if found is None:
        raise ValueError(f"not a requirement: {requirement!r}")
    return normalised(found.group(1))


@dataclass(frozen=True)
class Package:
    """One distribution: a folder of `packages/`.

    Attributes:
        folder: The folder of the package.
        name: The name of the distribution, such as `mt-nn`.
        module: The name of the top-level module, such as `mt_nn`.
        version: The version.
        requires: The required distributions, packages of this repository included.
        extras: The further distributions of each extra.
    """

    folder: Path
    name: str
    module: str
    version: str
    requires: frozenset[str]
    extras: dict[str, frozenset[str]]

    @property
    def source(self) -> Path:
        """The folder of its modules."""
        return self.folder / "src" / self.module


def read_package(folder: Path) -> Package:
    """Return the package in `folder`, read from its `pyproject.toml`."""
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project.get("optional-dependencies", {})
    (source,) = folder.glob("src/*/__init__.py")
    return Package(
        folder=folder,
        name=project["name"],
        module=source.parent.name,
        version=project["version"],
        requires=frozenset(map(distribution_of, project.get("dependencies", []))),
        extras={name: frozenset(map(distribution_of, extra)) for name, extra in extras.items()},
    )


def read_packages(root: Path = ROOT) -> list[Package]:
    """Return all packages under `root`, each one after the packages that it requires.

    In this order pip can install them one by one.
    """
    files = root.glob("packages/*/pyproject.toml")
    packages = {found.name: found for found in (read_package(file.parent) for file in files)}
    needs = {name: siblings(packages[name], packages) for name in sorted(packages)}
    return [packages[name] for name in TopologicalSorter(needs).static_order()]


def siblings(package: Package, among: Iterable[str]) -> list[str]:
    """Return the names in `among` that `package` requires, sorted."""
    return sorted(name for name in among if name in package.requires)
