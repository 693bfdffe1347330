"""A number that remembers how it was made.

The arithmetic of `Scalar` is that of floats. Each result also keeps its history: the function that
made it and the inputs. Backpropagation follows these histories from a result to the leaves.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TypeAlias

from mt_autodiff import scalar_functions as functions
from mt_autodiff.derivatives import central_difference
from mt_autodiff.graph import Context, Variable, backpropagate


@dataclass(frozen=True, slots=True, eq=False)
class ScalarHistory:
    """How a Scalar was made; without a function, the user made it: the history of a leaf.

    Attributes:
        last_fn: The function that was applied last, a class.
        ctx: What the forward pass of that function saved.
        inputs: The Scalars it was applied to.
    """

    last_fn: "type[functions.ScalarFunction] | None" = None
    ctx: Context | None = None
    inputs: "Sequence[Scalar]" = ()


LEAF = ScalarHistory()
"""The history of every leaf. It cannot change, so one serves all."""


class Scalar:
    """A real number that remembers how it was made.

    >>> x, y = Scalar(2.0), Scalar(3.0)
    >>> z = x * y + y
    >>> z.backward()
    >>> z, x.derivative, y.derivative
    (Scalar(9.0), 3.0, 3.0)

    Scalars and plain numbers mix on both sides of an operator. Comparisons give Scalars, too, of
    1.0 and 0.0; a set or the keys of a dict therefore tell Scalars apart by identity.

    Args:
        v: The number.
        back: How the Scalar was made; None for a constant, which has no derivative.
        name: A name to show; the `unique_id` if there is none.

    Attributes:
        data: The number, a float.
        derivative: The derivative of the Scalars that `backward` was called on with respect to
            this leaf, summed up; None before the first.
        history: How the Scalar was made; None for a constant.
        name: The name.

    Raises:
        TypeError: `v` is not a real number.
    """

    __slots__ = ("__weakref__", "data", "derivative", "history", "name")

    # A NumPy number on the left of an operator leaves the operation to the Scalar on its right.
    __array_ufunc__ = None

    def __init__(
        self, v: float, back: ScalarHistory | None = LEAF, name: str | None = None
    ) -> None:
        self.data = v if type(v) is float else _as_float(v)
        self.history = back
        self.derivative: float | None = None
        self.name = str(self.unique_id) if name is None else name

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

    @property
    def unique_id(self) -> int:
        """A number that no other living Scalar has."""
        return id(self)

    @property
    def parents(self) -> Sequence["Scalar"]:
        """The inputs of the function that made this Scalar; none for a leaf or a constant."""
        return () if self.history is None else self.history.inputs

    def is_leaf(self) -> bool:
        """Return whether the user made this Scalar, and no function."""
        return self.history is not None and self.history.last_fn is None

    def is_constant(self) -> bool:
        """Return whether derivatives end here unused."""
        return self.history is None

    def requires_grad_(self, flag: bool = True) -> "Scalar":
        """Make a leaf of this Scalar, or a constant; either way it forgets how it was made."""
        self.history = LEAF if flag else None
        return self

    def accumulate_derivative(self, x: float) -> None:
        """Add x to the derivative.

        Raises:
            RuntimeError: This Scalar is not a leaf.
        """
        if not self.is_leaf():
            raise RuntimeError(
                f"accumulate_derivative: {self!r} is not a leaf; only leaves hold a derivative"
            )
        self.derivative = (0.0 if self.derivative is None else self.derivative) + x

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


def _as_float(v: object) -> float:
    if not isinstance(v, Real):
        raise TypeError(f"Scalar: {v!r} of type {type(v).__name__} is not a real number")
    return float(v)


ScalarLike: TypeAlias = Scalar | float
"""What arithmetic with Scalars takes: a Scalar, or a number of any kind as a constant."""


def derivative_check(f: Callable[..., Scalar], *scalars: Scalar) -> None:
    """Compare the derivatives that backpropagation finds with finite differences.

    The step grows with the argument, so that it never drowns in the spacing of large floats. Where
    the differences to the left and to the right disagree, as at the kink of `relu`, every
    derivative between the two is right.

    Args:
        f: A function of Scalars that returns one.
        *scalars: The point at which to compare. They are left as they are.

    Raises:
        AssertionError: A derivative differs from the difference quotient.
        TypeError: f does not return a Scalar.

    >>> derivative_check(lambda x, y: (x * y).sigmoid(), Scalar(0.5), Scalar(-2.0))
    """
    name = getattr(f, "__name__", repr(f))
    point = tuple(x.data for x in scalars)
    leaves = [Scalar(x) for x in point]
    result = f(*leaves)
    if not isinstance(result, Scalar):
        raise TypeError(f"derivative_check: {name} returned {result!r}; it must return a Scalar")
    if not result.is_constant():
        result.backward()

    def value(*xs: float) -> float:
        return f(*[Scalar(x, back=None) for x in xs]).data

    for arg, leaf in enumerate(leaves):
        # Powers of two, which floats add without rounding.
        epsilon = max(2.0**-20, 2.0**14 * math.ulp(leaf.data))
        expected = central_difference(value, *point, arg=arg, epsilon=epsilon)
        stepped = value(*point[:arg], leaf.data + epsilon, *point[arg + 1 :])
        kink = abs((stepped - result.data) / epsilon - expected)
        noise = 4.0 * math.ulp(result.data) / epsilon
        received = 0.0 if leaf.derivative is None else leaf.derivative
        tolerance = 1e-6 + 1e-3 * abs(expected) + kink + noise
        # Put so that a NaN or an infinity on either side fails.
        if not abs(received - expected) <= tolerance < math.inf:
            raise AssertionError(
                f"derivative_check: the derivative of {name} at {point} with respect to "
                f"argument {arg} is {expected} by central difference (expected), "
                f"{received} by backpropagation (received)"
            )
