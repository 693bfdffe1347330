"""The backend for training: kernels for the memory layouts of networks, and fused kernels.

`TunedCuda` is the backend. Its kernels compute in single precision, load four numbers at once
where the alignment allows it, accumulate sums in registers, and apply bias and ReLU before they
store a result.
"""

from mt_kernels_cuda.tuned.backend import TunedCuda

__all__ = ["TunedCuda"]
