r"""Kernel of one token of a decoder-only transformer.

A product of one row and a matrix reads each weight once, and takes less time than a call from
Python. So one call computes the whole network::

    x = tokens[token] + positions[position]
    in each block:
        y = norm1(x)
        query, key, value = products of y          key and value become row `position`
        joined = attention of the query to the rows up to `position`        of the cache
        x = x + product of joined
        y = norm2(x)
        x = x + product of f(product of y)
    logits = product of norm(x)

The formulas are those of `mt_nn`: `layer_norm`, `attention`, `linear`, and `TransformerBlock` for
the order (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.3).

Weights stay where they are: the kernel receives the addresses of their first elements, because
converting dozens of arrays for a call takes longer than a block.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import fastmath_helper, helper, strict_nogil_kernel
from mt_kernels_cpu.tuned.layers.linear import activation_for
from mt_kernels_cpu.tuned.layers.normalization import mean, mean_square
from mt_kernels_cpu.tuned.layers.probabilities import row_max, row_sum
from mt_kernels_cpu.tuned.operations.formulas import formula_for
from mt_kernels_cpu.tuned.simd.memory import storage_at
from mt_tensor import operators
from mt_tensor.layout import Storage

Addresses = npt.NDArray[np.int64]
"""Addresses of the first elements of arrays, 0 for an array that is missing."""

TOKENS, POSITIONS, NORM, HEAD = 0, 1, 2, 4
"""Places of the addresses outside of the blocks. Behind `NORM` and `HEAD` is the bias of each."""

NORM1, QUERY, KEY, VALUE, OUTPUT, NORM2, LINEAR1, LINEAR2, KEYS, VALUES = *range(0, 17, 2), 17
"""Places of the addresses of a block. Behind each weight is its bias; `KEYS` and `VALUES` are the
cache."""


@fastmath_helper
def _add_product(out: Storage, x: Storage, matrix: Storage, step: int) -> None:
    """Add the product of a row and a matrix, whose rows have a stride, to another row.

    Shape:
        x (n,), matrix (n, columns), out (columns,).
    """
    columns, whole = len(out), len(x) // 4 * 4
    for k in range(0, whole, 4):
        # Four rows at a time, so that `out` is loaded and stored once for all of them.
        a, b, c, d = x[k], x[k + 1], x[k + 2], x[k + 3]
        first = matrix[k * step : k * step + columns]
        second = matrix[(k + 1) * step : (k + 1) * step + columns]
        third = matrix[(k + 2) * step : (k + 2) * step + columns]
        fourth = matrix[(k + 3) * step : (k + 3) * step + columns]
        for j in range(columns):
            out[j] += (a * first[j] + b * second[j]) + (c * third[j] + d * fourth[j])
    for k in range(whole, len(x)):
        a, first = x[k], matrix[k * step : k * step + columns]
        for j in range(columns):
            out[j] += a * first[j]


@fastmath_helper
def _dots(out: Storage, x: Storage, matrix: Storage, step: int) -> None:
    """Write the scalar products of a row and each row of a matrix, whose rows have a stride.

    Shape:
        x (n,), matrix (rows, n), out (rows,).
    """
    zero, size, whole = x.dtype.type(0), len(x), len(out) // 4 * 4
    for r in range(0, whole, 4):
        # Four rows at a time: the sums of one row wait for each other.
        a = b = c = d = zero
        first = matrix[r * step : r * step + size]
        second = matrix[(r + 1) * step : (r + 1) * step + size]
        third = matrix[(r + 2) * step : (r + 2) * step + size]
        fourth = matrix[(r + 3) * step : (r + 3) * step + size]
        for i in range(size):
            a += x[i] * first[i]
            b += x[i] * second[i]
            c += x[i] * third[i]
            d += x[i] * fourth[i]
        out[r], out[r + 1], out[r + 2], out[r + 3] = a, b, c, d
    for r in range(whole, len(out)):
        a, first = zero, matrix[r * step : r * step + size]
        for i in range(size):
            a += x[i] * first[i]
        out[r] = a


@helper
def _add_linear(out: Storage, x: Storage, addresses: Addresses, at: int) -> None:
    """Add $x W + b$ to a row; the addresses of W and b are at `at` and behind it."""
    _add_product(out, x, storage_at(x, addresses[at], len(x) * len(out)), len(out))
    if addresses[at + 1] != 0:
        bias = storage_at(x, addresses[at + 1], len(out))
        for j in range(len(out)):
            out[j] += bias[j]


@helper
def _linear(out: Storage, x: Storage, addresses: Addresses, at: int) -> None:
    """Write $x W + b$; see `_add_linear`."""
    for j in range(len(out)):
        out[j] = 0
    _add_linear(out, x, addresses, at)


@helper
def _normalize(out: Storage, x: Storage, addresses: Addresses, at: int, eps: float) -> None:
    """Write a row with mean 0 and variance 1, times factors, plus shifts."""
    number = x.dtype.type
    centre = number(mean(x))
    scale = number(1.0 / np.sqrt(mean_square(x, centre) + eps))
    factors = storage_at(x, addresses[at], len(x))
    for j in range(len(out)):
        out[j] = (x[j] - centre) * scale * factors[j]
    if addresses[at + 1] != 0:
        shifts = storage_at(x, addresses[at + 1], len(x))
        for j in range(len(out)):
            out[j] += shifts[j]


@lru_cache
def decode(dtype: np.dtype[Any], activation: str | None) -> Any:
    """Return ``kernel(logits, scratch, network, token, position)``.

    The network is a tuple of addresses outside of the blocks, addresses of each block, sizes, and
    the epsilon of the normalisation. The kernel also writes the key and the value of the token to
    the cache of each block.

    Shape:
        logits (vocabulary,), scratch (4 · width + hidden + context,), outer (6,): addresses outside
        of the blocks, blocks (layers, 18): those of each block; `sizes` are the number of heads,
        the width, the width between the two linear layers, and the context.
    """
    exp, number = formula_for(operators.exp, dtype), dtype.type
    activate = activation_for(dtype, activation)

    @helper
    def attend(
        out: Storage, query: Storage, keys: Storage, values: Storage, scores: Storage, heads: int
    ) -> None:
        """Write the means of values of all heads; there is one score for each row of keys."""
        width, size = len(query), len(query) // heads
        factor = number(1.0 / math.sqrt(size))
        for start in range(0, width, size):
            part, to = query[start : start + size], out[start : start + size]
            _dots(scores, part, keys[start:], width)
            top = row_max(scores)
            for t in range(len(scores)):
                scores[t] = exp((scores[t] - top) * factor)
            total = row_sum(scores)
            for j in range(size):
                to[j] = 0
            _add_product(to, scores, values[start:], width)
            for j in range(size):
                to[j] /= total

    def decode_token(
        logits: Storage,
        scratch: Storage,
        network: Any,
        token: int,
        position: int,
    ) -> None:
        outer, blocks, sizes, eps = network
        heads, width, hidden, context = sizes
        x, y = scratch[:width], scratch[width : 2 * width]
        query, joined = scratch[2 * width : 3 * width], scratch[3 * width : 4 * width]
        inner = scratch[4 * width : 4 * width + hidden]
        scores = scratch[4 * width + hidden : 4 * width + hidden + position + 1]
        tokens = storage_at(x, outer[TOKENS], len(logits) * width)
        positions = storage_at(x, outer[POSITIONS], context * width)
        row, end = position * width, (position + 1) * width
        for j in range(width):
            x[j] = tokens[token * width + j] + positions[row + j]
        for layer in range(len(blocks)):
            block = blocks[layer]
            keys = storage_at(x, block[KEYS], end)
            values = storage_at(x, block[VALUES], end)
            _normalize(y, x, block, NORM1, eps)
            _linear(query, y, block, QUERY)
            _linear(keys[row:end], y, block, KEY)
            _linear(values[row:end], y, block, VALUE)
            attend(joined, query, keys, values, scores, heads)
            _add_linear(x, joined, block, OUTPUT)
            _normalize(y, x, block, NORM2, eps)
            _linear(inner, y, block, LINEAR1)
            for j in range(hidden):
                inner[j] = activate(inner[j])
            _add_linear(x, inner, block, LINEAR2)
        _normalize(y, x, outer, NORM, eps)
        if outer[HEAD] != 0:
            _linear(logits, y, outer, HEAD)
        else:
            _dots(logits, y, tokens, width)

    return strict_nogil_kernel(decode_token)
