"""A lock for computations with compiled kernels.

The server runs every session in its own thread, and numba's workqueue threading layer aborts the
process if two threads call parallel kernels at the same time. Hold this lock during computations on
a backend with compiled kernels.
"""

import threading

COMPUTING = threading.RLock()
