"""Composed functions that run in one piece where the backend knows how.

`fused` decorates a function of tensors that is composed of others. The body remains its definition:
what it computes is what a fused form (`mt_tensor.FusedForm`) has to compute.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

from mt_autodiff.engine import Function, Node, TensorContext, new_node
from mt_autodiff.modes import grad_enabled
from mt_autodiff.profiling import active_profile
from mt_tensor import FusedOperation, TensorData

P = ParamSpec("P")
R = TypeVar("R")


def fused(operation: FusedOperation) -> Callable[[Callable[P, R]], Composed[P, R]]:
    """Let a composed function run as a fused form where there is one. A decorator.

    The form is that of the backend on which the first positional tensor lives. The composed body
    runs instead if

    - no positional argument is a tensor, or the backend has no form of the operation;
    - the tensors live on different backends;
    - the form declines: a layout, an option, or an error that the body will raise.

    Results and gradients are the same either way, up to rounding.

    Args:
        operation: One of `mt_tensor.fused.operations`, of which backends have forms.
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
        self._parameters = tuple(inspect.signature(body).parameters.values())
        # The name under which histories, messages and profiles show it.
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
        given = None if form is None else _in_order(self._parameters, args, kwargs)
        if given is not None:
            result = self._function.attempt(form, given)
            if result is not None:
                answer: R = result
                return answer
        return self._body(*args, **kwargs)


class FusedFunction(Function):
    """A fused form as the graph sees it: one function, however much it computes.

    Every function that `fused` decorates has a subclass of its own, so that histories, messages
    and profiles name it.
    """

    # As forms promise.
    new_gradients = True

    @classmethod
    def attempt(cls, form: Any, args: Sequence[Any]) -> Any:
        """Return the result of a form as a node, None if it declines.

        Args:
            form: The `mt_tensor.FusedForm` of the backend of the first node.
            args: All arguments in order, one for each parameter.
        """
        # As in `Function.apply`, which an operation on few numbers would notice calling one more
        # function: the two loops are not shared.
        nodes: list[Node] = []
        data: list[Any] = []
        wanted: list[bool] = []
        recording = grad_enabled()
        for arg in args:
            if isinstance(arg, Node):
                nodes.append(arg)
                data.append(arg.data)
                wanted.append(recording and arg.history is not None)
            else:
                data.append(arg)
        backend = nodes[0].backend
        for node in nodes:
            if node.backend is not backend and node.backend != backend:
                return None
        needs_grad = tuple(wanted)
        watched = active_profile()
        if watched is None:
            answer = form.forward(backend, needs_grad, *data)
        else:
            answer = None
            watched.begin()
            try:
                answer = form.forward(backend, needs_grad, *data)
            finally:
                # The result alone, without what the form keeps for its backward pass.
                watched.end(cls.__name__, "forward", answer and answer[0])
        if answer is None:
            return None
        result, saved = answer
        ctx = TensorContext(cls, nodes, backend, needs_grad)
        ctx.save_for_backward(form, saved)
        return new_node(type(nodes[0]), result, None if ctx.no_grad else ctx, backend)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> Any:
        """Return the gradients that the form works out."""
        form, saved = ctx.saved_values
        return tuple(form.backward(ctx.backend, saved, grad))


def _in_order(
    parameters: tuple[inspect.Parameter, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Sequence[Any] | None:
    """Return a call's arguments in order, defaults filled in; None if the call is wrong."""
    if not kwargs and len(args) == len(parameters):
        return args
    values = list(args)
    used = 0
    for parameter in parameters[len(args) :]:
        if parameter.name in kwargs:
            used += 1
            values.append(kwargs[parameter.name])
        elif parameter.default is not parameter.empty:
            values.append(parameter.default)
        else:
            return None
    return values if used == len(kwargs) and len(values) == len(parameters) else None
