"""The backend that trains fast: kernels specialised to the layouts that networks produce.

`Tuned` is the backend. It gives the same answers as the others, in any layout; what is contiguous
in memory, as nearly everything in training is, it computes several times faster.
"""

from mt_kernels_cpu.tuned.backend import Tuned

__all__ = ["Tuned"]
