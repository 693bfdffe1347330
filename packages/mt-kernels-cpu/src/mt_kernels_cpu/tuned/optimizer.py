"""Steps of optimisers over all parameters at once, which lie one behind the other in one buffer.

A step writes the new values to another buffer, so whoever still holds the old ones keeps them. The
parameters are views of it; as long as they are what comes back for the next step, nothing has to be
copied together but the gradients.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from mt_kernels_cpu.jit import exact
from mt_tensor import FusedForm, TensorData
from mt_tensor.layout import Storage

Parts: TypeAlias = Sequence[TensorData]
"""One tensor for each parameter."""

Bundle: TypeAlias = tuple[Parts, Storage]
"""Tensors, and the buffer that they are views of."""


class _Step(FusedForm):
    """What all steps have in common: a kernel that goes over the buffers once."""

    @staticmethod
    def kernel(dtype: np.dtype[Any]) -> Any:
        """Return ``kernel(new, *new_slots, old, g, *slots, *settings)``."""
        raise NotImplementedError

    @classmethod
    def forward(
        cls,
        backend: Any,
        needs_grad: tuple[bool, ...],
        known: Sequence[Bundle],
        values: Parts,
        grads: Parts,
        slots: Sequence[Parts],
        settings: tuple[float, ...],
    ) -> Any:
        """Return new values and slots, and the buffers in which they lie.

        The form declines if a gradient or a slot has another shape than its parameter.

        Args:
            backend: Where all of them live.
            needs_grad: Not used: optimisers are not differentiated.
            known: The buffers of the step before; nothing at first.
            values: The parameters.
            grads: Their gradients.
            slots: What the step before left for this one, a tensor for each parameter in each.
            settings: The numbers of the formula, in the order of the form.
        """
        if not fit(values, grads, *slots):
            return None
        old, g, rest = together(backend, known, values, grads, slots)
        new, *memories = (fresh(backend, old) for _ in range(1 + len(slots)))
        kernel = cls.kernel(backend.dtype)
        kernel(new, *memories, old, g, *rest, *numbers(backend, settings))
        return apart(values, new, memories)


class Sgd(_Step):
    """A step of gradient descent with momentum; the formulas are those of `mt_nn.SGD`.

    The slots are the velocities. The settings are learning rate, momentum, weight decay, and 1 for
    Nesterov, else 0.
    """

    @staticmethod
    def kernel(dtype: np.dtype[Any]) -> Any:
        """Return the compiled loop."""
        return sgd(dtype)


class SgdWithoutMomentum(_Step):
    """A step of gradient descent that remembers nothing.

    There are no slots. The settings are learning rate and weight decay.
    """

    @staticmethod
    def kernel(dtype: np.dtype[Any]) -> Any:
        """Return the compiled loop."""
        return plain_sgd(dtype)


class Adam(_Step):
    """A step of Adam; the formulas are those of `mt_nn.Adam`.

    The slots are the means and the squares. The settings are step size, both betas and 1 minus
    each, the factor of the root, epsilon, and weight decay.
    """

    @staticmethod
    def kernel(dtype: np.dtype[Any]) -> Any:
        """Return the compiled loop."""
        return adam(dtype)


def fit(values: Parts, *others: Parts) -> bool:
    """Return whether all tensors have the shapes of the values."""
    shapes = [value.shape for value in values]
    return all([part.shape for part in parts] == shapes for parts in others)


def fresh(backend: Any, like: Storage) -> Storage:
    """Return a buffer as long as another."""
    cells: Storage = backend.new(like.shape).storage
    return cells


def together(
    backend: Any, known: Sequence[Bundle], values: Parts, grads: Parts, slots: Sequence[Parts]
) -> tuple[Storage, Storage, list[Storage]]:
    """Return values, gradients and slots, each as one buffer."""
    bundles: list[Bundle | None] = list(known) or [None] * (1 + len(slots))
    old, *rest = (
        _buffer(backend, parts, bundle)
        for parts, bundle in zip([values, *slots], bundles, strict=True)
    )
    return old, _buffer(backend, grads, None), rest


def _buffer(backend: Any, parts: Parts, bundle: Bundle | None) -> Storage:
    """Return the buffer that tensors are views of, or one with their numbers."""
    if bundle is not None and all(a is b for a, b in zip(parts, bundle[0], strict=True)):
        return bundle[1]
    cells: Storage = backend.new((sum(part.size for part in parts),)).storage
    return np.concatenate([backend.contiguous(part).flat() for part in parts], out=cells)


def apart(values: Parts, new: Storage, slots: list[Storage]) -> Any:
    """Return the tensors of each buffer, values first, and the buffers for the next step."""
    bundles = []
    for buffer in (new, *slots):
        views, start = [], 0
        for value in values:
            end = start + value.size
            views.append(_view(value, buffer[start:end]))
            start = end
        bundles.append((views, buffer))
    return [views for views, _ in bundles], bundles


def _view(value: TensorData, cells: Storage) -> TensorData:
    """Return a contiguous tensor of a value's shape."""
    if value.flat() is not None:
        return value.like(cells)
    return TensorData(cells, value.shape)


def numbers(backend: Any, settings: tuple[float, ...]) -> list[Any]:
    """Return numbers in the backend's dtype, so that the kernel computes in no other."""
    return [backend.dtype.type(setting) for setting in settings]


@lru_cache
def plain_sgd(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(new, old, g, lr, weight_decay)``."""

    def descend(new: Storage, old: Storage, g: Storage, lr: float, weight_decay: float) -> None:
        if weight_decay == 0:
            for i in range(len(new)):
                new[i] = old[i] - lr * g[i]
        else:
            for i in range(len(new)):
                new[i] = old[i] - lr * (g[i] + weight_decay * old[i])

    return exact(descend)


@lru_cache
def sgd(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(new, new_v, old, g, v, lr, momentum, weight_decay, nesterov)``."""

    def descend_with_momentum(
        new: Storage,
        new_v: Storage,
        old: Storage,
        g: Storage,
        v: Storage,
        lr: float,
        momentum: float,
        weight_decay: float,
        nesterov: float,
    ) -> None:
        for i in range(len(new)):
            grad = g[i] if weight_decay == 0 else g[i] + weight_decay * old[i]
            velocity = momentum * v[i] + grad
            new_v[i] = velocity
            new[i] = old[i] - lr * (velocity if nesterov == 0 else grad + momentum * velocity)

    return exact(descend_with_momentum)


@lru_cache
def adam(dtype: np.dtype[Any]) -> Any:
    """Return the kernel of a step of Adam."""

    def step_adam(
        new: Storage,
        new_mean: Storage,
        new_square: Storage,
        old: Storage,
        g: Storage,
        mean: Storage,
        square: Storage,
        size: float,
        beta1: float,
        beta2: float,
        rest1: float,
        rest2: float,
        factor: float,
        eps: float,
        weight_decay: float,
    ) -> None:
        for i in range(len(new)):
            grad = g[i] if weight_decay == 0 else g[i] + weight_decay * old[i]
            m = beta1 * mean[i] + rest1 * grad
            s = beta2 * square[i] + rest2 * (grad * grad)
            new_mean[i], new_square[i] = m, s
            new[i] = old[i] - size * m / (np.sqrt(s) * factor + eps)

    return exact(step_adam)
