"""One computation at a time.

A server answers every window in a thread of its own, and the plainest of numba's threading layers
ends the process when two threads call parallel kernels at once. Whoever computes on a backend with
compiled kernels holds this lock.
"""

import threading

COMPUTING = threading.RLock()
