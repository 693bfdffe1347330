"""Cache of kernels on disk: results are found, never stale or mixed up, and errors stop nothing."""

import errno
import hashlib
import importlib
import json
import logging
import os
import pkgutil
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit, prange
from numba.core.dispatcher import Dispatcher

from mt_kernels_cpu import tuned
from mt_kernels_cpu.compiling import disk_cache
from mt_kernels_cpu.compiling.disk_cache import DiskCache
from mt_kernels_cpu.compiling.events import observe_kernels
from mt_kernels_cpu.compiling.jit import Kernel, formula
from mt_kernels_cpu.diagnostics import examples
from mt_kernels_cpu.fast_ops import tensor_map
from mt_kernels_cpu.tuned.layers.pooling import average_kernels, maximum_kernel

# Tests in one process: a second kernel from the same lines represents the next process.


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep kernels in a new folder."""
    monkeypatch.setattr(disk_cache.settings, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(disk_cache, "_warnings", [])
    return tmp_path / "cache" / "mt_kernels_cpu"


def make(fn: Any) -> Kernel:
    fn = formula(fn)

    @Kernel
    def kernel(out: Any, a: Any) -> None:
        for i in prange(len(out)):
            out[i] = fn(a[i])

    return kernel


def run(kernel: Kernel) -> tuple[list[float], int]:
    """Return a kernel's results for 1, 2, 3 on one thread, and its number of cache hits."""
    out = np.zeros(3)
    kernel.serial(out, np.array([1.0, 2.0, 3.0]))
    return out.tolist(), sum(kernel.serial.stats.cache_hits.values())


def double(x: float) -> float:
    return 2.0 * x


DOUBLED = [2.0, 4.0, 6.0]


def test_second_kernel_is_loaded_from_disk(folder: Path) -> None:
    assert run(make(double)) == (DOUBLED, 0)
    assert len(list(folder.iterdir())) == 1
    assert run(make(double)) == (DOUBLED, 1)
    assert run(make(lambda x: 3.0 * x)) == ([3.0, 6.0, 9.0], 0)
    assert run(make(double)) == (DOUBLED, 1)


def test_one_file_per_signature(folder: Path) -> None:
    for dtype in (np.float64, np.float32, np.float64, np.float32):
        out = np.zeros(3, dtype)
        make(double).serial(out, np.ones(3, dtype))
        assert out.tolist() == [2.0, 2.0, 2.0]
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
        lambda content: hashlib.sha256(b"no kernel").digest() + b"no kernel",
    ],
    ids=["empty", "truncated", "one wrong bit", "other content"],
)
def test_damaged_files_are_replaced(folder: Path, damage: Any) -> None:
    run(make(double))
    (path,) = folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert run(make(double)) == (DOUBLED, 0)
    assert run(make(double)) == (DOUBLED, 1)


def test_full_disk_gives_one_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_bytes = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        write_bytes(path, content[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with caplog.at_level(logging.WARNING):
        assert run(make(double)) == (DOUBLED, 0)
        assert run(make(lambda x: 3.0 * x)) == ([3.0, 6.0, 9.0], 0)
    assert [record.message.count("No space left") for record in caplog.records] == [1]
    assert list(folder.iterdir()) == []


def test_longest_unused_files_are_deleted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_cache, "DISK_CACHE_SIZE", 2)
    run(make(double))
    run(make(lambda x: 3.0 * x))
    # Dates long ago, because the clock of a file system may be too coarse for two uses.
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    run(make(double))
    run(make(lambda x: 4.0 * x))
    assert len(list(folder.iterdir())) == 2
    assert run(make(double)) == (DOUBLED, 1)


def test_constant_assigned_before_the_first_call_prevents_caching(folder: Path) -> None:
    names: dict[str, Any] = {"c": 2.0}
    exec("def f(x):\n    return c * x\n", names)
    kernel = make(names["f"])
    names["c"] = 3.0
    assert run(kernel) == ([3.0, 6.0, 9.0], 0)
    assert not folder.exists()


def test_functions_without_a_source_file() -> None:
    names: dict[str, Any] = {}
    exec("def f(x):\n    return 2.0 * x\n", names)
    for fn in (names["f"], lambda x: x + x, njit(double), njit(fastmath=True)(double), abs):
        out, a = np.zeros(3), np.array([1.0, 2.0, 3.0])
        layout = (np.array([3]), np.array([1]))
        tensor_map(fn).serial(out, *layout, a, *layout)
        assert out.tolist() == (a.tolist() if fn is abs else DOUBLED)


def test_one_kernel_for_each_formula() -> None:
    assert tensor_map(double) is tensor_map(double)
    assert tensor_map(double) is tensor_map(njit(double))
    assert tensor_map(double) is not tensor_map(njit(fastmath=True)(double))


@pytest.mark.parametrize("name", [name for name, *_ in examples()])
def test_every_strided_kernel_is_cacheable(name: str) -> None:
    (kernel,) = (kernel for known, kernel, _ in examples() if known == name)
    for compiled in (kernel.serial, kernel.parallel):
        assert compiled._cache.is_cacheable()


def test_every_tuned_kernel_is_cacheable() -> None:
    """A kernel that names a helper defined further down in its file would not be."""
    kernels: list[Any] = []
    for info in pkgutil.walk_packages(tuned.__path__, f"{tuned.__name__}."):
        values = vars(importlib.import_module(info.name)).values()
        kernels += [value for value in values if isinstance(value, Dispatcher)]
    kernels += [*average_kernels(2, 3, np.dtype(np.float32)), maximum_kernel(2, 3)]
    cached_kernels = [kernel for kernel in kernels if isinstance(kernel._cache, DiskCache)]
    assert {"convolve_forward", "convolve_backward", "convolve_max", "pool"} <= {
        k.__name__ for k in cached_kernels
    }
    assert [kernel.__name__ for kernel in cached_kernels if not kernel._cache.is_cacheable()] == []


def test_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = Path(disk_cache.__file__).parents[1]
    assert list(disk_cache.folders()) == [tmp_path / "cache" / "mt_kernels_cpu"]
    monkeypatch.setattr(disk_cache.settings, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert list(disk_cache.folders()) == [package / "__pycache__", tmp_path / "mt_kernels_cpu"]

    def no_home(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)
    assert list(disk_cache.folders()) == [package / "__pycache__"]


# Tests in several processes.

SOURCES = {
    "constants.py": "SCALE = 2.0\n",
    "formulas.py": """
from constants import SCALE
def scale(x): return SCALE * x
def negate(x): return 0.0 - x
""",
    "helpers.py": """
from mt_kernels_cpu.compiling.jit import helper
@helper
def shift(x): return x + 1.0
""",
    "kernels.py": """
import math
from numba import prange
from mt_kernels_cpu.compiling.jit import Kernel, formula, helper
from helpers import shift
def make(fn):
    fn = formula(fn)
    @helper
    def inner(a, i):
        # Too much to be copied into each call, so that the linker has to find it.
        waste = 0.0
        for k in range(i):
            waste += 0.0 * math.sin(a[k]) * math.cos(a[k]) * math.exp(-a[k] * a[k])
            waste += 0.0 * math.tan(a[k]) if a[k] > 2.0 else 0.0 * math.atan(a[k])
        return shift(fn(a[i])) + waste
    @Kernel
    def kernel(out, a):
        for i in prange(len(out)):
            out[i] = inner(a, i) if i < 2 else inner(a, 2) * 10.0
        if len(out) == 4:
            out[3] = inner(a, 1) + inner(a, 2)
    return kernel
""",
    "main.py": """
import json, sys
import numpy as np
import formulas
from kernels import make
answers = []
for name in sys.argv[1:]:
    kernel = make(getattr(formulas, name))
    a = np.array([1.0, 2.0, 3.0])
    for call in (kernel, kernel.serial):
        out = np.zeros(3)
        call(out, a)
        answers.append(out.tolist())
    hits = [sum(x.stats.cache_hits.values()) for x in (kernel.parallel, kernel.serial)]
    answers.append(hits)
print(json.dumps(answers))
""",
}

SCALED = [3.0, 5.0, 70.0]
NEGATED = [0.0, -1.0, -20.0]


class Program:
    """A program of several files that makes kernels, with its cache on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "NUMBA_CACHE_DIR": str(folder / "cache"),
            # Python's own cache compares the dates of files, which these tests keep.
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def start(self, *names: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, self.folder / "main.py", *names],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *names: str) -> Any:
        out, self.errors = (process := self.start(*names)).communicate()
        assert process.returncode == 0, self.errors
        return json.loads(out)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Return a program that has run twice, at the same time."""
    folder = tmp_path_factory.mktemp("original")
    for name, source in SOURCES.items():
        (folder / name).write_text(source)
    program = Program(folder)
    for process in [program.start("scale"), program.start("scale")]:
        out, errors = process.communicate()
        assert json.loads(out)[:2] == [SCALED, SCALED], errors
    return program


@pytest.fixture
def program(original: Program, tmp_path: Path) -> Iterator[Program]:
    """Yield a copy of the program and of its cache."""
    shutil.copytree(original.folder, tmp_path / "copy")
    yield Program(tmp_path / "copy")


def test_the_next_process_compiles_nothing(program: Program) -> None:
    assert program.run("scale") == [SCALED, SCALED, [1, 1]]
    assert program.errors == ""


@pytest.mark.parametrize(
    ("file", "old", "new", "answer"),
    [
        ("constants.py", "2.0", "3.0", [4.0, 7.0, 100.0]),
        ("formulas.py", "SCALE * x", "SCALE + x", [4.0, 5.0, 60.0]),
        ("helpers.py", "x + 1.0", "x - 1.0", [1.0, 3.0, 50.0]),
        ("kernels.py", "2) * 10.0", "2) * 20.0", [3.0, 5.0, 140.0]),
    ],
)
def test_edited_source_is_compiled_again(
    program: Program, file: str, old: str, new: str, answer: list[float]
) -> None:
    path = program.folder / file
    before = path.stat()
    path.write_text(path.read_text().replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert program.run("scale") == [answer, answer, [0, 0]]


def test_kernels_of_several_processes_do_not_mix(program: Program) -> None:
    # numba numbers functions from 1 in every process; here, both begin with the same number.
    assert program.run("negate", "scale") == [NEGATED, NEGATED, [0, 0], SCALED, SCALED, [1, 1]]
    assert program.run("scale", "negate") == [SCALED, SCALED, [1, 1], NEGATED, NEGATED, [1, 1]]


def test_unwritable_folder_gives_one_warning(program: Program) -> None:
    program.environment["NUMBA_CACHE_DIR"] = str(program.folder / "main.py" / "cache")
    assert program.run("scale", "negate")[:2] == [SCALED, SCALED]
    assert len(program.errors.splitlines()) == 1
    assert "NUMBA_CACHE_DIR" in program.errors


def test_unwritable_package_without_home_gives_one_warning(program: Program) -> None:
    package = program.folder / "mt_kernels_cpu"
    shutil.copytree(
        Path(disk_cache.__file__).parents[1], package, ignore=shutil.ignore_patterns("__pycache__")
    )
    (package / "__pycache__").write_text("a file where a folder should be")
    del program.environment["NUMBA_CACHE_DIR"]
    program.environment.update(HOME=os.devnull, USERPROFILE=os.devnull, XDG_CACHE_HOME="")
    assert program.run("scale") == [SCALED, SCALED, [0, 0]]
    assert len(program.errors.splitlines()) == 1


def test_events_name_compiled_and_loaded_kernels(folder: Path) -> None:
    events: list[tuple[str, str]] = []
    with observe_kernels(lambda name, event: events.append((name, event))):
        first = make(double)
        run(first)
        assert events == [("kernel", "compiling"), ("kernel", "compiled")]
        run(first)
        assert len(events) == 2
        run(make(double))
        assert events[2:] == [("kernel", "loaded")]
    run(make(lambda x: x))
    assert len(events) == 3
