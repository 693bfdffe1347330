"""Fused forms: composed functions that a backend computes with specialised kernels.

`mt_tensor.fused.operations` lists the functions that may have one; a backend implements a
`FusedForm`. `mt_tensor.fused.arguments` and `mt_tensor.fused.targets` contain the checks that the
forms of all backends share.
"""

from mt_tensor.fused.form import FusedForm, FusedStep, Gradients, TensorList
from mt_tensor.fused.operations import FusedOperation

__all__ = ["FusedForm", "FusedOperation", "FusedStep", "Gradients", "TensorList"]
