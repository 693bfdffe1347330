"""Folding a dimension.

Seen from the dimension, contiguous memory has three: what is before it, the dimension itself, and
what is behind it. Where something is behind, whole rows are folded into one another. Where nothing
is, neighbours in memory are, so a row is dealt out to several lanes which are folded at the same
time and into one another at the end.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from mt_kernels_cpu.jit import KERNELS_KEPT, exact
from mt_kernels_cpu.tuned.formulas import formula_for
from mt_tensor import HostBackend, TensorData, Zip, operators
from mt_tensor.layout import Storage

LANES = 64
"""How many folds of a row go on at the same time."""


class Reductions(HostBackend):
    """The part of a backend that folds."""

    def reduce(self, fn: Zip, a: TensorData, dim: int, start: float) -> TensorData:
        """Fold one dimension into a single element; see `mt_tensor.Backend.reduce`."""
        if len(a.shape) == 1 and dim in (0, -1):
            # Most often a loss: one number, for which little should be worked out.
            cells = np.full(1, start, self.dtype)
            out = TensorData.trusted(cells, (1,), (1,))
            self._reduce(fn, out, a, 0, start)
            return out
        return super().reduce(fn, a, dim, start)

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        cells: Any = self.contiguous(a).flat()
        before, behind = math.prod(a.shape[:dim]), math.prod(a.shape[dim + 1 :])
        if fn is operators.max:
            # A choice between two numbers makes no vector instructions here, but NumPy has them.
            blocks = cells.reshape(before, a.shape[dim], behind)
            np.maximum.reduce(blocks, 1, out=out.storage.reshape(before, behind), initial=start)
        else:
            fold(fn, self.dtype)(out.storage, cells, before, a.shape[dim], behind)


@lru_cache(maxsize=KERNELS_KEPT)
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

    return exact(folding)
