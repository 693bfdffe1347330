"""Dropout with random numbers that are drawn on the device and equal those of the host."""

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
from mt_tensor.fused.arguments import inverted_scale
from mt_tensor.layout import Storage

DRAWS = 16
"""Numbers that a thread draws. The jump to its first number takes many multiplications, each
further number one; so fewer draws are slower, and more leave small tensors to few threads."""


class Dropout(FusedForm[Device]):
    """Dropout: elements, after ReLU if requested, times 0 or the scale."""

    @staticmethod
    def forward(
        backend: Device,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        rate: float,
        ignore: bool,
        rng: Any,
        scale: float | None,
        activation: str | None,
    ) -> tuple[TensorData, TensorData] | None:
        """Return the output and the factors, and advance the generator by the size of the input.

        Returns:
            None for generators other than NumPy's PCG64, which ``default_rng`` uses.
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
        values, number = backend.contiguous(input).storage, backend.dtype.type
        factor = number(inverted_scale(rate) if scale is None else scale)
        settings = (input.size, words, threshold(rate), factor, activation == "relu")
        arguments = (out.storage, factors.storage, values, *settings)
        backend.run(Launch(drop(backend.dtype), blocks, THREADS, arguments))
        m, c = steps(increment, input.size)
        # `advance` would also delete the buffered half of a 64-bit number.
        known["state"]["state"] = (m * state + c) & pcg64.MASK
        bits.state = known
        return out, factors

    @staticmethod
    def backward(backend: Device, saved: TensorData, grad: TensorData) -> Gradients:
        """Return the gradient of the input: the gradient times the factors."""
        return (backend.zip(operators.mul, grad, saved),)


@lru_cache
def drop(dtype: np.dtype[Any]) -> Kernel:
    """Return ``kernel(out, factors, a, size, words, least, scale, relu)``.

    Launch it with the number of threads for which the words were computed. The words are upper and
    lower halves of four numbers: state, increment, and the factor and term of a step by the number
    of threads. Elements whose 53 random bits are at least `least` are kept. `factors` receives the
    factors of the gradient.
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
        # PCG64 advances its state before it returns a number.
        state = jump((words[0], words[1]), (words[2], words[3]), thread + 1)
        for i in range(thread, size, threads):
            factor = scale if scramble(state) >= least else zero
            # NaN <= 0 is false, so that NaN stays NaN; its gradient is 0.
            out[i] = (zero if relu and a[i] <= zero else a[i]) * factor
            factors[i] = factor if a[i] > zero or not relu else zero
            state = plus(times(state, (words[4], words[5])), (words[6], words[7]))

    return drop_elements
