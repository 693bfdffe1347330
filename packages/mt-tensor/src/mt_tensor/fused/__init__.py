"""Fused forms: composed functions that a backend computes in one piece.

`mt_tensor.fused.operations` lists the functions that may have one, `FusedForm` is what a backend
writes, and `mt_tensor.fused.targets` checks the targets of losses for the forms of all backends.
"""

from mt_tensor.fused.form import FusedForm, FusedStep, Gradients, Parts
from mt_tensor.fused.operations import FusedOperation

__all__ = ["FusedForm", "FusedOperation", "FusedStep", "Gradients", "Parts"]
