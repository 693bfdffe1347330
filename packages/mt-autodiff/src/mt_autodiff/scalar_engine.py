"""The engine of scalar differentiation: nodes that remember the function that made them.

A `ScalarNode` is a variable of `mt_autodiff.graph` that holds a number, and a `ScalarFunction`
computes one from others. `mt_autodiff.scalar_functions` defines the functions,
`mt_autodiff.scalar` the arithmetic that applies them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, Self, TypeVar

from mt_autodiff.graph import Context, Variable
from mt_autodiff.modes import grad_enabled


@dataclass(frozen=True, slots=True, eq=False)
class ScalarHistory:
    """The history of a Scalar; without a function, the user made it: the history of a leaf.

    Attributes:
        last_fn: The function that was applied last, a class.
        ctx: What the forward pass of that function saved.
        inputs: The Scalars it was applied to.
    """

    last_fn: "type[ScalarFunction] | None" = None
    ctx: Context | None = None
    inputs: "Sequence[ScalarNode]" = ()


LEAF = ScalarHistory()
"""The history of every leaf. It cannot change, so one serves all."""


class ScalarNode:
    """A number in the graph: what it is and how it was made.

    Attributes:
        data: The number, a float.
        derivative: The derivative of the Scalars that `backward` was called on with respect to
            this leaf, summed up; None before the first.
        history: The history; None for a constant.
        name: The name.
        chain_rule: The method of `Variable`, which `Scalar` defines.
    """

    chain_rule: Callable[[float], Iterable[tuple[Variable, float]]]

    __slots__ = ("__weakref__", "data", "derivative", "history", "name")

    def __init__(
        self, v: float, back: ScalarHistory | None = LEAF, name: str | None = None
    ) -> None:
        """Make a node.

        Args:
            v: The number.
            back: The history; None for a constant, which has no derivative.
            name: A name to show; the `unique_id` if there is none.

        Raises:
            TypeError: `v` is not a real number.
        """
        self.data = v if type(v) is float else _as_float(v)
        self.history = back
        self.derivative: float | None = None
        self.name = str(self.unique_id) if name is None else name

    @property
    def unique_id(self) -> int:
        """A number that no other living Scalar has."""
        return id(self)

    @property
    def parents(self) -> Sequence[Self]:
        """The inputs of the function that made this Scalar; none for a leaf or a constant."""
        # Of its own class, as `ScalarFunction.apply` gives for its result.
        inputs: Any = () if self.history is None else self.history.inputs
        parents: Sequence[Self] = inputs
        return parents

    def is_leaf(self) -> bool:
        """Return whether the user made this Scalar, and no function."""
        return self.history is not None and self.history.last_fn is None

    def is_constant(self) -> bool:
        """Return whether derivatives end here unused."""
        return self.history is None

    def requires_grad_(self, flag: bool = True) -> Self:
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


def _as_float(v: object) -> float:
    if not isinstance(v, Real):
        raise TypeError(f"Scalar: {v!r} of type {type(v).__name__} is not a real number")
    return float(v)


S = TypeVar("S", bound=ScalarNode)


class ScalarFunction:
    """A function of real numbers that knows its derivatives.

    A subclass defines two static methods:

    - ``forward(ctx, x, y, ...) -> float`` computes the value and gives to `ctx.save_for_backward`
      what `backward` needs;
    - ``backward(ctx, d_output)`` returns one derivative per input, a tuple if there are several:
      the partial derivative times `d_output`.

    Attributes:
        result: The class of results and of constants, `Scalar`. Its module sets it, because the
            methods of that class apply functions.
    """

    forward: ClassVar[Callable[..., float]]
    backward: ClassVar[Callable[..., Any]]
    result: ClassVar[type[ScalarNode]]

    @classmethod
    def apply(cls, *vals: S | float) -> S:
        """Apply the function, and record it if a derivative may be wanted.

        Args:
            *vals: Scalars, or numbers, which become constants.

        Returns:
            A Scalar whose history holds this function and its inputs; a constant if all inputs
            are constants or recording is switched off.

        Raises:
            TypeError: A value is not a number, or `forward` does not return a float.
        """
        inputs = tuple(
            val if isinstance(val, ScalarNode) else cls.result(val, back=None) for val in vals
        )
        recorded = grad_enabled() and any(not x.is_constant() for x in inputs)
        ctx = Context(no_grad=not recorded)
        result = cls.forward(ctx, *[x.data for x in inputs])
        if not isinstance(result, float):
            raise TypeError(
                f"{cls.__name__}.forward returned {result!r} of type {type(result).__name__}; "
                "it must return a float"
            )
        history = ScalarHistory(cls, ctx, inputs) if recorded else None
        build: Any = cls.result
        made: S = build(result, history)
        return made
