"""Large libraries are compiled once, and only in writable folders."""

import importlib.util
from pathlib import Path

from grading.isolation.bytecode import compile_once


def compiled(source: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(source)))


def test_sources_of_large_libraries_are_compiled_and_not_run(tmp_path: Path) -> None:
    for name in ("numba", "rich"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('this was run')\n")
        (tmp_path / name / "part.py").write_text("x = 1\n")
    compile_once([tmp_path])
    for file in ("__init__.py", "part.py"):
        assert compiled(tmp_path / "numba" / file).is_file()
        assert not compiled(tmp_path / "rich" / file).exists()
    # Compiled files are not compiled again.
    before = compiled(tmp_path / "numba/part.py")
    before.unlink()
    compile_once([tmp_path])
    assert not before.exists()
