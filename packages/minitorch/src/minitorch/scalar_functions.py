"""The functions of scalars, one class each; see `mt_autodiff.scalar_functions`."""

from mt_autodiff import ScalarFunction
from mt_autodiff.scalar_functions import (
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
    Sigmoid,
)

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
    "ScalarFunction",
    "Sigmoid",
]
