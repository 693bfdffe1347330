"""Count of the bytes that each kernel moves, in the simulator (NUMBA_ENABLE_CUDASIM=1).

The command prints JSON: for each kernel, the bytes that its examples move between global memory and
the multiprocessors, and the bytes if each element moved once. Shapes, strides and tables are not
counted, because all threads read them from caches.
"""

import json
import os
import subprocess
import sys
import warnings
from dataclasses import asdict, dataclass

import numpy as np
from numba import cuda

from mt_kernels_cuda.simulation import TrafficCounter, observing
from tools.gpu_kernels.catalog import Entry, entries
from tools.gpu_kernels.rows import Key, key_of
from tools.workspace import ROOT


@dataclass
class Moved:
    """Bytes that a kernel's examples move.

    Attributes:
        bytes: The bytes read and written.
        least: The bytes if each element is read or written once.
    """

    bytes: int = 0
    least: int = 0

    @property
    def ratio(self) -> float:
        """The average number of accesses to an element."""
        return self.bytes / self.least if self.least else 1.0


def count(entry: Entry) -> Moved:
    """Run a kernel in the simulator and return the bytes that it moves."""
    counter = TrafficCounter()
    arguments = [
        cuda.to_device(each) if isinstance(each, np.ndarray) else each for each in entry.arguments
    ]
    with observing(counter), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # A GPU does not warn of overflow.
        entry.kernel[entry.launch.blocks, entry.launch.threads](*arguments)
    moved = Moved()
    for name, traffic in counter.launches[0][1].items():
        if not name.endswith(("_shape", "_strides", "_table")):
            moved.bytes += traffic.bytes
            moved.least += traffic.least
    return moved


def counted() -> dict[Key, Moved]:
    """Count in a new process, because numba selects the simulator when it is imported."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.gpu_kernels.traffic"],
        cwd=ROOT,
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    rows = json.loads(done.stdout)
    return {(level, name): Moved(**moved) for level, name, moved in rows}


def main() -> None:
    """Print the bytes of all kernels as JSON."""
    sums: dict[Key, Moved] = {}
    for entry in entries():
        moved, total = count(entry), sums.setdefault(key_of(entry), Moved())
        total.bytes += moved.bytes
        total.least += moved.least
    print(json.dumps([(*key, asdict(moved)) for key, moved in sums.items()]))


if __name__ == "__main__":
    main()
