"""The differentiable tensor; see `mt_autodiff.Tensor`."""

from minitorch._tensor import Tensor
from mt_autodiff import History

__all__ = ["History", "Tensor"]
