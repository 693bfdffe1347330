"""Dropout with random numbers drawn on the device, the same that the host would draw."""

from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import Kernel, kernel
from mt_kernels_cuda.launching import Launch, blocks_for
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_kernels_cuda.tuned.layers import pcg64
from mt_kernels_cuda.tuned.layers.pcg64 import halves, jump, plus, scramble, steps, threshold, times
from mt_tensor import FusedForm, Gradients, TensorData, operators
from mt_tensor.layout import Storage

DRAWS = 16
"""Numbers that a thread draws: the jump to its first takes many multiplications, others one."""


class Dropout(FusedForm[Device]):
    """Elements, after ReLU if requested, times 0 or the scale; the gradient times the same."""

    @staticmethod
    def forward(
        backend: Device,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        rate: float,
        ignore: bool,
        rng: Any,
        scale: float,
        activation: str | None,
    ) -> tuple[TensorData, TensorData] | None:
        """Draw as the composed definition does, and move the generator on as far.

        The form declines generators other than NumPy's PCG64, the one of ``default_rng``.
        """
        if ignore or not 0.0 <= rate <= 1.0 or input.size == 0 or activation not in (None, "relu"):
            return None
        bits = np.random.default_rng(rng).bit_generator
        if type(bits) is not np.random.PCG64:
            return None
        out, factors = backend.empty(input.shape), backend.empty(input.shape)
        known: Any = bits.state
        state, increment = known["state"]["state"], known["state"]["inc"]
        blocks = blocks_for(blocks_for(input.size, DRAWS), THREADS)
        words = tuple(
            word
            for number in (state, increment, *steps(increment, blocks * THREADS))
            for word in halves(number)
        )
        cells, number = backend.contiguous(input).storage, backend.dtype.type
        settings = (input.size, words, threshold(rate), number(scale), activation == "relu")
        arguments = (out.storage, factors.storage, cells, *settings)
        backend.run(Launch(drop(backend.dtype), blocks, THREADS, arguments))
        m, c = steps(increment, input.size)
        # Not `advance`, which would also forget half a number that the generator keeps.
        known["state"]["state"] = (m * state + c) & pcg64.MASK
        bits.state = known
        return out, factors

    @staticmethod
    def backward(backend: Device, saved: TensorData, grad: TensorData) -> Gradients:
        """Multiply the gradient by the same factors."""
        return (backend.zip(operators.mul, grad, saved),)


@lru_cache
def drop(dtype: np.dtype[Any]) -> Kernel:
    """Return ``kernel(out, factors, a, size, words, least, scale, relu)``.

    Launch it with the number of threads whose step is among the words: halves of state, increment,
    of factor and term of so many steps. `least` is the threshold of what stays; the factors are
    the gradient's.
    """
    zero = dtype.type(0)

    @kernel
    def drop_elements(
        out: Storage,
        factors: Storage,
        a: Storage,
        size: int,
        words: tuple[Any, ...],
        least: Any,
        scale: float,
        relu: bool,
    ) -> None:
        thread, threads = cuda.grid(1), cuda.gridsize(1)
        # The generator moves before it draws.
        state = jump((words[0], words[1]), (words[2], words[3]), thread + 1)
        for i in range(thread, size, threads):
            factor = scale if scramble(state) >= least else zero
            # NaN stays NaN: it is not 0 or less. But ReLU has no gradient there.
            out[i] = (zero if relu and a[i] <= zero else a[i]) * factor
            factors[i] = factor if a[i] > zero or not relu else zero
            state = plus(times(state, (words[4], words[5])), (words[6], words[7]))

    return drop_elements
