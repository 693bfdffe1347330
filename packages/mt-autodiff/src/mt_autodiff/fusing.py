"""Composed functions that run as a fused form on backends that have one.

`fused` decorates a function of tensors that is composed of others. The body remains the definition:
a fused form (`mt_tensor.FusedForm`) computes the same result.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

from mt_autodiff.engine import Function, Node, TensorContext, new_node
from mt_autodiff.modes import grad_enabled, no_grad_blocks
from mt_autodiff.profiling import active_profile, open_profiles
from mt_tensor import Backend, FusedOperation, TensorData

P = ParamSpec("P")
R = TypeVar("R")


def fused(operation: FusedOperation) -> Callable[[Callable[P, R]], Composed[P, R]]:
    """Decorate a composed function so that it runs as a fused form where there is one.

    The form is that of the backend of the first positional tensor. The composed body runs instead
    if

    - no positional argument is a tensor, or the backend has no form of the operation;
    - the tensors are on different backends;
    - the form declines: a layout, an option, or an error that the body will raise.

    Results and gradients are equal in both cases, up to rounding.

    Args:
        operation: One of `mt_tensor.fused.operations`.
    """
    return functools.partial(Composed, operation)


class Composed(Generic[P, R]):
    """A composed function and its operation: the result of `fused`.

    Attributes:
        operation: The key of its fused form in the table of a backend.
        __wrapped__: The composed body: the definition.
    """

    def __init__(self, operation: FusedOperation, body: Callable[P, R]) -> None:
        functools.update_wrapper(self, body)
        self.operation = operation
        self._body = body
        parameters = inspect.signature(body).parameters.values()
        # Pairs of a name and a default: attributes of `inspect.Parameter` are slow.
        self._parameters = tuple((p.name, p.default) for p in parameters)
        self._positional = sum(p.kind is not p.KEYWORD_ONLY for p in parameters)
        # The class's name appears in histories, messages and profiles.
        self._function: Any = type(
            operation.name, (FusedFunction,), {"__doc__": f"`{operation}`, fused."}
        )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the fused form, or else the composed body."""
        for arg in args:
            if isinstance(arg, Node):
                break
        else:
            return self._body(*args, **kwargs)
        form = arg.backend.fused(self.operation)
        # The body raises the error of too many positional arguments.
        declined = form is None or len(args) > self._positional
        bound = None if declined else _bind(self._parameters, args, kwargs)
        if bound is not None:
            result: R | None = self._function.attempt(form, bound)
            if result is not None:
                return result
        return self._body(*args, **kwargs)


class FusedFunction(Function):
    """A fused form as one function of the graph.

    Every function that `fused` decorates has its own subclass, so that histories, messages and
    profiles show its name.
    """

    # The contract of `FusedForm` guarantees it.
    new_gradients = True

    @classmethod
    def attempt(cls, form: Any, args: Sequence[Any]) -> Any:
        """Return the result of a form as a node, None if it declines.

        Args:
            form: The `mt_tensor.FusedForm` of the backend of the first node.
            args: All arguments in order, one for each parameter.
        """
        # The same loop as in `Function.apply`. A shared helper would cost one more call for each
        # operation, which is measurable for small tensors.
        nodes: list[Node] = []
        data: list[Any] = []
        requested: list[bool] = []
        recording = not no_grad_blocks() or grad_enabled()
        backend: Backend | None = None
        for arg in args:
            if isinstance(arg, Node):
                if backend is None:
                    backend = arg.backend
                elif arg.backend is not backend and arg.backend != backend:
                    return None
                nodes.append(arg)
                data.append(arg.data)
                requested.append(recording and arg.history is not None)
            else:
                data.append(arg)
        assert backend is not None
        needs_grad = tuple(requested)
        profile = active_profile() if open_profiles else None
        if profile is None:
            pair = form.forward(backend, needs_grad, *data)
        else:
            pair = None
            profile.begin()
            try:
                pair = form.forward(backend, needs_grad, *data)
            finally:
                # Only the result is counted, without the values saved for the backward pass.
                profile.end(cls.__name__, "forward", pair and pair[0])
        if pair is None:
            return None
        result, saved = pair
        ctx = TensorContext(cls, nodes, backend, needs_grad)
        ctx.save_for_backward(form, saved)
        return new_node(type(nodes[0]), result, None if ctx.no_grad else ctx, backend)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> Any:
        """Return the gradients that the form computes."""
        form, saved = ctx.saved_values
        return tuple(form.backward(ctx.backend, saved, grad))


def _bind(
    parameters: tuple[tuple[str, Any], ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Sequence[Any] | None:
    """Return a call's arguments in order, with defaults; None if they do not match."""
    if not kwargs and len(args) == len(parameters):
        return args
    values = list(args)
    used = 0
    for name, default in parameters[len(args) :]:
        if name in kwargs:
            used += 1
            values.append(kwargs[name])
        elif default is not inspect.Parameter.empty:
            values.append(default)
        else:
            return None
    return values if used == len(kwargs) and len(values) == len(parameters) else None
