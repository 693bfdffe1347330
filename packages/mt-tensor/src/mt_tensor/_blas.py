"""How NumPy's library for matrix products (OpenBLAS) waits: imported before NumPy is.

Its threads that have nothing to do keep their processors busy for milliseconds, by default, and
whoever has the work then waits for its turn: our own kernels between two products, other programs.
The library reads this when it is loaded; where NumPy was imported before, it does nothing.
"""

import os

os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
"""Wait for 2⁴ ticks of the clock before falling asleep, the least there is."""
