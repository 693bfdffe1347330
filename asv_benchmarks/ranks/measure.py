"""Processes of a measurement: one or two ranks, with one thread or two."""

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from asv_benchmarks.conditions import environment
from asv_benchmarks.training_cases import Network

ROOT = Path(__file__).parents[2]

CASES: dict[str, tuple[Network, int]] = {
    "course LeNet, batch 128": ("course", 128),
    "Kim CNN, batch 50": ("kim", 50),
}
"""Network and global batch, by title."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The processes and threads of a measurement.

    Attributes:
        ranks: The number of processes.
        threads: The number of threads of each.
    """

    ranks: int
    threads: int


LAYOUTS = {"1 × 1": Layout(1, 1), "1 × 2": Layout(1, 2), "2 × 1": Layout(2, 1)}
"""Ranks × threads, by title."""


def contenders() -> list[str]:
    """Return "ours", and "torch" if PyTorch is installed."""
    return ["ours", *(["torch"] if importlib.util.find_spec("torch") else [])]


def launcher() -> str:
    """Return the path of the MPI launcher.

    Raises:
        LookupError: There is no launcher, or no mpi4py.
    """
    # Imported here: asv also measures commits without it.
    from mt_models.cli.launch import mpiexec

    found = mpiexec()
    if found is None or importlib.util.find_spec("mpi4py") is None:
        raise LookupError(
            "two ranks need mpi4py and an MPI library in this environment: hatch run mpi:speed"
        )
    return found


def measure_once(contender: str, case: str, layout: str, steps: int) -> float:
    """Return the median time of a step in new processes, in seconds.

    Raises:
        LookupError: Two ranks need MPI, which is not installed.
        RuntimeError: A process failed.
    """
    network, batch = CASES[case]
    chosen = LAYOUTS[layout]
    words = [sys.executable, "-m", "asv_benchmarks.ranks.worker"]
    words += [contender, network, str(batch), str(steps)]
    if chosen.ranks > 1:
        words = [launcher(), "-n", str(chosen.ranks), *words]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            words,
            cwd=ROOT,
            env={**environment(chosen.threads), "RANKS_STORE": f"{folder}/store"},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} failed:\n{done.stderr}")
    return float(done.stdout.split()[-1])


def measure(rounds: int, steps: int) -> Iterator[tuple[str, str, str, float]]:
    """Measure every case in every layout, in turn.

    Yields:
        The contender, the case, the layout, and the median time of a step in seconds.
    """
    for _ in range(rounds):
        for case in CASES:
            for layout in LAYOUTS:
                for contender in contenders():
                    yield contender, case, layout, measure_once(contender, case, layout, steps)
