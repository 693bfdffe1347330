"""Dropout with random numbers that are drawn on the device and equal those of the host.

Draws of three threads: each jumps to its first number, and then over those of all threads::

    number    0  1  2  3  4  5  6  7 …
    thread    0  1  2  0  1  2  0  1 …
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import Kernel, kernel
from mt_kernels_cuda.launching import Launch, blocks_for
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_kernels_cuda.tuned.layers import pcg64
from mt_kernels_cuda.tuned.layers.pcg64 import (
    Pair,
    halves,
    jump,
    plus,
    scramble,
    steps,
    threshold,
    times,
)
from mt_tensor import FusedForm, Gradients, TensorData, operators
from mt_tensor.fused.arguments import inverted_scale
from mt_tensor.layout import Storage

DRAWS = 16
"""Numbers that a thread draws. The jump to its first number takes many multiplications, each
further number one; so fewer draws are slower, and more leave small tensors to few threads."""


class Draws(NamedTuple):
    """Random numbers of a launch, from 128-bit numbers; see `pcg64`.

    Attributes:
        state: The state of the generator.
        increment: Its increment.
        factor: The factor of a jump by the number of threads.
        term: The term of such a jump.
    """

    state: Pair
    increment: Pair
    factor: Pair
    term: Pair


class Rule(NamedTuple):
    """Use of the random numbers.

    Attributes:
        least: The least value of 53 random bits that keeps an element.
        scale: The factor of elements that are kept.
        relu: True to apply ReLU before.
    """

    least: Any
    scale: float
    relu: bool


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
        jumps = Draws(*map(halves, (state, increment, *steps(increment, blocks * THREADS))))
        values, number = backend.contiguous(input).storage, backend.dtype.type
        factor = number(inverted_scale(rate) if scale is None else scale)
        rule = Rule(threshold(rate), factor, activation == "relu")
        arguments = (out.storage, factors.storage, values, input.size, jumps, rule)
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
    """Return ``kernel(out, factors, a, size, draws, rule)``.

    Launch it with the number of threads for which the draws were computed. `factors` receives the
    factors of the gradient.
    """
    zero = dtype.type(0)

    @kernel
    def drop_elements(
        out: Storage,
        factors: Storage,
        a: Storage,
        size: int,
        draws: Draws,
        rule: Rule,
    ) -> None:
        (start, increment, factor_of_jump, term_of_jump), (least, scale, relu) = draws, rule
        thread, threads = cuda.grid(1), cuda.gridsize(1)
        # PCG64 advances its state before it returns a number.
        state = jump(start, increment, thread + 1)
        for i in range(thread, size, threads):
            factor = scale if scramble(state) >= least else zero
            # NaN <= 0 is false, so that NaN stays NaN; its gradient is 0.
            out[i] = (zero if relu and a[i] <= zero else a[i]) * factor
            factors[i] = factor if a[i] > zero or not relu else zero
            state = plus(times(state, factor_of_jump), term_of_jump)

    return drop_elements
