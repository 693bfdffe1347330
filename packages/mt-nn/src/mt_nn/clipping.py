"""Gradient clipping, between ``backward()`` and ``step()``."""

import functools
import math
from collections.abc import Iterable

from mt_autodiff import Tensor, no_grad, tensor, where
from mt_nn._gradients import Number, gradient, unique_parameters
from mt_nn._settings import check_above_0
from mt_nn.parameter import Parameter
from mt_tensor import operators
from mt_tensor.fused import operations


def clip_grad_norm(parameters: Iterable[Parameter], max_norm: float) -> Tensor:
    r"""Scale all gradients by one factor so that their global norm is at most `max_norm`.

    The global norm is that of all gradients as one vector, $\sqrt{\sum_i g_i^2}$. Its direction
    does not change (Pascanu et al. 2013, "On the difficulty of training recurrent neural
    networks", algorithm 1).

    Args:
        parameters: The parameters; those without a gradient are ignored.
        max_norm: The largest norm, above 0.

    Returns:
        The norm before scaling; ``float(norm)`` is a number. If it is infinite or NaN, the
        gradients are not changed: check it before the optimiser's step.

    Shape:
        The norm has the shape (1,).

    Raises:
        ValueError: `max_norm` is not above 0.
        TypeError: An item is not a `Parameter`.

    >>> from mt_autodiff import tensor
    >>> w = Parameter(tensor([3.0, 4.0]))
    >>> (w.value * w.value).sum().backward()
    >>> clip_grad_norm([w], 1.0), w.grad
    (tensor([10.]), tensor([0.6, 0.8]))
    """
    check_above_0("clip_grad_norm", "max_norm", max_norm)
    pairs = _gradients(parameters, "clip_grad_norm")
    tensors = [grad for _, grad in pairs if isinstance(grad, Tensor)]
    if len(tensors) == len(pairs) > 0 and all(g.backend == tensors[0].backend for g in tensors):
        scaled, norm = _clipped(tensors, max_norm)
        for (parameter, _), each in zip(pairs, scaled, strict=True):
            parameter.grad = each
        return norm
    number = math.sqrt(sum(_sum_of_squares(grad) for _, grad in pairs))
    if max_norm < number < math.inf:
        for parameter, grad in pairs:
            parameter.grad = grad * (max_norm / number)
    return tensor([number])


def _clipped(grads: list[Tensor], max_norm: float) -> tuple[list[Tensor], Tensor]:
    """Return the scaled gradients of one backend, and the norm before scaling.

    No element is read in Python, so a step that clips can be captured.
    """
    backend = grads[0].backend
    form = backend.fused(operations.CLIP_GRAD_NORM)
    if form is not None:
        *scaled, total = form.forward(backend, (), [grad.data for grad in grads], max_norm)
        return [Tensor(each, backend=backend) for each in scaled], Tensor(total, backend=backend)
    with no_grad():
        squares = [(grad * grad).sum() for grad in grads]
        norm = functools.reduce(Tensor.__add__, squares).sqrt()
        # A NaN is not above the limit, so it changes nothing, either.
        is_above: Tensor = (norm > max_norm) * (norm < math.inf)
        factor = where(is_above, max_norm / norm, 1.0)
        return [grad * (factor if grad.dims else factor.view()) for grad in grads], norm


def clip_grad_value(parameters: Iterable[Parameter], limit: float) -> None:
    """Clamp every element of the gradients to [-limit, limit].

    Args:
        parameters: The parameters; those without a gradient are ignored.
        limit: The bound, above 0.

    Raises:
        ValueError: `limit` is not above 0.
        TypeError: An item is not a `Parameter`.
    """
    check_above_0("clip_grad_value", "limit", limit)
    for parameter, grad in _gradients(parameters, "clip_grad_value"):
        parameter.grad = _clamped(grad, limit)


def _gradients(parameters: Iterable[Parameter], operation: str) -> list[tuple[Parameter, Number]]:
    """Return pairs of a parameter and its gradient; parameters without one are left out."""
    pairs = [(p, gradient(p)) for p in unique_parameters(parameters, operation)]
    return [(p, grad) for p, grad in pairs if grad is not None]


def _sum_of_squares(grad: Number) -> float:
    return (grad * grad).sum().item() if isinstance(grad, Tensor) else grad * grad


def _clamped(grad: Number, limit: float) -> Number:
    """Return max(-limit, min(grad, limit)) without rounding; NaN stays NaN."""
    if not isinstance(grad, Tensor):
        return -operators.max(-operators.max(grad, -limit), -limit)
    backend = grad.backend
    bound = backend.full((1,) * min(grad.dims, 1), -limit)
    raised = backend.zip(operators.max, grad.data, bound)
    lowered = backend.zip(operators.max, backend.map(operators.neg, raised), bound)
    return Tensor(backend.map(operators.neg, lowered), backend=backend)
