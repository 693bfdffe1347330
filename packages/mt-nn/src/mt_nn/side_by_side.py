"""Computation of a batch in parts, each on its own thread, forward and backward.

Kernels that divide their own work wait for each other after each of them. A layer whose examples do
not depend on each other computes each part of a batch from its first kernel to its last one without
waiting. The gradients of the parameters are the sums over the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, reduce
from typing import Any

import numpy as np

from mt_autodiff import Function, Tensor
from mt_autodiff.engine import TensorContext
from mt_nn.parameter import Parameter
from mt_tensor import Backend, TensorData, host_array, operators, recording

Part = tuple[int, int]


def compute_in_parts(
    body: Callable[[Tensor], Tensor],
    x: Tensor,
    parameters: Sequence[Parameter],
    parts: Sequence[Part],
) -> Tensor:
    """Return the result of a function of a batch, computed in parts.

    Args:
        body: A function of examples that do not depend on each other. Its result has the shape of
            its argument.
        x: The examples.
        parameters: All parameters that the function reads.
        parts: The start and the end of each part of the batch, from `Backend.parts`.

    Shape:
        (batch, ...) → (batch, ...).
    """
    values = [each.value for each in parameters]
    result: Tensor = _InParts.apply(x, *values, body, parameters, parts)
    return result


class _InParts(Function):
    """The function of `compute_in_parts`. Each part has a graph of its own."""

    new_gradients = True

    @staticmethod
    def forward(ctx: TensorContext, input: TensorData, *rest: Any) -> TensorData:
        """Compute all parts, and keep their graphs."""
        *values, body, parameters, parts = rest
        backend = ctx.backend
        out = backend.empty(input.shape)
        graphs: list[Any] = [None] * len(parts)
        examples = backend.contiguous(input)

        def work(at: int) -> None:
            x = _part(backend, examples, parts[at]).requires_grad_()
            # Leaves of its own: gradients of several parts are never added at the same time.
            leaves = [
                Tensor(value, backend=backend).requires_grad_(needed)
                for value, needed in zip(values, ctx.needs_grad[1:], strict=True)
            ]
            with _replaced(parameters, leaves):
                y = body(x)
            _store(backend, out, parts[at], y.data)
            graphs[at] = x, leaves, y

        backend.run_parts([partial(work, at) for at in range(len(parts))])
        ctx.save_for_backward(graphs, parts)
        return out

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> tuple[TensorData | None, ...]:
        """Return the gradient of the examples, and the sums of those of the parameters."""
        graphs, parts = ctx.saved_values
        backend = ctx.backend
        to, upstream = backend.empty(grad.shape), backend.contiguous(grad)
        found: list[list[TensorData | None]] = [[]] * len(parts)

        def work(at: int) -> None:
            x, leaves, y = graphs[at]
            y.backward(_part(backend, upstream, parts[at]))
            _store(backend, to, parts[at], x.grad.data)
            found[at] = [None if leaf.grad is None else leaf.grad.data for leaf in leaves]
            for leaf in (x, *leaves):
                leaf.grad = None

        backend.run_parts([partial(work, at) for at in range(len(parts))])
        add = partial(backend.zip, operators.add)
        sums = [None if None in each else reduce(add, each) for each in zip(*found, strict=True)]
        return (to if ctx.needs_grad[0] else None, *sums)


def _part(backend: Backend, a: TensorData, part: Part) -> Tensor:
    """Return examples of a contiguous tensor, which share its memory."""
    return Tensor(backend.from_numpy(host_array(a)[slice(*part)]), backend=backend)


def _store(backend: Backend, to: TensorData, part: Part, a: TensorData) -> None:
    """Write examples to a part of a tensor."""
    recording.called(np.copyto, host_array(to)[slice(*part)], host_array(backend.contiguous(a)))


@contextmanager
def _replaced(parameters: Sequence[Parameter], values: Sequence[Any]) -> Iterator[None]:
    """Let parameters have other values in a block of code."""
    before = [parameter.value for parameter in parameters]
    try:
        for parameter, value in zip(parameters, values, strict=True):
            parameter.value = value
        yield
    finally:
        for parameter, value in zip(parameters, before, strict=True):
            parameter.value = value
