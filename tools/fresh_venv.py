"""A virtual environment with nothing but pip in it, to try an installation for real."""

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
    """A virtual environment in a folder of its own.

    Its programs run outside the checkout, with no variable set that would show them the checkout
    or the environment of the caller. Whatever they import was installed.
    """

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> "FreshVenv":
        """A new environment in `folder`, with the Python that runs this."""
        venv.create(folder, with_pip=True, symlinks=os.name != "nt")
        return cls(folder)

    @property
    def interpreter(self) -> Path:
        """The environment's `python`."""
        windows = self.folder / "Scripts" / "python.exe"
        return windows if os.name == "nt" else self.folder / "bin" / "python"

    def python(self, *arguments: str, cwd: Path | None = None, **variables: str) -> str:
        """Run the environment's Python; what it prints.

        Raises:
            AssertionError: If it fails, with all that it printed.
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
        """Run `pip` in the root of the checkout, as the guides tell it; what it prints."""
        return self.python("-m", "pip", "--disable-pip-version-check", *arguments, cwd=ROOT)

    def pip_install(self, *arguments: str) -> dict[str, str]:
        """`pip install`; the address that each newly installed distribution came from."""
        report = self.folder / "pip-report.json"
        self.pip("install", "--quiet", "--report", str(report), *arguments)
        installed: list[dict[str, Any]] = json.loads(report.read_text("utf-8"))["install"]
        return {each["metadata"]["name"]: each["download_info"]["url"] for each in installed}

    def installed(self) -> set[str]:
        """The distributions in the environment, pip left out."""
        listed = json.loads(self.pip("list", "--format", "json"))
        return {each["name"] for each in listed} - {"pip", "setuptools"}


def _clean_environment() -> dict[str, str]:
    """This process's variables, less those that lead to its own Python and packages."""
    own = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "NUMBA_CACHE_DIR"}
    return {name: value for name, value in os.environ.items() if name not in own}
