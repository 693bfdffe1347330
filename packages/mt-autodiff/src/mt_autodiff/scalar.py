"""A number that remembers how it was made.

The arithmetic of `Scalar` is that of floats. Each result also keeps its history: the function that
made it and the inputs. Backpropagation follows these histories from a result to the leaves.
"""

from collections.abc import Iterable
from numbers import Real
from typing import TypeAlias

from mt_autodiff import scalar_functions as functions
from mt_autodiff.graph import Variable, backpropagate
from mt_autodiff.scalar_engine import ScalarFunction, ScalarNode


class Scalar(ScalarNode):
    """A real number that remembers how it was made.

    >>> x, y = Scalar(2.0), Scalar(3.0)
    >>> z = x * y + y
    >>> z.backward()
    >>> z, x.derivative, y.derivative
    (Scalar(9.0), 3.0, 3.0)

    Scalars and plain numbers mix on both sides of an operator. Comparisons give Scalars, too, of
    1.0 and 0.0; a set or the keys of a dict therefore tell Scalars apart by identity.
    """

    __slots__ = ()

    # A NumPy number on the left of an operator leaves the operation to the Scalar on its right.
    __array_ufunc__ = None

    def __repr__(self) -> str:
        return f"Scalar({self.data})"

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        return self.data

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
        return functions.Mul.apply(self, functions.Inv.apply(b))

    def __rtruediv__(self, b: "ScalarLike") -> "Scalar":
        return functions.Mul.apply(b, functions.Inv.apply(self))

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
            One pair per input, constants included: the input, and `d_output` times the
            derivative of the function with respect to it.

        Raises:
            RuntimeError: No function made this Scalar.
            TypeError: `backward` of the function does not return one derivative per input.
        """
        history = self.history
        if history is None or history.last_fn is None or history.ctx is None:
            raise RuntimeError(f"chain_rule: {self!r} is not the result of a function")
        derivatives = history.last_fn.backward(history.ctx, d_output)
        if not isinstance(derivatives, tuple):
            derivatives = (derivatives,)
        if len(derivatives) != len(history.inputs):
            raise TypeError(
                f"{history.last_fn.__name__}.backward returned {len(derivatives)} derivatives; "
                f"forward was given {len(history.inputs)} inputs, and each needs one"
            )
        return list(zip(history.inputs, derivatives, strict=True))

    def backward(self, d_output: float | None = None) -> None:
        """Fill in the derivative of this Scalar with respect to every leaf it was made from.

        Args:
            d_output: The derivative to start with, 1.0 unless given.

        Raises:
            RuntimeError: This Scalar is a constant.
        """
        backpropagate(self, 1.0 if d_output is None else d_output)


# Functions make Scalars, and Scalars apply functions: here the two meet.
ScalarFunction.result = Scalar

ScalarLike: TypeAlias = Scalar | float
"""What arithmetic with Scalars takes: a Scalar, or a number of any kind as a constant."""
