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
from mt_autodiff.functions.piecewise import Abs, Floor, Maximum, Mod, Sign, Where
from mt_autodiff.functions.positions import CumulativeSum, Index, Product
from mt_autodiff.functions.products import Conv1dFun, Conv2dFun, MatMul
from mt_autodiff.functions.reductions import All, Sum
from mt_autodiff.functions.shaping import (
    Clone,
    Concatenate,
    Copy,
    Expand,
    Pad,
    Permute,
    Slice,
    Take,
    View,
)
from mt_autodiff.functions.smooth import Cos, Erf, Gelu, Log1p, Sin, Tanh

__all__ = [
    "EQ",
    "LT",
    "Abs",
    "Add",
    "All",
    "Clone",
    "Concatenate",
    "Conv1dFun",
    "Conv2dFun",
    "Copy",
    "Cos",
    "CumulativeSum",
    "Div",
    "Erf",
    "Exp",
    "Expand",
    "Floor",
    "Gelu",
    "Index",
    "Inv",
    "IsClose",
    "Ln",
    "Log",
    "Log1p",
    "MatMul",
    "Maximum",
    "Mod",
    "Mul",
    "Neg",
    "Pad",
    "Permute",
    "Power",
    "Product",
    "ReLU",
    "Sigmoid",
    "Sign",
    "Sin",
    "Slice",
    "Sqrt",
    "Sum",
    "Take",
    "Tanh",
    "View",
    "Where",
]
