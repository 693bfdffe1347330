"""Libraries compiled to bytecode beforehand.

A worker sees the installed libraries read-only. Where an installer left them as sources, every
worker would compile numba's hundreds of files again, for seconds, and keep nothing.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LARGE = ("numpy", "llvmlite", "numba")
"""What workers import that takes long to compile."""


def compile_once(folders: Sequence[Path]) -> None:
    """Compile the large libraries in some folders, if they are there, not compiled, and ours.

    Sources are compiled and not run. What cannot be written stays as it is: slower, never wrong.
    """
    wanted = [
        str(folder / name) for folder in folders for name in LARGE if _is_uncompiled(folder / name)
    ]
    if wanted:
        command = [sys.executable, "-m", "compileall", "-q", "-j", "0", "-x", "numba/.*tests/"]
        subprocess.run(
            [*command, *wanted], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def _is_uncompiled(package: Path) -> bool:
    source = package / "__init__.py"
    return source.is_file() and not Path(importlib.util.cache_from_source(str(source))).exists()
