"""Run mypy over everything.

The `conftest.py` files of the packages all have the same module name, and mypy takes a name once;
so each has a run of its own.
"""

import subprocess
import sys

from tools.workspace import ROOT


def main(arguments: list[str]) -> int:
    """Check what is named, or everything; 1 if an error was found, else 0."""
    conftests = sorted(str(file) for file in ROOT.glob("packages/*/tests/**/conftest.py"))
    runs = [arguments] if arguments else [[], *([file] for file in conftests)]
    mypy = [sys.executable, "-m", "mypy"]
    return max(subprocess.run([*mypy, *run], cwd=ROOT, check=False).returncode for run in runs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
