"""The roofline model: the least time that a workload can take on this machine.

The time is limited by the peak arithmetic of the cores and by the bandwidth of memory. The shapes
of a workload give the number of its operations and bytes. Source: S. Williams, A. Waterman, D.
Patterson: Roofline: an insightful visual performance model for multicore architectures,
Communications of the ACM 52 (2009).
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from asv_benchmarks.training_cases import (
    CHARACTERS,
    COLUMNS,
    CONTEXT,
    KERNELS,
    LAYERS,
    MAPS,
    WIDTH,
    WORDS,
)
from asv_benchmarks.workloads import Shape, Workload

FLOAT = 4
"""Bytes of a number in single precision."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The least work of a workload.

    Attributes:
        flops: Additions and multiplications.
        bytes: Bytes moved between memory and cores.
    """

    flops: float
    bytes: float


@dataclass(frozen=True, slots=True)
class Limits:
    """The peaks of the machine.

    Attributes:
        flops: Floating-point operations per second.
        bytes: Bytes per second.
    """

    flops: float
    bytes: float

    @classmethod
    def measure(cls, threads: int) -> "Limits":
        """Measure the peaks: multiply large matrices, and copy more than the caches hold.

        Args:
            threads: The number of computing threads. Processor time counts on one thread, wall
                time on several.
        """
        clock = time.process_time if threads == 1 else time.perf_counter
        a = np.random.default_rng(0).random((1024, 1024), np.float32)
        out = np.empty_like(a)
        source = np.ones(2**24, np.float32)
        target = np.empty_like(source)
        product = _best(lambda: np.matmul(a, a, out=out), clock)
        # The copy reads and writes every byte once; reads for ownership are not counted.
        copy = _best(lambda: np.copyto(target, source), clock)
        return cls(2.0 * 1024**3 / product, 2.0 * source.nbytes / copy)

    def least(self, cost: Cost) -> float:
        """Return the least time of a workload in seconds."""
        return max(cost.flops / self.flops, cost.bytes / self.bytes)


def cost(workload: Workload) -> Cost | None:
    """Return the cost of a workload; None where it does not determine the time, as for `chain`."""
    operation, shapes, options = workload.operation, workload.shapes, workload.options
    if operation == "train_step":
        return Cost(options["batch"] * STEPS[options["network"]], 0.0)
    if operation.startswith("conv"):
        input, weight = shapes
        out = (input[0], weight[0], *input[2:])
        # Forward pass and gradients read or write input, weight and output once each.
        return Cost(2.0 * math.prod(out) * math.prod(weight[1:]), _bytes(input, weight, out))
    if operation == "matmul":
        a, b = shapes
        out = (*a[:-1], b[-1])
        return Cost(2.0 * math.prod(out) * a[-1], _bytes(a, b, out))
    if "pool2d" in operation:
        (input,) = shapes
        small = (*input[:2], *(n // k for n, k in zip(input[2:], options["kernel"], strict=True)))
        return Cost(math.prod(input), _bytes(input, small))
    if operation == "sum":
        return Cost(math.prod(shapes[0]), _bytes(*shapes))
    if operation in ("add", "mul", "relu", "neg"):
        return Cost(math.prod(shapes[0]), _bytes(*shapes, shapes[0]))
    return None


def _bytes(*shapes: Shape) -> float:
    return float(FLOAT * sum(math.prod(shape) for shape in shapes))


def _dense(inputs: int, outputs: int) -> float:
    """Return the operations of a linear layer: one product each, forward and for two gradients."""
    return 3 * 2.0 * inputs * outputs


def _steps() -> Mapping[str, float]:
    """Return the operations of a training step for one example, by network; only products count.

    The first convolution needs no gradient of its input. The gradient of a maximum over time is
    zero except at one word of each map, so that the gradient of that convolution costs little.
    """
    first, second = 2.0 * 28 * 28 * 4 * 9, 2.0 * 28 * 28 * 8 * 4 * 9
    course = 2 * first + 3 * second + _dense(392, 64) + _dense(64, 10)
    first, second = 2.0 * 28 * 28 * 6 * 25, 2.0 * 10 * 10 * 16 * 6 * 25
    dense = _dense(400, 120) + _dense(120, 84) + _dense(84, 10)
    lenet5 = 2 * first + 3 * second + dense
    forward = sum(2.0 * WORDS * MAPS * WIDTH * kernel for kernel in KERNELS)
    backward = sum(2.0 * MAPS * WIDTH * kernel for kernel in KERNELS)
    maps = 12 * LAYERS * _dense(COLUMNS, COLUMNS) + _dense(COLUMNS, CHARACTERS)
    # A query sees half of the keys on average; scores and values need one product each.
    attention = LAYERS * 2 * _dense(COLUMNS, CONTEXT) / 2
    gpt = CONTEXT * (maps + attention)
    return {"course": course, "lenet5": lenet5, "kim": forward + backward, "gpt": gpt}


STEPS = _steps()
"""Floating-point operations of a training step per example, by network."""


def _best(call: Callable[[], Any], clock: Callable[[], float], rounds: int = 10) -> float:
    """Return the seconds of the fastest call."""
    call()
    taken = []
    for _ in range(rounds):
        begin = clock()
        call()
        taken.append(clock() - begin)
    return min(taken)
