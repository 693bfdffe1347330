"""Fused form of attention of several heads, with its backward pass."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.tuned.attention.kernels import COLUMNS, ROWS, TILE, attend, attend_back
from mt_kernels_cpu.tuned.buffers import round_up
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.simd.vector import lanes
from mt_kernels_cpu.tuned.threads import partition, run_parallel
from mt_tensor import FusedForm, Gradients, TensorData


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes that all calls of the same shapes share.

    Attributes:
        sizes: Heads, queries, keys, columns of a head of the keys and of the values.
        padded: Rows of queries and of keys of a tile, and columns of keys and of values.
        forward: Ends of the parts of the scratch of the forward pass.
        backward: Ends of the parts of the scratch of the backward pass.
        steps: Multiplications of the forward pass.
    """

    sizes: tuple[int, int, int, int, int]
    padded: tuple[int, int, int, int]
    forward: npt.NDArray[np.int64]
    backward: npt.NDArray[np.int64]
    steps: int


class Attention(FusedForm[Memory]):
    """Attention without a mask and without dropout, causal or not."""

    @staticmethod
    def forward(
        backend: Memory,
        needs_grad: tuple[bool, ...],
        query: TensorData,
        key: TensorData,
        value: TensorData,
        heads: int,
        causal: bool,
        mask: Any,
        rate: float,
        rng: Any,
    ) -> Any:
        """Compute all heads; see `mt_nn.functional.attention`.

        Returns None, so that the composed function runs, with a mask, with dropout, and for shapes
        that do not match.

        Shape:
            query (batch, queries, width), key (batch, keys, width), value (batch, keys, columns) →
            (batch, queries, columns).
        """
        if mask is not None or rate:
            return None
        plan = plan_for(backend.dtype, query.shape, key.shape, value.shape, heads, bool(causal))
        if plan is None:
            return None
        batch, queries, _ = query.shape
        operands = [_with_rows(backend, each) for each in (query, key, value)]
        out = backend.new((batch, queries, value.shape[2]))
        sums = backend.storage(batch * heads * queries)
        parts = partition(batch * heads, plan.steps)
        factor = 1.0 / math.sqrt(plan.sizes[3])
        options = (plan.sizes, factor, bool(causal), plan.padded)
        args: tuple[Any, ...] = (
            out.storage,
            sums,
            *[_matrix(each) for each in operands],
            *options,
            backend.scratch(len(parts), int(plan.forward[-1])),
            plan.forward,
        )
        kernel = attend(backend.dtype)
        run_parallel(parts, lambda *part: kernel(*args, *part))
        return out, (plan, operands, options, out, sums)

    @staticmethod
    def backward(backend: Memory, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradients of query, key and value."""
        plan, operands, options, out, sums = saved
        grads = [backend.new(each.shape) for each in operands]
        heads = plan.sizes[0]
        parts = partition(out.shape[0] * heads, 3 * plan.steps)
        args: tuple[Any, ...] = (
            *[each.storage for each in grads],
            backend.elements(grad),
            out.storage,
            sums,
            *[_matrix(each) for each in operands],
            *options,
            backend.scratch(len(parts), int(plan.backward[-1])),
            plan.backward,
        )
        kernel = attend_back(backend.dtype)
        run_parallel(parts, lambda *part: kernel(*args, *part))
        return tuple(grads)


@functools.lru_cache(maxsize=256)
def plan_for(
    dtype: np.dtype[Any],
    query: tuple[int, ...],
    key: tuple[int, ...],
    value: tuple[int, ...],
    heads: int,
    causal: bool,
) -> Plan | None:
    """Return the sizes for operands of some shapes, None if the form does not support them."""
    if not (len(query) == len(key) == len(value) == 3 and isinstance(heads, int) and heads > 0):
        return None
    if query[::2] != key[::2] or key[:2] != value[:2] or 0 in (*query, *key, *value):
        return None
    if query[2] % heads or value[2] % heads or (causal and key[1] < query[1]):
        return None
    queries, keys, width, values = query[1], key[1], query[2] // heads, value[2] // heads
    block = COLUMNS * lanes(dtype)
    tall, wide = round_up(min(queries, TILE), ROWS), round_up(min(keys, TILE), block)
    inner, outer = round_up(width, block), round_up(values, block)
    scores = tall * wide
    of_keys = [wide * inner] * 2
    forward = [tall * inner, *of_keys, wide * outer, scores, tall * outer, tall, tall]
    tiles = -(-queries // TILE)
    backward = [tall * inner, *of_keys, wide * outer, wide * outer, tall * outer, scores, scores]
    backward += [wide * inner, wide * outer, tiles * tall * inner]
    return Plan(
        (heads, queries, keys, width, values),
        (tall, wide, inner, outer),
        _ends(forward, block),
        _ends(backward, block),
        query[0] * queries * keys * (query[2] + value[2]),
    )


def _ends(counts: list[int], block: int) -> npt.NDArray[np.int64]:
    """Return the ends of parts of some lengths, each rounded up to whole vectors."""
    return np.cumsum([0, *(round_up(count, block) for count in counts)])


def _with_rows(backend: Memory, a: TensorData) -> TensorData:
    """Return the tensor itself if its rows are contiguous and have the backend's dtype."""
    native = backend.as_native(a)
    return native if native.strides[-1] == 1 else backend.copy(native)


def _matrix(a: TensorData) -> tuple[Any, tuple[int, int]]:
    """Return the storage, and the strides of sequences and positions."""
    return a.storage, (a.strides[0], a.strides[1])
