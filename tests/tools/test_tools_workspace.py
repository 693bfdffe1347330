"""Common properties of all packages, and consistency of files that list them."""

import tomllib
from itertools import chain

import pytest

from tools.diagrams.packages import BOXES
from tools.workspace import ROOT, Package, read_packages

PACKAGES = read_packages()
ROOT_SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

each_package = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)


def test_packages_are_sorted_by_dependency() -> None:
    names = [package.name for package in PACKAGES]
    assert len(names) == 8
    for position, package in enumerate(PACKAGES):
        assert package.requires & set(names) <= set(names[:position])


def test_all_versions_are_the_same() -> None:
    assert len({package.version for package in PACKAGES}) == 1


@each_package
def test_the_package_has_the_version_of_its_metadata(package: Package) -> None:
    text = (package.source / "__init__.py").read_text("utf-8")
    assert text.count(f'\n__version__ = "{package.version}"\n') == 1


@each_package
def test_the_extra_for_tests_contains_pytest_and_hypothesis(package: Package) -> None:
    assert {"pytest", "hypothesis"} <= package.extras["test"]


@each_package
def test_a_package_is_typed_described_and_licensed(package: Package) -> None:
    assert (package.source / "py.typed").is_file()
    assert (package.folder / "README.md").is_file()
    licence = (ROOT / "LICENSE").read_bytes()
    assert (package.folder / "LICENSE").read_bytes() == licence


@each_package
def test_siblings_are_bound_to_the_same_minor_version(package: Package) -> None:
    major, minor, _ = map(int, package.version.split("."))
    bounds = f">={major}.{minor},<{major}.{minor + 1}"
    project = tomllib.loads((package.folder / "pyproject.toml").read_text("utf-8"))["project"]
    siblings = {each.name for each in PACKAGES}
    extras = project.get("optional-dependencies", {})
    for requirement in chain(project["dependencies"], *extras.values()):
        name = requirement.partition(">")[0]
        assert name not in siblings or requirement == name + bounds


def test_settings_list_every_package() -> None:
    sources = {package.source.parent.relative_to(ROOT).as_posix() for package in PACKAGES}
    mypy = ROOT_SETTINGS["tool"]["mypy"]
    assert set(mypy["mypy_path"].split(":")) == sources
    # `hatch run app:types` checks the app.
    folders = {package.folder.relative_to(ROOT).as_posix() for package in PACKAGES}
    assert folders - set(mypy["files"]) == {"packages/mt-app"}
    assert set(BOXES) == {package.name for package in PACKAGES}
