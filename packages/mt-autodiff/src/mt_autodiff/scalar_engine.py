"""Nodes of the graph of scalars, and the functions that compute them.

A `ScalarNode` is a variable of `mt_autodiff.graph` with a number, and a `ScalarFunction` computes
one from others. `mt_autodiff.scalar_functions` defines the functions, `mt_autodiff.scalar` the
arithmetic that applies them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from mt_autodiff.flag import FALSE, TRUE, Flag
from mt_autodiff.graph import Context, Variable, topological_sort
from mt_autodiff.modes import grad_enabled


@dataclass(frozen=True, slots=True, eq=False)
class ScalarHistory:
    """The history of a Scalar: the function that computed it; empty for a leaf.

    Attributes:
        last_fn: The function that was applied last, a class; None for a leaf.
        ctx: The context of that function, with the values that its forward pass saved.
        inputs: The function's inputs.
    """

    last_fn: type[ScalarFunction] | None = None
    ctx: Context | None = None
    inputs: Sequence[ScalarNode] = ()


LEAF = ScalarHistory()
"""The history of every leaf. It is immutable, so all leaves share it."""


class ScalarNode:
    """A number in the graph, with its history and derivative.

    Attributes:
        data: The number, a float.
        derivative: The accumulated derivative of a leaf: each call of `backward` on a Scalar of
            its graph adds to it; None before the first call.
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
            name: The displayed name, by default the `unique_id`.

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
        # The inputs have the class of the result, as in the signature of `ScalarFunction.apply`.
        inputs: Any = () if self.history is None else self.history.inputs
        parents: Sequence[Self] = inputs
        return parents

    @property
    def is_leaf(self) -> Flag:
        """True if the user made this Scalar and it accumulates a derivative; may be called."""
        return TRUE if self.history is not None and self.history.last_fn is None else FALSE

    def is_constant(self) -> bool:
        """Return whether this Scalar has no derivative."""
        return self.history is None

    def requires_grad_(self, flag: bool = True) -> Self:
        """Make this Scalar a leaf, or a constant for False; its history is dropped."""
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

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the graph as a list, so that its depth is not limited by recursion.

        Leaves and constants remain shared with other objects of the same copy; the results between
        them and this Scalar are made for it alone.
        """
        return _rebuilt, (_flat_graph(self),), getattr(self, "__dict__", None) or None


class _Flat(NamedTuple):
    """A Scalar without references to the Scalars of its graph.

    Attributes:
        kind: The class.
        data: The number.
        derivative: The derivative.
        name: The name; None if it is the number of this Scalar.
        history: None for a constant, `LEAF` for a leaf; the function and its context for a result.
        inputs: The inputs of the function: positions in a list, or leaves and constants.
    """

    kind: type[ScalarNode]
    data: float
    derivative: float | None
    name: str | None
    history: ScalarHistory | None
    inputs: tuple[int | ScalarNode, ...]


def _flat_graph(root: ScalarNode) -> list[_Flat]:
    """Return the results of a graph, inputs before results, and the root last."""
    order = [node for node in topological_sort(root) if not node.is_leaf()]
    results: list[Any] = [*reversed(order)] if root.history is not None else []
    positions = {id(node): at for at, node in enumerate(results)}
    return [_flat(node, positions) for node in results or [root]]


def _flat(node: ScalarNode, positions: dict[int, int]) -> _Flat:
    history, inputs = node.history, tuple(node.parents)
    if history is not None and history.last_fn is not None:
        history = ScalarHistory(history.last_fn, history.ctx)
    name = None if node.name == str(node.unique_id) else node.name
    known: tuple[int | ScalarNode, ...] = tuple(positions.get(id(each), each) for each in inputs)
    return _Flat(type(node), node.data, node.derivative, name, history, known)


def _rebuilt(graph: list[_Flat]) -> ScalarNode:
    """Return the root of a graph that `_flat_graph` describes."""
    nodes: list[ScalarNode] = []
    for flat in graph:
        node = object.__new__(flat.kind)
        node.data, node.derivative, node.history = flat.data, flat.derivative, flat.history
        node.name = str(node.unique_id) if flat.name is None else flat.name
        if flat.history is not None and flat.history.last_fn is None:
            node.history = LEAF
        elif flat.history is not None:
            inputs = [nodes[each] if isinstance(each, int) else each for each in flat.inputs]
            node.history = ScalarHistory(flat.history.last_fn, flat.history.ctx, tuple(inputs))
        nodes.append(node)
    return nodes[-1]


def _as_float(v: object) -> float:
    if not isinstance(v, Real):
        raise TypeError(f"Scalar: {v!r} of type {type(v).__name__} is not a real number")
    return float(v)


_METHODS = {
    "forward": "forward(ctx, x, ...) returns a float",
    "backward": "backward(ctx, d_output) returns a derivative for each input",
}


def _missing(cls: type[ScalarFunction], name: str, example: str, *args: object) -> Any:
    """Raise NotImplementedError for a method that a function of the user lacks."""
    raise NotImplementedError(
        f"{cls.__name__} has no method {name}; define it as a static method: {example}"
    )


S = TypeVar("S", bound=ScalarNode)


class ScalarFunction:
    """A differentiable function of real numbers.

    A subclass defines two static methods:

    - ``forward(ctx, x, y, ...) -> float`` computes the value and saves the values that `backward`
      needs with `ctx.save_for_backward`;
    - ``backward(ctx, d_output)`` returns one derivative for each input, a tuple if there are
      several: the partial derivative times `d_output`.

    Attributes:
        result: The class of results and of constants, `Scalar`. The module of `Scalar` sets it,
            to avoid a circular import.
    """

    forward: ClassVar[Callable[..., float]]
    backward: ClassVar[Callable[..., Any]]
    result: ClassVar[type[ScalarNode]]

    def __init_subclass__(cls) -> None:
        for name, example in _METHODS.items():
            if not hasattr(cls, name):
                setattr(cls, name, staticmethod(functools.partial(_missing, cls, name, example)))

    @classmethod
    def apply(cls, *vals: S | float) -> S:
        """Apply the function, and record it if an input requires a derivative.

        Args:
            *vals: Scalars, or numbers, which become constants.

        Returns:
            A Scalar whose history holds this function and its inputs; a constant if all inputs
            are constants or recording is switched off.

        Raises:
            TypeError: A value is not a number, or `forward` does not return a float.
            NotImplementedError: The class has no method `forward`, or `backward` is called and it
                has none.
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
