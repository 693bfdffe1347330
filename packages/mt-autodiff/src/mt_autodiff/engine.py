"""Nodes of the graph of tensors, and the functions that compute them.

A `Node` has a tensor's data and its `History`. `Function.apply` runs a function forward on the
data of its nodes and records it; `Node.chain_rule` runs it backward. Functions compute with
`TensorData` and a backend; their own arithmetic is not recorded.

The engine handles three cases for all functions: operands on different backends, gradients that
broadcasting made larger than the operand, and operands that need no gradient. It also notices that
values of an operation were overwritten before its gradient was computed (`mt_autodiff.writes`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

from mt_autodiff import writes
from mt_autodiff.broadcasting import unbroadcast
from mt_autodiff.flag import FALSE, TRUE, Flag
from mt_autodiff.graph import Context
from mt_autodiff.modes import grad_enabled, no_grad_blocks
from mt_autodiff.profiling import active_profile, open_profiles
from mt_tensor import Backend, TensorData, operators

new = object.__new__


class History(Context):
    """The history of a node: the function that computed it and the operands; empty for a leaf.

    Attributes:
        last_fn: The function that computed the node, None for a leaf.
        inputs: The function's operands.
    """

    __slots__ = ("_ctx", "inputs", "last_fn")

    def __init__(
        self,
        last_fn: type[Function] | None = None,
        ctx: TensorContext | None = None,
        inputs: Sequence[Node] = (),
    ) -> None:
        """Make the history of a leaf, or of a result."""
        super().__init__()
        self.last_fn = last_fn
        self._ctx = ctx
        self.inputs = inputs

    @property
    def ctx(self) -> TensorContext | None:
        """The context that the function's forward saved for its backward; None for a leaf."""
        return self._ctx

    def __repr__(self) -> str:
        return f"History({self.last_fn.__name__})" if self.last_fn else "History(leaf)"


LEAF = History()
"""The history of every leaf. It has no contents, so all leaves share it."""


class TensorContext(History):
    """The values that a function's forward saves for its backward, and the result's history.

    One object serves both purposes because every operation creates one, and creation takes time.

    Attributes:
        backend: The backend of the operands, which computes the result.
        needs_grad: For each tensor operand, True if its gradient will be used.
        last_write: The number of the last write before the operation, see `mt_autodiff.writes`.
    """

    __slots__ = ("backend", "last_write", "needs_grad")

    def __init__(
        self,
        last_fn: type[Function],
        inputs: Sequence[Node],
        backend: Backend,
        needs_grad: tuple[bool, ...],
    ) -> None:
        """Make the context of one call of a function."""
        # The fields are set here; calling super().__init__() takes time.
        self.no_grad = True not in needs_grad
        self.saved_values = ()
        self.last_fn = last_fn
        self.inputs = inputs
        self.backend = backend
        self.needs_grad = needs_grad
        self.last_write = writes.count

    @property
    def ctx(self) -> TensorContext:
        """This object: it is the context and the history."""
        return self


class Node:
    """A tensor as a node of the graph: a `Variable` of `mt_autodiff.graph`.

    Attributes:
        data: The elements.
        backend: The backend that computes with them.
        history: The history; None for a constant.
        grad: The accumulated gradient of a leaf; None before backpropagation and for other nodes.
        name: A name for the user; the library does not use it.
    """

    __slots__ = ("__weakref__", "backend", "data", "grad", "history", "name")

    _moves_operands: ClassVar[bool] = False
    """True if a function moves its other operands to the backend of this one. False makes
    different backends an error."""

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

    @property
    def is_leaf(self) -> Flag:
        """True if this tensor requires a gradient and no function computed it; may be called."""
        return TRUE if self.history is not None and self.history.last_fn is None else FALSE

    def is_constant(self) -> bool:
        """Return whether this tensor requires no gradient."""
        return self.history is None

    @property
    def parents(self) -> Sequence[Node]:
        """The operands of the function that computed this node; empty for leaves and constants."""
        return () if self.history is None else self.history.inputs

    def accumulate_derivative(self, x: TensorData) -> None:
        """Add x to the gradient.

        Args:
            x: The gradient to add. The first one becomes `grad` without a copy, so no other code
                may read or write its memory.

        Raises:
            RuntimeError: This node is not a leaf.
        """
        if self.history is None or self.history.last_fn is not None:
            raise RuntimeError(
                "accumulate_derivative: only leaves hold a gradient; "
                "requires_grad_(True) makes a leaf of a tensor"
            )
        if self.grad is None:
            # Users may write to it, so no two elements may share storage.
            self.grad = self._constant(self.backend.contiguous(x))
        else:
            total = self.backend.zip(operators.add, self.grad.data, x)
            self.grad = self._constant(total)

    def chain_rule(self, d_output: TensorData) -> list[tuple[Node, TensorData]]:
        """Return each operand that needs a gradient, paired with its gradient.

        Args:
            d_output: The gradient of this node, of its shape.

        Raises:
            RuntimeError: This node is a leaf or a constant; or a value that the function saved was
                overwritten after the operation.
            TypeError: The function's `backward` returns too few or too many gradients, or None
                for an operand that needs one.
            ShapeError: The function's gradient does not broadcast with its operand.
        """
        history = self.history
        if history is None or history.last_fn is None:
            raise RuntimeError("chain_rule: no function computed this tensor")
        fn, inputs = history.last_fn, history.inputs
        if type(history) is TensorContext:
            # history.ctx returns the same object; the property call takes longer.
            ctx: TensorContext | None = history
            if history.last_write != writes.count:
                writes.check(fn.__name__, history.saved_values, history.last_write)
        else:
            ctx = history.ctx
        profile = active_profile() if open_profiles else None
        if profile is None:
            grads = fn.backward(ctx, d_output)
        else:
            grads = profile.measure(fn.__name__, "backward", fn.backward, ctx, d_output)
        if not isinstance(grads, tuple):
            grads = (grads,)
        if len(grads) != len(inputs):
            raise TypeError(
                f"{fn.__name__}.backward returned {len(grads)} gradients for "
                f"{len(inputs)} tensors; return one for each, None for those not needed"
            )
        pairs: list[tuple[Node, TensorData]] = []
        for node, grad in zip(inputs, grads):  # noqa: B905 - equal lengths, checked above
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
                # The leaf stores it, and other code may hold a reference to it.
                grad = node.backend.copy(grad)
            pairs.append((node, grad))
        return pairs


def new_node(kind: type[Node], data: TensorData, history: History | None, backend: Backend) -> Any:
    """Return a node of a class, made without its constructor.

    All results are made in this way, because the constructor's checks are not needed and calling
    it takes time. A subclass of `Tensor` must not rely on its constructor for results.
    """
    node = new(kind)
    node.data = data
    node.history = history
    node.backend = backend
    node.name = node.grad = None
    return node


def add_gradients(node: Node, a: TensorData, b: TensorData) -> TensorData:
    """Add two gradients of a node, without recording."""
    return node.backend.zip(operators.add, a, b)


class Function:
    """A differentiable function of tensors: one class with `forward` and `backward`.

    Subclasses define both as static methods; users call `apply`.

    Attributes:
        new_gradients: True if no other code reads or writes the memory of the gradients that
            `backward` returns. Leaves then store them without a copy. A wrong True lets later
            operations overwrite gradients.
    """

    new_gradients: ClassVar[bool] = False

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        """Compute the result.

        Args:
            ctx: The context. `ctx.backend` computes, `ctx.save_for_backward` keeps values for
                `backward`, `ctx.needs_grad` tells for each tensor whether its gradient is used.
            *args: The arguments of `apply`: `TensorData` for each tensor, and other arguments
                (ints, tuples, bools) unchanged.
        """
        raise NotImplementedError(
            f"{ctx.last_fn.__name__} has no method forward; define it as a static method: "
            "forward(ctx, *data) returns TensorData"
        )

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        """Return the gradient of each tensor operand: `TensorData`, or a tuple for several.

        The gradient of an operand that was broadcast may have the result's shape: the engine sums
        it. Return None for an operand that needs no gradient.

        Args:
            ctx: The context that `forward` received.
            grad: The gradient of the result.
        """
        raise NotImplementedError(
            f"{ctx.last_fn.__name__} has no method backward, so it has no gradient; define it as "
            "a static method: backward(ctx, grad) returns TensorData for each tensor of forward. "
            "Without gradients, call the function inside no_grad"
        )

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Compute the result from tensors and plain values, and record the function.

        The result is on the backend of the tensors.

        Raises:
            TypeError: No argument is a tensor, or tensors are on different backends.
        """
        nodes: list[Node] = []
        operands: list[Any] = []
        needs_grad: list[bool] = []
        # `grad_enabled` alone would take longer.
        recording = not no_grad_blocks() or grad_enabled()
        first: Node | None = None
        for arg in args:
            if isinstance(arg, Node):
                if first is None:
                    first, backend = arg, arg.backend
                elif arg.backend is not backend and arg.backend != backend:
                    return cls.apply(*_on_one_backend(cls.__name__, first, arg, args))
                nodes.append(arg)
                operands.append(arg.data)
                needs_grad.append(recording and arg.history is not None)
            else:
                operands.append(arg)
        if first is None:
            raise TypeError(
                f"{cls.__name__}: no argument is a tensor; make one with mt_autodiff.tensor()"
            )
        ctx = TensorContext(cls, nodes, backend, tuple(needs_grad))
        profile = active_profile() if open_profiles else None
        if profile is None:
            data = cls.forward(ctx, *operands)
        else:
            data = profile.measure(cls.__name__, "forward", cls.forward, ctx, *operands)
        if not isinstance(data, TensorData):
            raise TypeError(
                f"{cls.__name__}.forward returned {type(data).__name__}; return TensorData"
            )
        return new_node(type(first), data, None if ctx.no_grad else ctx, ctx.backend)


class Move(Function):
    """Copy a tensor to another backend; the gradient is copied back."""

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
    """A warning that an operation copied elements between host and device implicitly.

    Such copies take longer than most operations. Python shows the warning once for each operation.
    """


def warn_of_copy(operation: str, source: Backend, target: Backend) -> None:
    """Warn that an operation copies elements between the memories of two backends."""
    warnings.warn(
        f"{operation}: elements were copied from {source!r} ({source.memory} memory) to "
        f"{target!r} ({target.memory} memory); move tensors once, with .to(backend)",
        ImplicitCopyWarning,
        stacklevel=2,
    )


def _on_one_backend(operation: str, first: Node, other: Node, args: tuple[Any, ...]) -> list[Any]:
    """Return the arguments of a function with all nodes moved to the backend of the first one.

    Args:
        operation: The name of the function.
        first: The first node.
        other: A node on another backend.
        args: The arguments.

    Raises:
        TypeError: The first node is not of a class that moves operands.
    """
    backend = first.backend
    if not first._moves_operands:
        raise TypeError(
            f"{operation}: operands are on different backends, {backend!r} and {other.backend!r}; "
            "move one of them with .to(backend), or make both on the same backend"
        )
    if other.backend.memory != backend.memory:
        warn_of_copy(operation, other.backend, backend)
    return [
        Move.apply(arg, backend) if isinstance(arg, Node) and arg.backend != backend else arg
        for arg in args
    ]
