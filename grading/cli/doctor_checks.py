"""The checks of `doctor`, each of one part of the installation.

Code that could crash this process, such as a broken library, runs in a separate one.
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path

from grading.paths import ROOT

SYNC = "hatch env remove default && hatch run python -V"
"""Command that recreates the environment."""

LIBRARIES = (
    "numpy",
    "numba",
    "llvmlite",
    "pytest",
    "hypothesis",
    "click",
    "rich",
    "jinja2",
    "msgspec",
    "watchfiles",
)

PACKAGES = (
    "mt_tensor",
    "mt_autodiff",
    "mt_kernels_cpu",
    "mt_kernels_cuda",
    "mt_nn",
    "mt_models",
    "minitorch",
)

SECONDS = 120
"""Time limit of a separate process, in seconds."""


class Health(Enum):
    """Health of a part of the installation."""

    GOOD = "good"
    POOR = "poor"
    """Judging works with restrictions."""
    BAD = "bad"
    """Judging does not work."""


@dataclass(frozen=True)
class Finding:
    """The result of a check of `doctor`.

    Attributes:
        subject: The checked part.
        health: Its health.
        text: A description.
        remedy: A command that fixes the problem; empty if there is none.
    """

    subject: str
    health: Health
    text: str
    remedy: str = ""


def doctor_checks() -> tuple[Callable[[], Finding], ...]:
    """Return all checks, in the order of their dependencies."""
    return (
        python,
        environment,
        libraries,
        packages,
        table_of_tasks,
        compiler,
        cache,
        data,
        sandbox,
        gpu,
    )


def python() -> Finding:
    """Check the version of Python."""
    version, (low, high) = platform.python_version(), supported_pythons()
    text = f"{version} in {sys.prefix}"
    if low <= sys.version_info[:2] < high:
        return Finding("Python", Health.GOOD, text)
    supported = f"{low[0]}.{low[1]} or later, before {high[0]}.{high[1]}"
    return Finding("Python", Health.BAD, f"{text}; supported is {supported}", SYNC)


def supported_pythons() -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first supported version, and the first one that is too new."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'requires-python = ">=(\d+)\.(\d+),<(\d+)\.(\d+)"', text)
    if found is None:
        raise ValueError("pyproject.toml names no versions of Python")
    a, b, c, d = map(int, found.groups())
    return (a, b), (c, d)


def environment() -> Finding:
    """Check that the environment is that of the repository."""
    own = ROOT / ".venv"
    if Path(sys.prefix).resolve() == own.resolve():
        return Finding("environment", Health.GOOD, str(own))
    return Finding(
        "environment",
        Health.POOR,
        f"{sys.prefix} is not the environment of this repository",
        f"cd {ROOT} && hatch run doctor",
    )


def libraries() -> Finding:
    """Check the libraries that the grader needs."""
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        return Finding("libraries", Health.BAD, f"missing: {', '.join(missing)}", SYNC)
    shown = ("numpy", "numba", "pytest", "hypothesis")
    text = ", ".join(f"{name} {metadata.version(name)}" for name in shown)
    return Finding("libraries", Health.GOOD, text)


def packages() -> Finding:
    """Check without imports that the packages are those of this checkout."""
    missing, elsewhere = [], []
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            missing.append(name)
        elif not Path(spec.origin).resolve().is_relative_to(ROOT.resolve()):
            elsewhere.append(name)
    if missing:
        return Finding("packages", Health.BAD, f"missing: {', '.join(missing)}", SYNC)
    if elsewhere:
        text = f"not those of this folder: {', '.join(elsewhere)}"
        return Finding("packages", Health.POOR, text, SYNC)
    return Finding("packages", Health.GOOD, f"{len(PACKAGES)}, from {ROOT / 'packages'}")


def table_of_tasks() -> Finding:
    """Check the table of tasks."""
    from grading.tasks.table import TableError, table

    try:
        tasks = table().tasks
    except TableError as error:
        return Finding("tasks", Health.BAD, str(error), "git checkout -- grading/tasks.toml")
    absent = [task.check_file for task in tasks if not (ROOT / task.check_file).is_file()]
    if absent:
        text = f"missing: {', '.join(absent)}"
        return Finding("tasks", Health.BAD, text, f"git checkout -- {' '.join(absent)}")
    checks = sum(len(task.checks.names) for task in tasks)
    return Finding("tasks", Health.GOOD, f"{len(tasks)} with {checks} checks")


COMPILE = """
import numba, numpy as np
@numba.njit(parallel=True)
def total(x):
    s = 0.0
    for i in numba.prange(x.size):
        s += x[i]
    return s
assert total(np.ones(1000)) == 1000.0
print(numba.threading_layer(), numba.get_num_threads())
"""


def compiler() -> Finding:
    """Compile a parallel loop and run it."""
    done = _in_python(COMPILE)
    if done.returncode:
        error = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        return Finding("compiler", Health.BAD, f"numba cannot compile: {error}", SYNC)
    layer, threads = done.stdout.split()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"numba compiles; {threads} threads on {cores} cores, layer {layer}"
    if layer == "workqueue":
        text += ", which supports one Python thread at a time"
    return Finding("compiler", Health.GOOD, text)


def cache() -> Finding:
    """Check the cache of compiled kernels."""
    folder = Path(os.environ.get("NUMBA_CACHE_DIR", ROOT / ".numba_cache"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        text = f"{folder} cannot be written: {error.strerror}"
        return Finding("cache", Health.POOR, text, f"rm -rf {folder}")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    free = shutil.disk_usage(folder).free / 1e9
    text = f"{folder}, {size:.0f} MB; {free:.1f} GB free"
    if free < 1:
        return Finding("cache", Health.POOR, text, f"rm -rf {folder}")
    return Finding("cache", Health.GOOD, text)


def data() -> Finding:
    """Compare the data sets with their checksums."""
    sums = ROOT / "data" / "SHA256SUMS"
    if not sums.is_file():
        return Finding("data", Health.POOR, f"{sums} is missing", "git checkout -- data")
    wrong = []
    lines = [line.split(maxsplit=1) for line in sums.read_text(encoding="utf-8").splitlines()]
    for checksum, name in (line for line in lines if len(line) == 2):
        path = ROOT / "data" / name.lstrip("*").strip()
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != checksum:
            wrong.append(path.relative_to(ROOT).as_posix())
    if wrong:
        text = f"missing or changed: {', '.join(wrong)}"
        return Finding("data", Health.POOR, text, f"git checkout -- {' '.join(wrong)}")
    return Finding("data", Health.GOOD, f"{len(lines)} files with correct checksums")


def sandbox() -> Finding:
    """Find the best isolation that works on this machine."""
    from grading.isolation.levels import find
    from grading.isolation.plain import Plain

    found = find()
    text = "; ".join([found.level.name, *(f"not defended: {e}" for e in found.level.undefended)])
    if isinstance(found.level, Plain):
        return Finding("sandbox", Health.POOR, text, "sudo apt install bubblewrap")
    return Finding("sandbox", Health.GOOD, text)


def gpu() -> Finding:
    """Look for a GPU that numba can use; without one, CUDA tasks cost no points."""
    done = _in_python("from numba import cuda; print(cuda.get_current_device().name.decode())")
    if done.returncode == 0:
        return Finding("GPU", Health.GOOD, done.stdout.strip())
    if shutil.which("nvidia-smi"):
        text = "numba cannot use the GPU of this machine"
        remedy = 'add "mt-kernels-cuda[cu12]" to the dependencies of envs.default in hatch.toml'
        return Finding("GPU", Health.POOR, text, remedy)
    return Finding("GPU", Health.GOOD, "none; --simulate judges CUDA tasks on numba's simulator")


def _in_python(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
