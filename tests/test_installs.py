"""Every package can be installed with pip in each way that the installation guide names.

Each test starts from an environment with nothing but pip in it. The probe then imports a package
with all its modules in a separate process outside of the checkout.
"""

import hashlib
import json
import re
import shutil
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.build_wheels import build, build_wheels
from tools.fresh_venv import FreshVenv
from tools.import_graph import module_of
from tools.notebooks import INSTALL
from tools.workspace import ROOT, Package, read_packages

pytestmark = pytest.mark.slow

MakeVenv = Callable[[], FreshVenv]
PACKAGES = read_packages()
NAMES = [package.name for package in PACKAGES]
BY_NAME = {package.name: package for package in PACKAGES}
PROBE = Path(__file__).with_name("installed_probe.py")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheels of all packages and return their folder."""
    folder = tmp_path_factory.mktemp("dist")
    build_wheels(folder)
    return folder


def needed_by(package: Package) -> set[str]:
    """Return a package and the packages that it requires, directly or indirectly."""
    found = {package.name}
    for name in package.requires & set(NAMES):
        found |= needed_by(BY_NAME[name])
    return found


def assert_works(package: Package, venv: FreshVenv) -> None:
    """Check that an installed package can be imported, is typed, and contains its data."""
    extras = set[str]().union(*package.extras.values())
    found = probe(package, venv, *map(module_of, sorted(extras)))
    assert Path(found["folder"]).is_relative_to(venv.folder)
    assert found["version"] == package.version
    assert found["typed"]
    embedded = package.name == "mt-models"
    assert found["data"] == (data_in_the_checkout() if embedded else {})


def probe(package: Package, venv: FreshVenv, *may_be_missing: str) -> dict[str, Any]:
    """Run the probe for a package in the environment and return its output."""
    arguments = [str(PROBE), package.module, *may_be_missing]
    found: dict[str, Any] = json.loads(venv.python("-W", "error", *arguments))
    return found


def data_in_the_checkout() -> dict[str, str]:
    """Return the SHA-256 digest of each file of `data/` by path."""
    return {
        file.relative_to(ROOT / "data").as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (ROOT / "data").rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize("source", ["wheels", "checkout"])
def test_the_cell_of_the_notebooks_installs(
    source: str, wheels: Path, fresh_venv: MakeVenv, tmp_path: Path
) -> None:
    venv = fresh_venv()
    folder = tmp_path / "notebooks"
    folder.mkdir()
    # The other tests install dependencies; without them, this one takes seconds. Wheels of a
    # checkout are built by a hatchling of the environment: pip turns isolation off by a 0.
    alone = {"PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_COMPILE": "1"}
    with pytest.raises(AssertionError, match="upload the wheels of MiniTorch"):
        venv.python("-c", INSTALL, cwd=folder, **alone)
    if source == "wheels":
        for file in wheels.glob("*.whl"):
            shutil.copy(file, folder)
    else:
        venv.pip_install("hatchling")
        shutil.copytree(ROOT / "packages", tmp_path / "packages")
        shutil.copytree(ROOT / "data", tmp_path / "data")
    venv.python("-c", INSTALL, cwd=folder, **alone)
    names = {"mt-tensor", "mt-autodiff", "mt-kernels-cpu", "mt-nn", "mt-models"}
    assert venv.installed() & set(NAMES) == names
    assert needed_by(BY_NAME["mt-models"]) == names
    # If Python finds the packages, the cell installs nothing.
    for file in folder.iterdir():
        file.unlink()
    venv.python("-c", INSTALL, cwd=folder, PIP_NO_INDEX="1")


def test_all_packages_are_installed_together(fresh_venv: MakeVenv) -> None:
    venv = fresh_venv()
    came_from = venv.pip_install(*(f"./packages/{package.folder.name}" for package in PACKAGES))
    for package in PACKAGES:
        assert came_from[package.name] == package.folder.as_uri()
        assert_works(package, venv)


def test_packages_are_installed_one_by_one_in_order(fresh_venv: MakeVenv) -> None:
    venv = fresh_venv()
    for package in PACKAGES:
        came_from = venv.pip_install(f"./packages/{package.folder.name}")
        siblings_installed = set(came_from) & set(NAMES)
        assert siblings_installed == {package.name}
        assert_works(package, venv)


@pytest.mark.parametrize("name", NAMES)
def test_a_package_is_installed_from_wheels(name: str, wheels: Path, fresh_venv: MakeVenv) -> None:
    """A package and its requirements are installed from `dist/`, and nothing else.

    An index may contain another distribution with one of these names.
    """
    venv = fresh_venv()
    came_from = venv.pip_install("--find-links", str(wheels), name)
    needed = needed_by(BY_NAME[name])
    assert {each: Path(came_from[each]).name for each in needed} == {
        each: wheel_name(each, BY_NAME[each].version) for each in needed
    }
    assert all(came_from[each].startswith(wheels.as_uri()) for each in needed)
    assert venv.installed() & set(NAMES) == needed
    assert_works(BY_NAME[name], venv)


def wheel_name(distribution: str, version: str) -> str:
    """Return the file name of a pure-Python wheel."""
    return f"{distribution.replace('-', '_')}-{version}-py3-none-any.whl"


@pytest.fixture(scope="module")
def index_with_a_decoy(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build an index (PEP 503) with our wheels, empty wheels of their requirements, and a decoy.

    The decoy is another distribution called minitorch. Nothing is downloaded.
    """
    folder = tmp_path_factory.mktemp("index")
    offered = folder / "files"
    shutil.copytree(wheels, offered)
    for package in PACKAGES:
        project = tomllib.loads((package.folder / "pyproject.toml").read_text("utf-8"))["project"]
        for requirement in project["dependencies"]:
            name, lowest = re.findall(r"^([\w-]+)(?:>=([\d.]+))?", requirement)[0]
            if name not in NAMES:
                write_wheel(offered, name, lowest or "1.0")
    write_wheel(offered, "minitorch", "0.1.0", "raise RuntimeError('a stranger')\n")
    for wheel in offered.iterdir():
        page = folder / "simple" / wheel.name.partition("-")[0].replace("_", "-") / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        with page.open("a", encoding="utf-8") as links:
            links.write(f'<a href="{wheel.as_uri()}">{wheel.name}</a>\n')
    return folder / "simple"


def write_wheel(folder: Path, distribution: str, version: str, code: str | None = None) -> None:
    """Write a wheel with one module that contains `code`, or with none."""
    about = f"{distribution.replace('-', '_')}-{version}.dist-info"
    contents = {
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if code is not None:
        contents[f"{distribution}/__init__.py"] = code
    with zipfile.ZipFile(folder / wheel_name(distribution, version), "w") as wheel:
        for path, text in contents.items():
            wheel.writestr(path, text)
        names = [*contents, f"{about}/RECORD"]
        wheel.writestr(names[-1], "".join(f"{name},,\n" for name in names))


def test_another_distribution_called_minitorch_is_never_installed(
    index_with_a_decoy: Path, fresh_venv: MakeVenv
) -> None:
    venv = fresh_venv()
    from_index = ("--isolated", "--index-url", index_with_a_decoy.as_uri())
    # The decoy can be installed by name.
    assert set(venv.pip_install(*from_index, "--dry-run", "minitorch")) == {"minitorch"}
    came_from = venv.pip_install(*from_index, *NAMES, "mt-models[app]")
    assert set(NAMES) <= set(came_from)
    assert "minitorch" not in came_from
    found = venv.python("-c", "import importlib.util as u; print(u.find_spec('minitorch').origin)")
    source = BY_NAME["mt-minitorch"].source / "__init__.py"
    assert Path(found.strip()).read_bytes() == source.read_bytes()


def test_an_editable_install_reads_the_checkout(fresh_venv: MakeVenv) -> None:
    venv = fresh_venv()
    venv.pip_install("--no-deps", "-e", "./packages/mt-models")
    (site,) = venv.folder.rglob("site-packages")
    assert [file.suffix for file in site.glob("mt_models*")] == [".dist-info"]


def test_a_wheel_from_the_source_distribution_is_the_same(wheels: Path, tmp_path: Path) -> None:
    """The build of mt-models finds its data in the checkout and in the source distribution."""
    build(BY_NAME["mt-models"].folder, tmp_path, target="sdist")
    (sdist,) = tmp_path.glob("mt_models-*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    build(tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path)
    (from_sdist,) = tmp_path.glob("mt_models-*.whl")
    (from_checkout,) = wheels.glob("mt_models-*.whl")
    assert digests(from_sdist) == digests(from_checkout)


def digests(wheel: Path) -> dict[str, str]:
    """Return the SHA-256 digest of each file in a wheel by path."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
