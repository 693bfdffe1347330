"""Scalars that remember how they were made."""

from dataclasses import dataclass
from typing import Any

from .autodiff import backpropagate
from .scalar_functions import (
    EQ,
    LT,
    Add,
    Exp,
    Inv,
    Log,
    Mul,
    Neg,
    ReLU,
    ScalarFunction,
    Sigmoid,
)

_var_count = 0


@dataclass
class ScalarHistory:
    last_fn: Any = None
    ctx: Any = None
    inputs: Any = ()


class Scalar:
    def __init__(self, v, back=ScalarHistory(), name=None):
        global _var_count
        _var_count += 1
        self.unique_id = _var_count
        self.data = float(v)
        self.history = back
        self.derivative = None
        self.name = name if name is not None else str(self.unique_id)

    def __add__(self, b):
        return Add.apply(self, b)

    def __radd__(self, b):
        return self + b

    def __bool__(self):
        return bool(self.data)

    def __lt__(self, b):
        return LT.apply(self, b)

    def __gt__(self, b):
        return LT.apply(b, self)

    def __eq__(self, b):
        return EQ.apply(b, self)

    def __sub__(self, b):
        return Add.apply(self, Neg.apply(b))

    def __neg__(self):
        return Neg.apply(self)

    def __mul__(self, b):
        return Mul.apply(self, b)

    def __rmul__(self, b):
        return self * b

    def __truediv__(self, b):
        return Mul.apply(self, Inv.apply(b))

    def __rtruediv__(self, b):
        return Mul.apply(b, Inv.apply(self))

    def log(self):
        return Log.apply(self)

    def exp(self):
        return Exp.apply(self)

    def sigmoid(self):
        return Sigmoid.apply(self)

    def relu(self):
        return ReLU.apply(self)

    def accumulate_derivative(self, x):
        assert self.is_leaf(), "Only leaf variables can have derivatives."
        if self.derivative is None:
            self.derivative = 0.0
        self.derivative += x

    def is_leaf(self):
        return self.history is not None and self.history.last_fn is None

    def is_constant(self):
        return self.history is None

    @property
    def parents(self):
        assert self.history is not None
        return self.history.inputs

    def chain_rule(self, d_output):
        h = self.history
        pairs = zip(h.inputs, h.last_fn._backward(h.ctx, d_output), strict=True)
        return [(variable, d) for variable, d in pairs if not variable.is_constant()]

    def backward(self, d_output=None):
        backpropagate(self, 1.0 if d_output is None else d_output)


__all__ = ["Scalar", "ScalarFunction", "ScalarHistory"]
