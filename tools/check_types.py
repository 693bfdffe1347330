"""Run mypy over everything.

The `conftest.py` files of the packages all have the same module name, and mypy takes a name once;
so each has a run of its own.
"""

import subprocess
import sys

from tools.workspace import ROOT


def main(arguments: list[str]) -> int:
    """Check what is named, or everything; the number of runs that found an error."""
    conftests = sorted(str(file) for file in ROOT.glob("packages/*/tests/conftest.py"))
    runs = [arguments] if arguments else [[], *([file] for file in conftests)]
    return sum(subprocess.run(["mypy", *run], cwd=ROOT, check=False).returncode != 0 for run in runs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
