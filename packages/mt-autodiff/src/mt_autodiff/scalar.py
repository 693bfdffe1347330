"""Scalars: differentiable real numbers.

The arithmetic of `Scalar` is that of floats. Each result also stores its history: the function that
made it and the inputs. Backpropagation follows these histories from a result to the leaves.
"""

from collections.abc import Iterable
from numbers import Real
from typing import TypeAlias

from mt_autodiff import scalar_functions as functions
from mt_autodiff.graph import Variable, backpropagate
from mt_autodiff.names import MEMBERS, SCALAR_MEMBERS, MissingMember
from mt_autodiff.scalar_engine import ScalarFunction, ScalarNode


class Scalar(ScalarNode):
    """A differentiable real number: it records the function that made it.

    >>> x, y = Scalar(2.0), Scalar(3.0)
    >>> z = x * y + y
    >>> z.backward()
    >>> z, x.derivative, y.derivative
    (Scalar(9.0), 3.0, 3.0)

    Operators accept Scalars and plain numbers on both sides. Comparisons return Scalars, 1.0 or
    0.0. Sets and dicts therefore distinguish Scalars by identity.
    """

    __slots__ = ()

    # None makes a NumPy number on the left of an operator defer to the Scalar on the right.
    __array_ufunc__ = None

    def __repr__(self) -> str:
        return f"Scalar({self.data})"

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        return self.data

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else str(self)

    # Arithmetic

    def __add__(self, b: "ScalarLike") -> "Scalar":
        return functions.Add.apply(self, b)

    def __radd__(self, b: "ScalarLike") -> "Scalar":
        return functions.Add.apply(b, self)

    def __sub__(self, b: "ScalarLike") -> "Scalar":
        return functions.Add.apply(self, -b)

    def __rsub__(self, b: "ScalarLike") -> "Scalar":
        return functions.Add.apply(b, -self)

    def __mul__(self, b: "ScalarLike") -> "Scalar":
        return functions.Mul.apply(self, b)

    def __rmul__(self, b: "ScalarLike") -> "Scalar":
        return functions.Mul.apply(b, self)

    def __truediv__(self, b: "ScalarLike") -> "Scalar":
        return functions.Div.apply(self, b)

    def __rtruediv__(self, b: float) -> "Scalar":
        if b == 1.0:
            return functions.Inv.apply(self)
        return Scalar(b, back=None) / self

    def __neg__(self) -> "Scalar":
        return functions.Neg.apply(self)

    def log(self) -> "Scalar":
        """Return the logarithm, as `operators.log` computes it."""
        return functions.Log.apply(self)

    def exp(self) -> "Scalar":
        """Return the exponential."""
        return functions.Exp.apply(self)

    def sigmoid(self) -> "Scalar":
        """Return the logistic function."""
        return functions.Sigmoid.apply(self)

    def relu(self) -> "Scalar":
        """Return the positive part."""
        return functions.ReLU.apply(self)

    # Comparison

    def __lt__(self, b: "ScalarLike") -> "Scalar":
        return functions.LT.apply(self, b)

    def __gt__(self, b: "ScalarLike") -> "Scalar":
        return functions.LT.apply(b, self)

    def __eq__(self, b: object) -> "Scalar":  # type: ignore[override]
        if not isinstance(b, Scalar | float | Real):
            return NotImplemented
        return functions.EQ.apply(self, b if isinstance(b, Scalar) else float(b))

    __hash__ = object.__hash__

    # The variable of the graph

    def chain_rule(self, d_output: float) -> Iterable[tuple[Variable, float]]:
        """Return each input of the function that made this Scalar, with its derivative.

        Args:
            d_output: The derivative of the root with respect to this Scalar.

        Returns:
            One pair for each input, constants included: the input, and `d_output` times the
            derivative of the function with respect to it.

        Raises:
            RuntimeError: No function made this Scalar.
            TypeError: `backward` of the function does not return one derivative for each input.
        """
        history = self.history
        if history is None or history.last_fn is None or history.ctx is None:
            raise RuntimeError(f"chain_rule: {self!r} is not the result of a function")
        derivatives = history.last_fn.backward(history.ctx, d_output)
        if not isinstance(derivatives, tuple):
            derivatives = (derivatives,)
        if len(derivatives) != len(history.inputs):
            raise TypeError(
                f"{history.last_fn.__name__}.backward returned {len(derivatives)} derivatives for "
                f"{len(history.inputs)} inputs of forward; return one for each input"
            )
        return list(zip(history.inputs, derivatives, strict=True))

    def backward(self, d_output: float | None = None) -> None:
        """Compute the derivative of this Scalar with respect to every leaf of its graph.

        The derivative is added to `derivative` of each leaf.

        Args:
            d_output: The upstream derivative, by default 1.0.

        Raises:
            RuntimeError: This Scalar is a constant.
        """
        backpropagate(self, 1.0 if d_output is None else d_output)


# Functions make Scalars, and Scalars apply functions. Setting the class here avoids a circular
# import.
ScalarFunction.result = Scalar

# Added here, so that type checkers report these names as unknown.
MissingMember.add_to(Scalar, (*SCALAR_MEMBERS, *MEMBERS), SCALAR_MEMBERS)

ScalarLike: TypeAlias = Scalar | float
"""An operand of Scalar arithmetic: a Scalar, or a number, which becomes a constant."""
