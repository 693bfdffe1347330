"""The backend that trains fast: kernels for layouts that networks produce, several steps in one.

`TunedCuda` is the backend. Its kernels compute in single precision, fetch four numbers at once
where memory allows it, keep sums in registers, and add bias and ReLU to what they are about to
write.
"""

from mt_kernels_cuda.tuned.backend import TunedCuda

__all__ = ["TunedCuda"]
