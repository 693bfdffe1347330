"""A virtual environment that contains only pip, to test installations."""

import json
import os
import subprocess
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.workspace import ROOT


@dataclass(frozen=True)
class FreshVenv:
    """A virtual environment in an own folder.

    Its programs run outside of the checkout, without environment variables that point to the
    checkout or to the environment of the caller. So they import installed packages only.

    Attributes:
        folder: The folder of the environment.
    """

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> "FreshVenv":
        """Create an environment in `folder`, with the Python of this process."""
        venv.create(folder, with_pip=True, symlinks=os.name != "nt")
        return cls(folder)

    @property
    def interpreter(self) -> Path:
        """The path of the environment's `python`."""
        windows = self.folder / "Scripts" / "python.exe"
        return windows if os.name == "nt" else self.folder / "bin" / "python"

    def python(self, *arguments: str, cwd: Path | None = None, **variables: str) -> str:
        """Run the environment's Python and return its standard output.

        Raises:
            AssertionError: Its exit code is not 0; the message contains its output.
        """
        with tempfile.TemporaryDirectory() as elsewhere:
            done = subprocess.run(
                [str(self.interpreter), *arguments],
                cwd=cwd or elsewhere,
                env=_clean_environment() | variables,
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode != 0:
            command = " ".join(["python", *arguments])
            message = f"{command}\nexit status {done.returncode}\n{done.stdout}\n{done.stderr}"
            raise AssertionError(message)
        return done.stdout

    def pip(self, *arguments: str) -> str:
        """Run `pip` in the root of the checkout, as in the guides, and return its output."""
        return self.python("-m", "pip", "--disable-pip-version-check", *arguments, cwd=ROOT)

    def pip_install(self, *arguments: str) -> dict[str, str]:
        """Run `pip install` and return the URL of each newly installed distribution by name.

        Python compiles the modules that are imported, so that pip need not compile all others.
        """
        report = self.folder / "pip-report.json"
        self.pip("install", "--quiet", "--no-compile", "--report", str(report), *arguments)
        installed: list[dict[str, Any]] = json.loads(report.read_text("utf-8"))["install"]
        return {each["metadata"]["name"]: each["download_info"]["url"] for each in installed}

    def installed(self) -> set[str]:
        """Return the names of the installed distributions, without pip and setuptools."""
        listed = json.loads(self.pip("list", "--format", "json"))
        return {each["name"] for each in listed} - {"pip", "setuptools"}


def _clean_environment() -> dict[str, str]:
    """Return the environment without variables that point to this Python or its packages."""
    own = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "NUMBA_CACHE_DIR"}
    return {name: value for name, value in os.environ.items() if name not in own}
