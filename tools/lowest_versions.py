"""Run the packages' quick tests with the lowest versions of the dependencies that they declare.

`hatch run lowest` makes an environment for each supported Python that is installed, in
`.venv-lowest-3.11` and so on, with uv's resolution `lowest-direct`: declared dependencies have
their lowest version, the dependencies of those their newest. `--python 3.12` runs one of them.
Other arguments go to pytest.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.workspace import ROOT, read_packages

PYTHONS = ("3.11", "3.12", "3.13")

NOT_NEWEST = ("pyparsing>=3.2,<3.3",)
"""Bounds of indirect dependencies. Old releases of matplotlib call names that newer releases of
pyparsing deprecate, and a warning is an error in the tests."""

WITHOUT = {"mt-app"}
"""Packages that are left out: Streamlit decides about the versions that the app runs with."""


def requirements() -> list[str]:
    """Return the packages as editable requirements with their extra `test`."""
    packages = [package for package in read_packages() if package.name not in WITHOUT]
    return [part for each in packages for part in ("-e", f"{each.folder}[test]")]


def interpreter(version: str) -> str | None:
    """Return the path of a Python that is installed; None if there is none."""
    found = subprocess.run(
        ["uv", "python", "find", "--no-python-downloads", "--no-project", "--system", version],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() if found.returncode == 0 else None


def run(version: str, python: str, arguments: Sequence[str]) -> int:
    """Make the environment of a version of Python, run the tests, and return pytest's exit code."""
    folder = ROOT / f".venv-lowest-{version}"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["uv", "venv", "-q", "--python", python, str(folder)], check=True)
    place = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = ["uv", "pip", "install", "-q", "--python", str(place), "--only-binary", ":all:"]
    resolution = ["--resolution", "lowest-direct"]
    subprocess.run([*install, *resolution, *requirements(), *NOT_NEWEST], cwd=ROOT, check=True)
    caches = {"NUMBA_CACHE_DIR": str(folder / "numba"), "MPLBACKEND": "agg"}
    pytest = [str(place), "-m", "pytest", "-c", "pyproject.toml", "-p", "no:cacheprovider"]
    done = subprocess.run([*pytest, *arguments], cwd=ROOT, env=os.environ | caches, check=False)
    return done.returncode


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is not 0 if tests of a version fail."""
    parser = argparse.ArgumentParser(prog="hatch run lowest")
    parser.add_argument("--python", choices=PYTHONS, help="only this version")
    options, rest = parser.parse_known_args(arguments)
    default = [
        f"packages/{package.folder.name}/tests"
        for package in read_packages()
        if package.name not in WITHOUT
    ]
    named = [each for each in rest if Path(each.partition("::")[0]).exists()]
    codes = []
    for version in [options.python] if options.python else PYTHONS:
        python = interpreter(version)
        if python is None:
            print(f"no Python {version} here: its lowest versions are not tested", flush=True)
            if options.python:
                return 1
            continue
        print(f"Python {version}, {python}", flush=True)
        codes.append(run(version, python, [*(() if named else default), *rest]))
    return max(codes, default=1)


if __name__ == "__main__":
    sys.exit(main())
