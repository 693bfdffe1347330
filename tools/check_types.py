"""Run mypy on the whole repository.

The `conftest.py` files of the packages have the same module name, which mypy accepts once in a run.
So each of them is checked in a separate run.
"""

import subprocess
import sys

from tools.workspace import ROOT


def main(arguments: list[str]) -> int:
    """Check the named files, or all; return the largest exit code of mypy."""
    conftests = sorted(str(file) for file in ROOT.glob("packages/*/tests/**/conftest.py"))
    runs = [arguments] if arguments else [[], *([file] for file in conftests)]
    mypy = [sys.executable, "-m", "mypy"]
    return max(subprocess.run([*mypy, *run], cwd=ROOT, check=False).returncode for run in runs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
