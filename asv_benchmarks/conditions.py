"""The conditions of a measurement: threads, load, machine.

Frameworks read the number of threads from the environment while they are imported. So each
measurement runs in its own process, started with `environment`.
"""

import os
import platform
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

IDLE_LOAD = 0.5
"""Largest load average (processes) of an idle machine. Above it, other processes slow down the
measurement, and the command prints a warning."""

UNSET_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Environment variables that override the kernels and block sizes which OpenBLAS would choose. They
are removed, because some machines set values that slow NumPy down."""

BLAS_WAIT = "OPENBLAS_THREAD_TIMEOUT"
"""Environment variable with the time for which idle threads of NumPy's BLAS poll before they sleep.

The value n means 2ⁿ ticks of the processor's clock; the minimum is 4. OpenBLAS reads it when NumPy
is imported, too early for a package to set it. The commands in `hatch.toml` set it.
"""


def environment(
    threads: int, base: Mapping[str, str] | None = None, as_installed: bool = False
) -> dict[str, str]:
    """Return the environment of a process that computes on a number of threads.

    Args:
        threads: The number for numba, the BLAS libraries, PyTorch, JAX and tinygrad.
        base: The environment to start from; that of this process by default.
        as_installed: True to leave `BLAS_WAIT` unset, as it is after `pip install`.
    """
    env = {
        name: value
        for name, value in (os.environ if base is None else base).items()
        if name not in UNSET_VARIABLES
    }
    count = str(threads)
    for name in (
        "NUMBA_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "CPU_COUNT",  # tinygrad
    ):
        env[name] = count
    if as_installed:
        env.pop(BLAS_WAIT, None)
    else:
        env.setdefault(BLAS_WAIT, "4")
    multi = "true" if threads > 1 else "false"
    env["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={multi}"
    env["JAX_PLATFORMS"] = "cpu"
    # Kernels compiled by one process serve the next.
    env.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".numba_cache"))
    return env


def pin(threads: int) -> None:
    """Restrict this process to the last `threads` cores; the system uses the first ones most."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[-threads:])


def cores() -> int:
    """Return the number of logical cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load() -> float:
    """Return the load average of the last minute, in runnable processes."""
    return os.getloadavg()[0]


@dataclass(frozen=True, slots=True)
class Conditions:
    """Date, hardware and software of a measurement, without names of machine or user.

    Attributes:
        date: The day, as YYYY-MM-DD.
        processor: The model name of the processor.
        cores: The number of logical cores.
        threads: The number of threads that the frameworks used.
        system: The operating system.
        python: The version of Python.
        commit: The commit, with a plus sign if files differ from it.
        load: The load average at the beginning of the measurement.
        kind: The kind of processor, as `kind_of_processor` names it.
    """

    date: str
    processor: str
    cores: int
    threads: int
    system: str
    python: str
    commit: str
    load: float
    kind: str = ""

    @classmethod
    def now(cls, threads: int) -> "Conditions":
        """Return the present conditions of this machine."""
        return cls(
            date=time.strftime("%Y-%m-%d"),
            processor=_processor(),
            cores=os.cpu_count() or 1,
            threads=threads,
            system=platform.system(),
            python=platform.python_version(),
            commit=_commit(),
            load=round(load(), 2),
            kind=kind_of_processor(),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the attributes as plain values."""
        return asdict(self)


def kind_of_processor() -> str:
    """Return the kind of this processor as one word, for names of files: ``intel-6-143``.

    On Linux it consists of vendor, family and model, because the names of virtual processors often
    do not say which they are. Elsewhere it is the processor's name.
    """
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    parts = [
        re.search(rf"^{name}\s*: (.*)$", text, re.M)
        for name in ("vendor_id", "cpu family", "model")
    ]
    vendor, family, model = (part[1].strip() if part else "" for part in parts)
    known = {"GenuineIntel": "intel", "AuthenticAMD": "amd"}.get(vendor, vendor)
    described = f"{known}-{family}-{model}" if vendor else _processor()
    return re.sub(r"[^a-z0-9]+", "-", described.lower()).strip("-")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    return named[1] if named else platform.processor() or platform.machine()


def _commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    return described.stdout.strip() or "unknown"
