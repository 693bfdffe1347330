"""Where the tests of kernels run: on a GPU, or in the simulator that one test starts."""

import sys

from mt_kernels_cuda import SIMULATED, is_usable

collect_ignore = [] if is_usable() else ["on_device"]

if SIMULATED:
    # Simulated threads wait for one another in turns of the interpreter; make them short.
    sys.setswitchinterval(1e-4)
