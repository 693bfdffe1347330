"""Compilation of installed libraries to bytecode before workers start.

A worker sees the installed libraries read-only. If an installer did not compile them, every worker
would compile hundreds of files of numba again, which takes seconds, and could not store the result.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LARGE = ("numpy", "llvmlite", "numba")
"""Libraries that workers import and that take long to compile."""


def compile_once(folders: Sequence[Path]) -> None:
    """Compile the large libraries in some folders that are not compiled yet.

    Sources are compiled and not run. A folder that cannot be written is skipped: workers start
    slower, with the same results.
    """
    packages = [
        str(folder / name) for folder in folders for name in LARGE if _is_uncompiled(folder / name)
    ]
    if packages:
        command = [sys.executable, "-m", "compileall", "-q", "-j", "0", "-x", "numba/.*tests/"]
        subprocess.run(
            [*command, *packages], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def _is_uncompiled(package: Path) -> bool:
    source = package / "__init__.py"
    return source.is_file() and not Path(importlib.util.cache_from_source(str(source))).exists()
