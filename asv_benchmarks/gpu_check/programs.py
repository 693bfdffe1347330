"""Programs that the check runs: our tests, and NVIDIA's compute-sanitizer."""

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
    # A few minutes each: the tool checks every memory access.
    **{
        f"compute-sanitizer {tool}": [
            *("compute-sanitizer", "--tool", tool, "--error-exitcode", "9"),
            *(sys.executable, "-m", "pytest", "-q", "-k", "tile or block or practice", *TESTS),
        ]
        for tool in ("memcheck", "racecheck", "synccheck")
    },
}


@dataclass(frozen=True)
class ProgramResult:
    """The result of a program.

    Attributes:
        name: Its name in the report.
        code: Its exit code; None if it is not installed.
        output: The last lines of its output.
    """

    name: str
    code: int | None
    output: str

    @property
    def passed(self) -> bool:
        """True if the exit code is 0, or the program is not installed."""
        return self.code in (0, None)

    @property
    def outcome(self) -> str:
        """The outcome in one line, with the output of a program that failed."""
        if self.code is None:
            return self.output
        if self.code == 0:
            return "passed"
        return f"exit code {self.code}" + (f": {self.output}" if self.output else "")


def run(name: str) -> ProgramResult:
    """Run one of the `PROGRAMS` and return its result."""
    command = PROGRAMS[name]
    if shutil.which(command[0]) is None:
        return ProgramResult(name, None, f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return ProgramResult(
        name, done.returncode, "\n".join((done.stdout + done.stderr).splitlines()[-12:])
    )
