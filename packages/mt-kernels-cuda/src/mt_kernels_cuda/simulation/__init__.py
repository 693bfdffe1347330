"""numba's simulator, patched and observed.

`patch_simulator` makes it deterministic: the threads of a block run one after the other, and a
shared array belongs to its block. `observing` reports every access of a kernel to memory, and every
barrier, to an observer. `RaceDetector` is one: it finds accesses without an order, and threads that
wait at different barriers. `TrafficCounter` is another: it counts accesses to global memory.

    with observing(RaceDetector()):
        my_kernel[blocks, threads](out, a)  # RaceError: threads 0 and 1 of block 0 touch cells[1] …

The modules need numba and NumPy, nothing else of this package, and import one another relatively:
a copy of this folder works under any name, without the rest of the package.
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
