"""The engine of tensor differentiation: nodes that remember the function that made them.

A `Node` holds a tensor's data and its `History`. `Function.apply` runs a function forward on the
data of its nodes and records it; `Node.chain_rule` runs it backward. Functions see only
`TensorData` and a backend: what they compute is never itself recorded.

The engine alone looks after three things, so that no function has to: operands on different
backends, gradients that broadcasting made larger than the operand, and operands that need none.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

from mt_autodiff.broadcasting import unbroadcast
from mt_autodiff.graph import Context
from mt_autodiff.modes import grad_enabled
from mt_autodiff.profiling import active_profile
from mt_tensor import Backend, TensorData, operators

new = object.__new__


class History(Context):
    """How a node came about: nothing at all for a leaf, else a function and its operands.

    Attributes:
        last_fn: The function that computed the node, None for a leaf.
        inputs: The nodes that it was computed from.
    """

    __slots__ = ("_ctx", "inputs", "last_fn")

    def __init__(
        self,
        last_fn: type[Function] | None = None,
        ctx: TensorContext | None = None,
        inputs: Sequence[Node] = (),
    ) -> None:
        """Make the history of a leaf, or one of parts that were made elsewhere."""
        super().__init__()
        self.last_fn = last_fn
        self._ctx = ctx
        self.inputs = inputs

    @property
    def ctx(self) -> TensorContext | None:
        """What the function's forward left for its backward; None for a leaf."""
        return self._ctx

    def __repr__(self) -> str:
        return f"History({self.last_fn.__name__})" if self.last_fn else "History(leaf)"


LEAF = History()
"""The history of all leaves: none of them has anything to remember."""


class TensorContext(History):
    """What a function's forward leaves for its backward, and the history of its result.

    One object is both, because every operation makes one, and making objects takes time.

    Attributes:
        backend: Where the operands live and the result is computed.
        needs_grad: For each tensor operand, whether its gradient will be used.
    """

    __slots__ = ("backend", "needs_grad")

    def __init__(
        self,
        last_fn: type[Function],
        inputs: Sequence[Node],
        backend: Backend,
        needs_grad: tuple[bool, ...],
    ) -> None:
        """Make the context of one call of a function."""
        # All fields are set here: calling the constructors that it inherits takes time.
        self.no_grad = True not in needs_grad
        self.saved_values = ()
        self.last_fn = last_fn
        self.inputs = inputs
        self.backend = backend
        self.needs_grad = needs_grad

    @property
    def ctx(self) -> TensorContext:
        """What the function's forward left for its backward: this very object."""
        return self


class Node:
    """A tensor as the graph sees it: a `Variable` of `mt_autodiff.graph`.

    Attributes:
        data: The numbers.
        backend: What computes with them.
        history: None for a constant.
        grad: The gradient that backpropagation left here; only leaves have one.
        name: For people; it means nothing to the library.
    """

    __slots__ = ("__weakref__", "backend", "data", "grad", "history", "name")

    def __init__(
        self,
        data: TensorData,
        back: History | None,
        name: str | None,
        backend: Backend,
    ) -> None:
        self.data = data
        self.history = back
        self.name = name
        self.backend = backend
        self.grad: Any = None

    def _constant(self, data: TensorData) -> Any:
        """Return a node of the same class and backend without a history."""
        return new_node(type(self), data, None, self.backend)

    unique_id = property(id, doc="A number that no other living node has.")

    def is_leaf(self) -> bool:
        """Return whether gradients end here: nothing computed this tensor, and it wants one."""
        return self.history is not None and self.history.last_fn is None

    def is_constant(self) -> bool:
        """Return whether no gradient flows here."""
        return self.history is None

    @property
    def parents(self) -> Sequence[Node]:
        """The operands that this node was computed from."""
        return () if self.history is None else self.history.inputs

    def accumulate_derivative(self, x: TensorData) -> None:
        """Add x to the gradient.

        Args:
            x: Memory that nobody else will read or write: the first one becomes the gradient.

        Raises:
            RuntimeError: This node is not a leaf.
        """
        if not self.is_leaf():
            raise RuntimeError(
                "accumulate_derivative: only leaves hold a gradient; "
                "requires_grad_(True) makes a leaf of a tensor"
            )
        if self.grad is None:
            # Users may write to it, so no cell of it may serve as several elements.
            self.grad = self._constant(self.backend.contiguous(x))
        else:
            total = self.backend.zip(operators.add, self.grad.data, x)
            self.grad = self._constant(total)

    def chain_rule(self, d_output: TensorData) -> list[tuple[Node, TensorData]]:
        """Return each operand that needs a gradient, paired with its gradient.

        Args:
            d_output: The gradient of this node, of its shape.

        Raises:
            RuntimeError: Nothing computed this node.
            TypeError: The function's `backward` returns too few or too many gradients, or None
                for an operand that needs one.
            ShapeError: The function's gradient does not broadcast with its operand.
        """
        history = self.history
        if history is None or history.last_fn is None:
            raise RuntimeError("chain_rule: no function computed this tensor")
        fn, inputs = history.last_fn, history.inputs
        # The property says the same, but takes longer.
        ctx = history if type(history) is TensorContext else history.ctx
        watched = active_profile()
        if watched is None:
            grads = fn.backward(ctx, d_output)
        else:
            grads = watched.watch(fn.__name__, "backward", fn.backward, ctx, d_output)
        if not isinstance(grads, tuple):
            grads = (grads,)
        if len(grads) != len(inputs):
            raise TypeError(
                f"{fn.__name__}.backward returned {len(grads)} gradients for "
                f"{len(inputs)} tensors; return one each, None for those not needed"
            )
        pairs: list[tuple[Node, TensorData]] = []
        for node, grad in zip(inputs, grads):  # noqa: B905 - as many, as was just checked
            operand = node.history
            if operand is None:
                continue
            if grad is None:
                raise TypeError(
                    f"{fn.__name__}.backward returned no gradient for a tensor that needs one"
                )
            if grad.shape != node.data.shape:
                grad = unbroadcast(node.backend, grad, node.data.shape, fn.__name__)
            if operand.last_fn is None and not fn.new_gradients:
                # The leaf keeps it, and others may have it, too.
                grad = node.backend.copy(grad)
            pairs.append((node, grad))
        return pairs


def new_node(kind: type[Node], data: TensorData, history: History | None, backend: Backend) -> Any:
    """Return a node of a class as all results are made: without its constructor.

    The checks of that are not needed, and calling it takes time. So a class of tensors of one's own
    cannot count on its constructor for anything but the tensors that people make.
    """
    node = new(kind)
    node.data = data
    node.history = history
    node.backend = backend
    node.name = node.grad = None
    return node


def add_gradients(node: Node, a: TensorData, b: TensorData) -> TensorData:
    """Add two gradients of a node; no graph remembers it."""
    return node.backend.zip(operators.add, a, b)


class Function:
    """A differentiable function of tensors: one class with `forward` and `backward`.

    Subclasses define both as static methods. Neither is called directly: `apply` is.

    Attributes:
        new_gradients: Whether every gradient that `backward` returns is memory of its own, which
            nobody else reads or writes. Leaves then keep it without a copy.
    """

    new_gradients: ClassVar[bool] = False

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        """Compute the result.

        Args:
            ctx: `ctx.backend` computes; `ctx.save_for_backward` keeps values; `ctx.needs_grad`
                says which tensors will want a gradient.
            *args: `TensorData` for every tensor that `apply` was given, and everything else
                (ints, tuples, bools) as it is.
        """
        raise NotImplementedError

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        """Return the gradient of each tensor operand: `TensorData`, a tuple of them if several.

        A gradient may have the result's shape where the operand was broadcast: the engine sums
        it. It may be None for an operand that needs none.

        Args:
            ctx: What `forward` was given.
            grad: The gradient of the result.
        """
        raise NotImplementedError

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Compute the result from tensors and plain values, and remember how.

        The result lives on the backend of the first tensor; others are moved there.

        Raises:
            TypeError: No argument is a tensor.
        """
        nodes: list[Node] = []
        operands: list[Any] = []
        needs_grad: list[bool] = []
        recording = grad_enabled()
        for arg in args:
            if isinstance(arg, Node):
                nodes.append(arg)
                operands.append(arg.data)
                needs_grad.append(recording and arg.history is not None)
            else:
                operands.append(arg)
        if not nodes:
            raise TypeError(
                f"{cls.__name__}: no argument is a tensor; mt_autodiff.tensor() makes one"
            )
        first = nodes[0]
        backend = first.backend
        for node in nodes:
            if node.backend is not backend and node.backend != backend:
                if node.backend.memory != backend.memory:
                    warn_of_copy(cls.__name__, node.backend, backend)
                return cls.apply(*[_moved(each, backend) for each in args])
        ctx = TensorContext(cls, nodes, backend, tuple(needs_grad))
        watched = active_profile()
        if watched is None:
            data = cls.forward(ctx, *operands)
        else:
            data = watched.watch(cls.__name__, "forward", cls.forward, ctx, *operands)
        if not isinstance(data, TensorData):
            raise TypeError(
                f"{cls.__name__}.forward returned {type(data).__name__}; return TensorData"
            )
        return new_node(type(first), data, None if ctx.no_grad else ctx, ctx.backend)


class Move(Function):
    """Copy a tensor to another backend; its gradient returns to where it came from."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, target: Backend) -> TensorData:
        """Copy through the host, converting to the target's dtype."""
        source = ctx.backend
        ctx.save_for_backward(source, target)
        ctx.backend = target
        return target.from_numpy(source.to_numpy(a).astype(target.dtype))

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        """Copy the gradient back."""
        source, target = ctx.saved_values
        moved: TensorData = source.from_numpy(target.to_numpy(grad).astype(source.dtype))
        return moved


class ImplicitCopyWarning(UserWarning):
    """Numbers went from the host to a device or back, and nobody asked for it.

    Such copies take longer than most operations do. Python shows the warning once for each
    operation.
    """


def warn_of_copy(operation: str, source: Backend, target: Backend) -> None:
    """Warn that an operation copies numbers between the memories of two backends."""
    warnings.warn(
        f"{operation}: numbers were copied from {source!r} ({source.memory} memory) to "
        f"{target!r} ({target.memory} memory); move tensors once, with .to(backend)",
        ImplicitCopyWarning,
        stacklevel=2,
    )


def _moved(arg: Any, backend: Backend) -> Any:
    """Return a node on a backend, and everything else as it is."""
    return Move.apply(arg, backend) if isinstance(arg, Node) and arg.backend != backend else arg
