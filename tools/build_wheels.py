"""Build the wheel of every package into `dist/`, without a network.

`hatchling` itself is the builder, not a front end that would first download it once more.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tools.workspace import ROOT, read_packages


def build(folder: Path, destination: Path, target: str = "wheel") -> None:
    """Build the package in `folder` into `destination`: its `wheel`, or its `sdist`."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(destination)]
    subprocess.run(command, cwd=folder, check=True)


def build_wheels(destination: Path) -> None:
    """Build all wheels into `destination`, which then holds nothing else."""
    shutil.rmtree(destination, ignore_errors=True)
    for package in read_packages():
        build(package.folder, destination)


if __name__ == "__main__":
    build_wheels(ROOT / "dist")
