"""Fused form of attention of several heads, with its backward pass."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.arguments import plain
from mt_kernels_cpu.tuned.attention.kernels import (
    COLUMNS,
    ROWS,
    TILE,
    BackwardScratch,
    ForwardScratch,
    Matrix,
    Operands,
    Results,
    Sizes,
    attend,
    attend_back,
)
from mt_kernels_cpu.tuned.buffers import round_up
from mt_kernels_cpu.tuned.layers.linear import bias_relu, column_sums
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.operations.products import as_matrix, multiply
from mt_kernels_cpu.tuned.simd.vector import lanes
from mt_kernels_cpu.tuned.threads import partition, run_parallel
from mt_tensor import FusedForm, Gradients, TensorData, recording


class Plan(NamedTuple):
    """Sizes that all calls of the same shapes share.

    Attributes:
        sizes: The sizes of attention, and its options.
        batch: The number of sequences.
        forward: The places of the arrays of `ForwardScratch` in a row of scratch.
        backward: The places of the arrays of `BackwardScratch`.
        steps: Multiplications of the forward pass.
    """

    sizes: Sizes
    batch: int
    forward: list[slice]
    backward: list[slice]
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
        operands = Operands(*[_operand(backend, each) for each in (query, key, value)])
        out, sums = _attend(backend, plan, operands)
        return out, (plan, operands, (query.shape, key.shape, value.shape), out, sums)

    @staticmethod
    def backward(backend: Memory, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradients of query, key and value."""
        plan, operands, shapes, out, sums = saved
        grads = tuple(backend.new(shape) for shape in shapes)
        targets = Operands(*[_operand(backend, each) for each in grads])
        _attend_back(backend, plan, operands, targets, (out, sums), grad)
        return grads


class SelfAttention(FusedForm[Memory]):
    """The linear maps to queries, keys and values as one product, and attention."""

    @staticmethod
    def forward(
        backend: Memory,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        query_weight: TensorData,
        key_weight: TensorData,
        value_weight: TensorData,
        query_bias: TensorData | None,
        key_bias: TensorData | None,
        value_bias: TensorData | None,
        heads: int,
        causal: bool,
    ) -> Any:
        """Multiply, add the biases, and compute all heads; see `mt_nn.functional.self_attention`.

        Returns None, so that the composed function runs, for shapes that do not match and if some
        biases are missing.

        Shape:
            input (batch, length, inputs), weights (inputs, width), biases (width,) → (batch,
            length, width).
        """
        weights = query_weight, key_weight, value_weight
        biases = [each for each in (query_bias, key_bias, value_bias) if each is not None]
        shape = input.shape
        if (
            len(shape) != 3
            or any(len(w.shape) != 2 or w.shape != query_weight.shape for w in weights)
            or query_weight.shape[0] != shape[2]
            or len(biases) not in (0, 3)
            or any(each.shape != query_weight.shape[1:] for each in biases)
        ):
            return None
        width = query_weight.shape[1]
        result = (*shape[:2], width)
        plan = plan_for(backend.dtype, result, result, result, heads, bool(causal))
        if plan is None:
            return None
        rows = backend.elements(input).reshape(-1, shape[2])
        packed = backend.new((shape[2], 3 * width)).storage.reshape(-1, 3 * width)
        for part, weight in zip(_thirds(packed), weights, strict=True):
            recording.called(np.copyto, part, as_matrix(weight))
        maps = backend.new((len(rows), 3 * width)).storage
        multiply(rows, packed, maps.reshape(-1, 3 * width))
        if biases:
            shift = backend.new((1, 3 * width)).storage
            for part, bias in zip(_thirds(shift.reshape(1, -1)), biases, strict=True):
                recording.called(np.copyto, part[0], backend.elements(bias))
            bias_relu(backend.dtype)(maps, shift, False)
        operands = _packed_operands(maps, shape[1], width)
        out, sums = _attend(backend, plan, operands)
        return out, (plan, operands, rows, packed, shape, needs_grad, out, sums)

    @staticmethod
    def backward(backend: Memory, saved: Any, grad: TensorData) -> Gradients:
        """Return the requested gradients of input, weights and biases, None for the others."""
        plan, operands, rows, packed, shape, needs_grad, out, sums = saved
        width = packed.shape[1] // 3
        grads = backend.new((len(rows), 3 * width)).storage
        targets = _packed_operands(grads, shape[1], width)
        _attend_back(backend, plan, operands, targets, (out, sums), grad)
        matrix = grads.reshape(-1, 3 * width)
        results: list[TensorData | None] = [None] * len(needs_grad)
        if needs_grad[0]:
            results[0] = to_input = backend.new(shape)
            multiply(matrix, packed.T, to_input.storage.reshape(rows.shape))
        if any(needs_grad[1:4]):
            together = backend.new(packed.shape).storage.reshape(packed.shape)
            multiply(rows.T, matrix, together)
            for at, part in enumerate(_thirds(together), 1):
                results[at] = each = backend.new((shape[2], width))
                recording.called(np.copyto, each.storage.reshape(part.shape), part)
        if any(needs_grad[4:]):
            total = backend.new((3 * width,)).storage
            column_sums(backend.dtype)(total, grads)
            for at, part in enumerate(_thirds(total.reshape(1, -1)), 4):
                results[at] = each = backend.new((width,))
                recording.called(np.copyto, each.storage, part[0])
        return tuple(each if used else None for each, used in zip(results, needs_grad, strict=True))


def _attend(backend: Memory, plan: Plan, operands: Operands) -> tuple[TensorData, npt.NDArray[Any]]:
    """Return the result of attention, and the logarithm of the sum of powers of each query."""
    sizes = plan.sizes
    heads = plan.batch * sizes.heads
    out = backend.new((plan.batch, sizes.queries, sizes.heads * sizes.values))
    sums = backend.storage(heads * sizes.queries)
    parts = partition(heads, plan.steps)
    scratch = _scratch(backend, len(parts), plan.forward)
    args = plain(Results(out.storage, sums)), plain(operands), plain(sizes)
    kernel = attend(backend.dtype)
    run_parallel(parts, lambda part, *of_part: kernel(*args, scratch[part], *of_part))
    return out, sums


def _attend_back(
    backend: Memory,
    plan: Plan,
    operands: Operands,
    targets: Operands,
    results: tuple[TensorData, npt.NDArray[Any]],
    grad: TensorData,
) -> None:
    """Write the gradients of queries, keys and values."""
    out, sums = results
    parts = partition(plan.batch * plan.sizes.heads, 3 * plan.steps)
    scratch = _scratch(backend, len(parts), plan.backward)
    upstream = backend.elements(grad), Results(out.storage, sums)
    args = plain(targets), plain(upstream), plain(operands), plain(plan.sizes)
    kernel = attend_back(backend.dtype)
    run_parallel(parts, lambda part, *of_part: kernel(*args, scratch[part], *of_part))


def _scratch(backend: Memory, threads: int, places: list[slice]) -> list[tuple[Any, ...]]:
    """Return the arrays of scratch memory of each thread."""
    rows = backend.scratch(threads, places[-1].stop)
    return [tuple([row[place] for place in places]) for row in rows]


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
    tiles = -(-queries // TILE)
    of_keys, of_values, scores = wide * inner, wide * outer, tall * wide
    forward = ForwardScratch(
        query=tall * inner,
        key=of_keys,
        flipped=of_keys,
        value=of_values,
        scores=scores,
        result=tall * outer,
        tops=tall,
        totals=tall,
    )
    backward = BackwardScratch(
        query=tall * inner,
        key=of_keys,
        flipped=of_keys,
        value=of_values,
        turned=of_values,
        upstream=tall * outer,
        scores=scores,
        grads=scores,
        to_key=of_keys,
        to_value=of_values,
        to_query=tiles * tall * inner,
    )
    factor = 1.0 / math.sqrt(width)
    sizes = heads, queries, keys, width, values, tall, wide, inner, outer, factor, causal
    steps = query[0] * queries * keys * (query[2] + value[2])
    return Plan(Sizes(*sizes), query[0], _places(forward, block), _places(backward, block), steps)


def _places(counts: Sequence[int], block: int) -> list[slice]:
    """Return the places of arrays of some lengths, each rounded up to whole vectors."""
    ends = accumulate([round_up(count, block) for count in counts], initial=0)
    return [slice(first, last) for first, last in pairwise(ends)]


def _operand(backend: Memory, a: TensorData) -> Matrix:
    """Return a tensor as an operand of the kernels, copied only if necessary."""
    a = backend.as_native(a)
    if a.strides[-1] != 1:
        a = backend.copy(a)
    sequence, position, _ = a.strides
    return Matrix(a.storage, sequence, position)


def _packed_operands(maps: npt.NDArray[Any], length: int, width: int) -> Operands:
    """Return queries, keys and values that lie side by side: (batch · length · 3 · width,)."""
    step = 3 * width
    return Operands(*[Matrix(maps[at * width :], length * step, step) for at in range(3)])


def _thirds(a: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Return the columns of queries, of keys and of values."""
    width = a.shape[1] // 3
    return [a[:, at * width : (at + 1) * width] for at in range(3)]
