"""Published results of a measurement: a file in JSON, and the commit of the sources."""

import subprocess
from pathlib import Path
from typing import Self

import msgspec

from grading.paths import ROOT


class Published(msgspec.Struct, frozen=True):
    """Base of the results of a measurement."""

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """Return the results in a file; None if there is no file."""
        return msgspec.json.decode(file.read_bytes(), type=cls) if file.exists() else None

    def write(self, file: Path) -> None:
        """Write a file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def commit() -> str:
    """Return the commit of the sources, with a mark if files have changed."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
