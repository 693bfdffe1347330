"""Gradient clipping, between ``backward()`` and ``step()``."""

import math
from collections.abc import Iterable

from mt_autodiff import Tensor
from mt_nn._gradients import Number, gradient, unique_parameters
from mt_nn._settings import check_above_0
from mt_nn.parameter import Parameter
from mt_tensor import operators


def clip_grad_norm(parameters: Iterable[Parameter], max_norm: float) -> float:
    r"""Scale all gradients by one factor so that their global norm is at most `max_norm`.

    The global norm is that of all gradients as one vector, $\sqrt{\sum_i g_i^2}$. Its direction
    does not change (Pascanu et al. 2013, "On the difficulty of training recurrent neural
    networks", algorithm 1).

    Args:
        parameters: The parameters; those without a gradient are ignored.
        max_norm: The largest norm, above 0.

    Returns:
        The norm before scaling. If it is infinite or NaN, the gradients are not changed: check it
        before the optimiser's step.

    Raises:
        ValueError: `max_norm` is not above 0.
        TypeError: An item is not a `Parameter`.
    """
    check_above_0("clip_grad_norm", "max_norm", max_norm)
    pairs = _gradients(parameters, "clip_grad_norm")
    norm = math.sqrt(sum(_sum_of_squares(grad) for _, grad in pairs))
    if max_norm < norm < math.inf:
        for parameter, grad in pairs:
            parameter.grad = grad * (max_norm / norm)
    return norm


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
