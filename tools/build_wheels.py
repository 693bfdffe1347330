"""Build the wheels of all packages in `dist/`, without a network.

The script calls `hatchling` directly, because a build front end would download it again.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tools.workspace import ROOT, read_packages


def build(folder: Path, destination: Path, target: str = "wheel") -> None:
    """Build the package in `folder` and write its `wheel`, or its `sdist`, to `destination`."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(destination)]
    subprocess.run(command, cwd=folder, check=True)


def build_wheels(destination: Path) -> None:
    """Delete `destination` and write the wheels of all packages to it."""
    shutil.rmtree(destination, ignore_errors=True)
    for package in read_packages():
        build(package.folder, destination)


if __name__ == "__main__":
    build_wheels(ROOT / "dist")
