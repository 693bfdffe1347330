"""The conditions of a measurement: threads, load, machine. All in one place.

Everything that decides how many threads a framework uses must be in the environment before it is
imported, so measurements run in processes of their own, started with `environment`.
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

QUIET = 0.5
"""Up to this load, other processes leave the machine to the measurement."""

CLEARED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Settings of the machine that make NumPy's BLAS another one than its own choice."""

BLAS_WAIT = "OPENBLAS_THREAD_TIMEOUT"
"""The variable that says how long idle threads of NumPy's BLAS keep their processors busy.

OpenBLAS reads it when NumPy is imported, so no package of ours can set it. Our commands do: see
`hatch.toml`. The value n stands for 2ⁿ ticks of the processor's clock, and 4 is the least.
"""


def environment(
    threads: int, base: Mapping[str, str] | None = None, as_installed: bool = False
) -> dict[str, str]:
    """Return the environment of a process that computes on so many threads.

    Args:
        threads: For numba, the BLAS libraries, PyTorch, JAX and tinygrad alike.
        base: The environment to start from; this process's by default.
        as_installed: Without `BLAS_WAIT`, which our commands set and `pip install` does not.
    """
    env = {
        name: value
        for name, value in (os.environ if base is None else base).items()
        if name not in CLEARED
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
    """Keep this process on so many cores, the last ones: the first serve the rest of the system."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[-threads:])


def load() -> float:
    """Return how many processes wanted to run, on average over the last minute."""
    return os.getloadavg()[0]


@dataclass(frozen=True, slots=True)
class Conditions:
    """Where and when something was measured; nothing that names the machine or its user.

    Attributes:
        date: The day.
        processor: The name that the processor gives itself.
        cores: How many there are for us.
        threads: How many the frameworks were given.
        system: The operating system.
        python: The version.
        commit: What was checked out, with a plus sign if files differ from it.
        load: Of the machine as the measurement began.
    """

    date: str
    processor: str
    cores: int
    threads: int
    system: str
    python: str
    commit: str
    load: float

    @classmethod
    def now(cls, threads: int) -> "Conditions":
        """Look at the machine."""
        return cls(
            date=time.strftime("%Y-%m-%d"),
            processor=_processor(),
            cores=os.cpu_count() or 1,
            threads=threads,
            system=platform.system(),
            python=platform.python_version(),
            commit=_commit(),
            load=round(load(), 2),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


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
