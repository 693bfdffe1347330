"""Scalars that remember how they were made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .autodiff import Variable, backpropagate
from .scalar_functions import EQ, LT, Add, Exp, Inv, Log, Mul, Neg, ReLU, ScalarFunction, Sigmoid

ScalarLike = "float | int | Scalar"


@dataclass
class ScalarHistory:
    last_fn: Any = None
    ctx: Any = None
    inputs: Sequence[Scalar] = ()


_var_count = 0


@dataclass
class Scalar:
    data: float
    history: ScalarHistory | None = field(default_factory=ScalarHistory)
    derivative: float | None = None
    name: str = field(default="")
    unique_id: int = field(default=0)

    def __post_init__(self):
        global _var_count
        _var_count += 1
        object.__setattr__(self, "unique_id", _var_count)
        object.__setattr__(self, "name", str(self.unique_id))
        object.__setattr__(self, "data", float(self.data))

    def __repr__(self):
        return f"Scalar({self.data})"

    def __mul__(self, b):
        return Mul.apply(self, b)

    def __truediv__(self, b):
        return Mul.apply(self, Inv.apply(b))

    def __rtruediv__(self, b):
        return Mul.apply(b, Inv.apply(self))

    def __bool__(self):
        return bool(self.data)

    def __radd__(self, b):
        return self + b

    def __rmul__(self, b):
        return self * b

    def accumulate_derivative(self, x):
        assert self.is_leaf(), "Only leaf variables can have derivatives."
        if self.derivative is None:
            self.__setattr__("derivative", 0.0)
        self.__setattr__("derivative", self.derivative + x)

    def is_leaf(self):
        return self.history is not None and self.history.last_fn is None

    def is_constant(self):
        return self.history is None

    @property
    def parents(self) -> Iterable[Variable]:
        assert self.history is not None
        return self.history.inputs

    def chain_rule(self, d_output: Any) -> Iterable[tuple[Variable, Any]]:
        h = self.history
        assert h is not None
        assert h.last_fn is not None
        assert h.ctx is not None
        result = h.last_fn._backward(h.ctx, d_output)
        for variable, derivative in zip(h.inputs, result, strict=True):
            if variable.is_constant():
                continue
            yield variable, derivative

    def backward(self, d_output=None):
        backpropagate(self, 1.0 if d_output is None else d_output)

    def __add__(self, b: ScalarLike) -> Scalar:
        """Add."""
        return Add.apply(self, b)

    def __sub__(self, b: ScalarLike) -> Scalar:
        """Subtract: add the negative."""
        return Add.apply(self, Neg.apply(b))

    def __neg__(self) -> Scalar:
        """Change the sign."""
        return Neg.apply(self)

    def __lt__(self, b: ScalarLike) -> Scalar:
        """Compare."""
        return LT.apply(self, b)

    def __gt__(self, b: ScalarLike) -> Scalar:
        """Compare the other way round."""
        return LT.apply(b, self)

    def __eq__(self, b: ScalarLike) -> Scalar:
        """Compare for equality."""
        return EQ.apply(self, b)

    def log(self) -> Scalar:
        """Take the logarithm."""
        return Log.apply(self)

    def exp(self) -> Scalar:
        """Take the exponential."""
        return Exp.apply(self)

    def sigmoid(self) -> Scalar:
        """Squash into (0, 1)."""
        return Sigmoid.apply(self)

    def relu(self) -> Scalar:
        """Cut off what is negative."""
        return ReLU.apply(self)


__all__ = ["Scalar", "ScalarFunction", "ScalarHistory", "ScalarLike"]
