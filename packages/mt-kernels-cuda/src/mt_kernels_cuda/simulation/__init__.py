"""Patches of numba's simulator, and observers of simulated kernels.

`patch_simulator` makes the simulator deterministic: the threads of a block run one after the other,
and a shared array belongs to its block. `observing` reports every memory access and every barrier
of a kernel to an observer. The observer `RaceDetector` finds data races and threads that wait at
different barriers. The observer `TrafficCounter` counts accesses to global memory.

    with observing(RaceDetector()):
        my_kernel[blocks, threads](out, a)
        # RaceError: threads 0 and 1 of block 0 access cells[1] in shared memory …

The modules import numba, NumPy and each other (with relative imports), and no other module of the
package. So a copy of this folder works under any name.
"""

from .barriers import BarrierError
from .memory import Watched
from .observing import Barrier, Launch, Observer
from .patching import is_patched, observing, patch_simulator
from .races import Access, RaceDetector, RaceError
from .traffic import Traffic, TrafficCounter

__all__ = [
    "Access",
    "Barrier",
    "BarrierError",
    "Launch",
    "Observer",
    "RaceDetector",
    "RaceError",
    "Traffic",
    "TrafficCounter",
    "Watched",
    "is_patched",
    "observing",
    "patch_simulator",
]
