"""Scalars, which are differentiable numbers, and their functions; see `mt_autodiff.scalar`."""

from minitorch.scalar_functions import (
    EQ,
    LT,
    Add,
    Div,
    Exp,
    Inv,
    Log,
    Mul,
    Neg,
    ReLU,
    ScalarFunction,
    Sigmoid,
)
from mt_autodiff import Scalar, ScalarHistory, derivative_check

__all__ = [
    "EQ",
    "LT",
    "Add",
    "Div",
    "Exp",
    "Inv",
    "Log",
    "Mul",
    "Neg",
    "ReLU",
    "Scalar",
    "ScalarFunction",
    "ScalarHistory",
    "Sigmoid",
    "derivative_check",
]
