"""Where the tests of kernels run: on a GPU, or in the simulator that one test starts."""

from mt_kernels_cuda import is_usable

collect_ignore = [] if is_usable() else ["on_device"]
