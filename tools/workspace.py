"""The packages of this repository, as their `pyproject.toml` files declare them."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def normalised(name: str) -> str:
    """A distribution name in the one spelling that all its spellings share (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distribution_of(requirement: str) -> str:
    """The distribution that a requirement asks for: `numpy>=2.0,<3` asks for `numpy`."""
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    if found is None:
        raise ValueError(f"not a requirement: {requirement!r}")
    return normalised(found.group(1))


@dataclass(frozen=True)
class Package:
    """One distribution: a folder of `packages/`.

    Attributes:
        folder: Where it lies.
        name: What it is called on an index, such as `mt-nn`.
        module: What it is called in an import statement, such as `mt_nn`.
        version: Its version.
        requires: The distributions that it always needs, siblings included.
        extras: The distributions that each of its extras adds.
    """

    folder: Path
    name: str
    module: str
    version: str
    requires: frozenset[str]
    extras: dict[str, frozenset[str]]

    @property
    def source(self) -> Path:
        """The folder that holds its modules."""
        return self.folder / "src" / self.module


def read_package(folder: Path) -> Package:
    """The package in `folder`, read from its `pyproject.toml`."""
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
    """Every package under `root`, each after the siblings that it needs.

    This is the order in which pip can install them one by one.
    """
    files = root.glob("packages/*/pyproject.toml")
    packages = {found.name: found for found in (read_package(file.parent) for file in files)}
    needs = {name: siblings(packages[name], packages) for name in sorted(packages)}
    return [packages[name] for name in TopologicalSorter(needs).static_order()]


def siblings(package: Package, among: Iterable[str]) -> list[str]:
    """The names among `among` that `package` always needs."""
    return sorted(name for name in among if name in package.requires)
