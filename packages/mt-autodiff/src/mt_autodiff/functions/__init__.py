"""The differentiable functions of tensors, one class each.

Every class defines `forward` and `backward`, both on `TensorData`. Users call them through the
operators and methods of `Tensor`.
"""

from mt_autodiff.functions.elementwise import (
    EQ,
    LT,
    Add,
    Div,
    Exp,
    Inv,
    IsClose,
    Ln,
    Log,
    Mul,
    Neg,
    Power,
    ReLU,
    Sigmoid,
    Sqrt,
)
from mt_autodiff.functions.products import Conv1dFun, Conv2dFun, MatMul
from mt_autodiff.functions.reductions import All, Sum
from mt_autodiff.functions.shaping import (
    Concatenate,
    Copy,
    Expand,
    Pad,
    Permute,
    Slice,
    Take,
    View,
)

__all__ = [
    "EQ",
    "LT",
    "Add",
    "All",
    "Concatenate",
    "Conv1dFun",
    "Conv2dFun",
    "Copy",
    "Div",
    "Exp",
    "Expand",
    "Inv",
    "IsClose",
    "Ln",
    "Log",
    "MatMul",
    "Mul",
    "Neg",
    "Pad",
    "Permute",
    "Power",
    "ReLU",
    "Sigmoid",
    "Slice",
    "Sqrt",
    "Sum",
    "Take",
    "View",
]
