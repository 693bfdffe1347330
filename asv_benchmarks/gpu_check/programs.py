"""Other programs' part of the check: our own tests, and NVIDIA's tool that watches memory."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

TESTS = ("packages/mt-kernels-cuda/tests/on_device", "tests/gpu_kernels/on_device")

PROGRAMS: dict[str, list[str]] = {
    "tests of the kernels": [sys.executable, "-m", "pytest", "-q", *TESTS],
    "checks of tasks 3.3, 3.4 and 4.4b": [
        *(sys.executable, "-m", "pytest", "-q", "-p", "grading.judge.options"),
        *("-m", "task3_3 or task3_4 or task4_4b", "grading/checks"),
    ],
    # A few minutes each: every access to memory goes through the tool.
    **{
        f"compute-sanitizer {tool}": [
            *("compute-sanitizer", "--tool", tool, "--error-exitcode", "9"),
            *(sys.executable, "-m", "pytest", "-q", "-k", "tile or block or practice", *TESTS),
        ]
        for tool in ("memcheck", "racecheck", "synccheck")
    },
}


@dataclass(frozen=True)
class Ran:
    """How a program ended.

    Attributes:
        name: What it is.
        code: Its exit code; None if it is not installed.
        said: The end of what it printed.
    """

    name: str
    code: int | None
    said: str

    @property
    def passed(self) -> bool:
        """Whether it found nothing, or was not there to look."""
        return self.code in (0, None)

    @property
    def outcome(self) -> str:
        """How it ended, in a line: with what it said, unless all is well."""
        if self.code is None:
            return self.said
        if self.code == 0:
            return "passed"
        return f"exit code {self.code}" + (f": {self.said}" if self.said else "")


def run(name: str) -> Ran:
    """Run one of the `PROGRAMS`."""
    command = PROGRAMS[name]
    if shutil.which(command[0]) is None:
        return Ran(name, None, f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return Ran(name, done.returncode, "\n".join((done.stdout + done.stderr).splitlines()[-12:]))
