"""Fused steps of optimisers: one loop over memory for each parameter.

A step writes all new values and slots, such as velocities, into one new buffer, and the new
parameters are views of it. Old values are never overwritten, so references to them stay valid.
The buffer after a step of Adam on two parameters p and q::

    values     means      squares
    p p p q q  p p p q q  p p p q q
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import strict_nogil_kernel
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.threads import partition, run_parallel
from mt_tensor import FusedStep, TensorData, TensorList
from mt_tensor.layout import Storage

STEPS_PER_ELEMENT = 8
"""The time of the update of an element, in multiplications: it reads and writes several arrays."""


class _Step(FusedStep[Memory]):
    """Base of the steps: one kernel call for each parameter."""

    @staticmethod
    @abstractmethod
    def kernel(dtype: np.dtype[Any]) -> Any:
        """Return ``kernel(written, read, settings)``.

        Written are new values and slots; read are old values, gradients and slots.
        """

    @classmethod
    def step(
        cls,
        backend: Memory,
        parts: Sequence[TensorList],
        settings: npt.NDArray[np.float64],
    ) -> list[list[TensorData]]:
        """Return the new values and slots, which lie in one buffer.

        Args:
            backend: The backend, which allocates memory.
            parts: The values, the gradients, and each kind of slot: a list with one tensor for each
                parameter.
            settings: The constants that the kernel takes last.
        """
        values = [backend.contiguous(value) for value in parts[0]]
        total, slices = buffer_slices(tuple([value.shape for value in values]))
        kernel = cls.kernel(backend.dtype)
        old = [[backend.elements(part) for part in each] for each in (values, *parts[1:])]
        # There are new values and slots, but no new gradients. One piece of memory for all of them
        # has large pages, so that a pass over it needs few translations of addresses.
        kinds = len(parts) - 1
        memory = backend.new((kinds * total,)).storage
        buffers = [memory[at * total : (at + 1) * total] for at in range(kinds)]
        new = [[buffer[part] for part in slices] for buffer in buffers]
        operands = list(zip(zip(*new, strict=True), zip(*old, strict=True), strict=True))
        for_each_tensor(slices, STEPS_PER_ELEMENT, lambda at: kernel(*operands[at], settings))
        return [
            [value.with_storage(elements) for value, elements in zip(values, each, strict=True)]
            for each in new
        ]


@lru_cache(maxsize=64)
def buffer_slices(shapes: tuple[tuple[int, ...], ...]) -> tuple[int, list[slice]]:
    """Return the length of a buffer for tensors of some shapes, and the slice of each."""
    ends = list(accumulate([prod(shape) for shape in shapes], initial=0))
    return ends[-1], [slice(first, end) for first, end in pairwise(ends)]


def for_each_tensor(slices: list[slice], steps: int, work: Callable[[int], object]) -> None:
    """Call a function for each tensor of a buffer that has elements, divided among threads.

    Args:
        slices: The slice of each tensor, from `buffer_slices`.
        steps: The time of an element, in multiplications.
        work: A function of the position of a tensor in the list.
    """
    total = slices[-1].stop if slices else 0

    def run(_: int, first: int, last: int) -> None:
        for at, part in enumerate(slices):
            if first <= part.start < last:
                work(at)

    run_parallel(partition(total, steps * total), run)


class SgdMomentum(_Step):
    """Step of `mt_tensor.fused.operations.SGD_MOMENTUM`."""

    @staticmethod
    def kernel(dtype: np.dtype[Any]) -> Any:
        """Return the compiled loop."""
        return sgd_momentum(dtype)


class Sgd(_Step):
    """Step of `mt_tensor.fused.operations.SGD`."""

    @staticmethod
    def kernel(dtype: np.dtype[Any]) -> Any:
        """Return the compiled loop."""
        return sgd(dtype)


class Adam(_Step):
    """Step of `mt_tensor.fused.operations.ADAM`."""

    @staticmethod
    def kernel(dtype: np.dtype[Any]) -> Any:
        """Return the compiled loop."""
        return adam(dtype)


@lru_cache
def sgd(dtype: np.dtype[Any]) -> Any:
    """Return the loop of gradient descent; its settings are lr and weight_decay."""
    number = dtype.type

    def descend(written: tuple[Storage], read: tuple[Storage, Storage], settings: Storage) -> None:
        (new,), (old, g) = written, read
        lr, weight_decay = number(settings[0]), number(settings[1])
        if weight_decay == 0:
            for i in range(len(new)):
                new[i] = old[i] - lr * g[i]
        else:
            for i in range(len(new)):
                new[i] = old[i] - lr * (g[i] + weight_decay * old[i])

    return strict_nogil_kernel(descend)


@lru_cache
def sgd_momentum(dtype: np.dtype[Any]) -> Any:
    """Return the loop of gradient descent with momentum.

    Its settings are lr, momentum, weight_decay and nesterov; a `nesterov` other than 0 selects
    Nesterov's form.
    """
    number = dtype.type

    def descend_with_momentum(
        written: tuple[Storage, Storage],
        read: tuple[Storage, Storage, Storage],
        settings: Storage,
    ) -> None:
        (new, new_v), (old, g, v) = written, read
        lr, momentum = number(settings[0]), number(settings[1])
        weight_decay, nesterov = number(settings[2]), number(settings[3])
        for i in range(len(new)):
            grad = g[i] if weight_decay == 0 else g[i] + weight_decay * old[i]
            velocity = momentum * v[i] + grad
            new_v[i] = velocity
            new[i] = old[i] - lr * (velocity if nesterov == 0 else grad + momentum * velocity)

    return strict_nogil_kernel(descend_with_momentum)


@lru_cache
def adam(dtype: np.dtype[Any]) -> Any:
    r"""Return the kernel of a step of Adam (Kingma and Ba, 2015, algorithm 1).

    Its settings are those of `mt_tensor.fused.operations.ADAM`: `root_factor` is
    $1 / \sqrt{1 - \beta_2^t}$, and `step_size` contains $1 / (1 - \beta_1^t)$.
    """
    number = dtype.type

    def step_adam(
        written: tuple[Storage, Storage, Storage],
        read: tuple[Storage, Storage, Storage, Storage],
        settings: Storage,
    ) -> None:
        (new, new_mean, new_square), (old, g, mean, square) = written, read
        step_size, beta1, beta2 = number(settings[0]), number(settings[1]), number(settings[2])
        one_minus_beta1, one_minus_beta2 = number(settings[3]), number(settings[4])
        root_factor, eps = number(settings[5]), number(settings[6])
        weight_decay, shrink = number(settings[7]), number(settings[8])
        for i in range(len(new)):
            grad = g[i] if weight_decay == 0 else g[i] + weight_decay * old[i]
            m = beta1 * mean[i] + one_minus_beta1 * grad
            s = beta2 * square[i] + one_minus_beta2 * (grad * grad)
            new_mean[i], new_square[i] = m, s
            new[i] = shrink * old[i] - step_size * m / (np.sqrt(s) * root_factor + eps)

    return strict_nogil_kernel(step_adam)
