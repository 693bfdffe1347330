"""Backpropagation for variables of any kind; see `mt_autodiff.graph`."""

from mt_autodiff import Context, Variable, backpropagate, central_difference, topological_sort

__all__ = ["Context", "Variable", "backpropagate", "central_difference", "topological_sort"]
