"""Folding a dimension.

Seen from the dimension, contiguous memory has three: what is before it, the dimension itself, and
what is behind it. Where something is behind, whole rows are folded into one another. Where nothing
is, neighbours in memory are, so a row is dealt out to several lanes which are folded at the same
time and into one another at the end.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from mt_kernels_cpu.compiling.jit import KERNEL_CACHE_SIZE, strict_kernel
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.operations.formulas import formula_for
from mt_tensor import TensorData, Zip, operators
from mt_tensor.layout import Storage, strides_from_shape

LANES = 64
"""How many folds of a row go on at the same time."""

SHAPE_CACHE_SIZE = 1024
"""Number of shapes whose fold plans are remembered."""


class Reductions(Memory):
    """The part of a backend that folds."""

    def reduce(self, fn: Zip, a: TensorData, dim: int, start: float) -> TensorData:
        """Fold one dimension into a single element; see `mt_tensor.Backend.reduce`."""
        if not -len(a.shape) <= dim < len(a.shape):
            # To be told of what is wrong.
            return super().reduce(fn, a, dim, start)
        plan = fold_plan(a.shape, dim)
        cells = np.empty(plan.size, self.dtype)
        cells.fill(start)
        out = TensorData.unchecked(cells, plan.shape, plan.strides)
        self._reduce(fn, out, a, dim, start)
        return out

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        cells = self.elements(a) if a.cached_flat is None else a.cached_flat
        blocks = fold_plan(a.shape, dim).blocks
        if fn is operators.max:
            # A choice between two numbers makes no vector instructions here, but NumPy has them.
            to = out.storage.reshape(blocks[0], blocks[2])
            np.maximum.reduce(cells.reshape(blocks), 1, out=to, initial=start)
        else:
            fold(fn, self.dtype)(out.storage, cells, *blocks)


class FoldPlan(NamedTuple):
    """What is worked out once for all operands of one shape.

    Attributes:
        shape: That of the result.
        strides: The result's.
        size: How many elements it has.
        blocks: How many elements are before the dimension, in it, and behind it.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    size: int
    blocks: tuple[int, int, int]


@lru_cache(maxsize=SHAPE_CACHE_SIZE)
def fold_plan(shape: tuple[int, ...], dim: int) -> FoldPlan:
    """Return how to fold a dimension of a shape; negative ones count from the right."""
    at = dim % len(shape)
    before, behind = math.prod(shape[:at]), math.prod(shape[at + 1 :])
    result = (*shape[:at], 1, *shape[at + 1 :])
    blocks = (before, shape[at], behind)
    return FoldPlan(result, strides_from_shape(result), before * behind, blocks)


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def fold(fn: Zip, dtype: np.dtype[Any]) -> Callable[..., None]:
    """Return ``kernel(out, a, before, count, behind)``, which folds `a` into what `out` holds.

    Shape:
        `out` (before · behind,), `a` (before · count · behind,).
    """
    fn = formula_for(fn, dtype)

    def folding(out: Storage, a: Storage, before: int, count: int, behind: int) -> None:
        lanes = np.empty(LANES, out.dtype)
        for i in range(before):
            if behind == 1:
                row = a[i * count : (i + 1) * count]
                result = out[i]
                if len(row) < 2 * LANES:
                    for k in range(len(row)):
                        result = fn(result, row[k])
                else:
                    for j in range(LANES):
                        lanes[j] = row[j]
                    done = LANES
                    while done + LANES <= len(row):
                        part = row[done : done + LANES]
                        for j in range(LANES):
                            lanes[j] = fn(lanes[j], part[j])
                        done += LANES
                    rest = row[done:]
                    for j in range(len(rest)):
                        lanes[j] = fn(lanes[j], rest[j])
                    # Halves are folded into one another until a single number is left.
                    width = LANES // 2
                    while width > 0:
                        for j in range(width):
                            lanes[j] = fn(lanes[j], lanes[width + j])
                        width //= 2
                    result = fn(result, lanes[0])
                out[i] = result
            else:
                total = out[i * behind : (i + 1) * behind]
                for k in range(i * count, (i + 1) * count):
                    row = a[k * behind : (k + 1) * behind]
                    for j in range(len(total)):
                        total[j] = fn(total[j], row[j])

    return strict_kernel(folding)
