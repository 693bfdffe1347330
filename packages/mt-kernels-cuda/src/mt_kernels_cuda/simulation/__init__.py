"""numba's simulator, mended and watched.

`mend` makes it repeatable: the threads of a block take turns, and a shared array belongs to its
block. `observing` lets an observer see every access of a kernel to memory, and every barrier.
`RaceDetector` is one: it finds threads that do not wait for each other, or wait where others never
come. `TrafficCounter` is another: it counts how often a kernel goes to global memory.

    with observing(RaceDetector()):
        my_kernel[blocks, threads](out, a)  # RaceError: threads 0 and 1 of block 0 touch cells[1] …

Needs numba and NumPy only, nothing else of this package, and its modules import one another
relatively: a copy of this folder works under any name, beside code that has none of its own.
"""

from .barriers import BarrierError
from .memory import Watched
from .mending import mend
from .observing import Barrier, Launch, Observer, observing
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
    "mend",
    "observing",
]
