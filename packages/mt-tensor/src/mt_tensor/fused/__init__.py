"""Fused forms: composed functions that a backend computes in one piece.

`mt_tensor.fused.operations` lists the functions that may have one; a backend writes a `FusedForm`.
`mt_tensor.fused.arguments` and `mt_tensor.fused.targets` have the checks that the forms of all
backends share.
"""

from mt_tensor.fused.form import FusedForm, FusedStep, Gradients, Parts
from mt_tensor.fused.operations import FusedOperation

__all__ = ["FusedForm", "FusedOperation", "FusedStep", "Gradients", "Parts"]
