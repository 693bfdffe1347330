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

A token reads each weight once, and the weights are larger than the near caches, so their reading
takes most of the time. A product reads its matrix in the order of memory, four rows at a time.
Meanwhile it fetches as many bytes behind them, at the end those of the matrix that is read next::

    matrix
    r0 r0 r0 r0  ┐
    r1 r1 r1 r1  │  out += x0 r0 + x1 r1 + x2 r2 + x3 r3
    r2 r2 r2 r2  │
    r3 r3 r3 r3  ┘
    …               `AHEAD` bytes
    ▒▒ ▒▒ ▒▒ ▒▒  ┐
    ▒▒ ▒▒ ▒▒ ▒▒  │  fetched
    ▒▒ ▒▒ ▒▒ ▒▒  │
    ▒▒ ▒▒ ▒▒ ▒▒  ┘

With several heads, as in attention, each head has its own x and its own columns of the same rows.
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
from mt_kernels_cpu.tuned.simd.blocks import add_horizontal_sums, add_outer_product, zero_block
from mt_kernels_cpu.tuned.simd.memory import (
    lanes_of,
    load,
    load_each,
    prefetch,
    splat_each,
    storage_at,
    store,
)
from mt_kernels_cpu.tuned.simd.positions import four_positions
from mt_kernels_cpu.tuned.simd.vector import WIDTH, multiply_add
from mt_tensor import operators
from mt_tensor.layout import Storage

Addresses = npt.NDArray[np.int64]
"""Addresses of the first elements of arrays, 0 for an array that is missing."""

AHEAD, LINE = 4096, 64
"""Bytes between the rows that are multiplied and the lines that are fetched, and those of a line.

Processors fetch by themselves what follows in memory, but only to the end of a page of 4 KB."""

TOKENS, POSITIONS, NORM, HEAD = 0, 1, 2, 4
"""Places of the addresses outside of the blocks. Behind `NORM` and `HEAD` is the bias of each."""

NORM1, QUERY, KEY, VALUE, OUTPUT, NORM2, LINEAR1, LINEAR2, KEYS, VALUES = *range(0, 17, 2), 17
"""Places of the addresses of a block. Behind each weight is its bias; `KEYS` and `VALUES` are the
cache."""


@helper
def _ahead(matrix: Storage, position: int, following: int) -> int:
    """Return the address `AHEAD` bytes behind a position of a matrix.

    What would be behind the end of the matrix is in the next one, which begins at `following`.
    """
    distance, size = position * matrix.itemsize + AHEAD, len(matrix) * matrix.itemsize
    address: int = matrix.ctypes.data
    return address + distance if distance < size else following + distance - size


@helper
def _add_product(out: Storage, x: Storage, matrix: Storage, heads: int, following: int) -> None:
    """Add the product of each head's row and of its columns of a matrix to its part of a row.

    Shape:
        x (heads · rows,), matrix (rows · heads · size,), out (heads · size,).
    """
    step, rows, lanes = len(out), len(x) // heads, lanes_of(out)
    size = step // heads
    # Four rows at a time, so that `out` is loaded and stored once for all of them.
    whole = rows // 4 * 4 if size % lanes == 0 else 0
    for k in range(0, whole, 4):
        first, second, third, fourth = four_positions(k * step, step)
        ahead = _ahead(matrix, (k + 4) * step, following)
        for head in range(heads):
            a, b, c, d = splat_each(x, (0, 1, 2, 3), head * rows + k)
            for j in range(head * size, (head + 1) * size, lanes):
                for line in range(0, 4 * WIDTH, LINE):
                    prefetch(ahead + line)
                ahead += 4 * WIDTH
                total = multiply_add(a, load(matrix, first + j), load(out, j))
                total = multiply_add(b, load(matrix, second + j), total)
                total = multiply_add(c, load(matrix, third + j), total)
                store(out, j, multiply_add(d, load(matrix, fourth + j), total))
    for k in range(whole, rows):
        for head in range(heads):
            a, start = x[head * rows + k], head * size
            to, row = out[start : start + size], matrix[k * step + start : k * step + start + size]
            for j in range(size):
                to[j] += a * row[j]


@fastmath_helper
def _add_dots(out: Storage, x: Storage, matrix: Storage, heads: int, following: int) -> None:
    """Add the scalar products of each head's part of a row and of each row of a matrix.

    Shape:
        x (heads · size,), matrix (rows · heads · size,), out (heads · rows,).
    """
    step, rows, lanes = len(x), len(out) // heads, lanes_of(out)
    size = step // heads
    # Four rows at a time: the sums of one row wait for each other.
    whole = rows // 4 * 4 if size % lanes == 0 else 0
    for r in range(0, whole, 4):
        positions = four_positions(r * step, step)
        ahead = _ahead(matrix, (r + 4) * step, following)
        for head in range(heads):
            sums = zero_block(x, positions, (0,))
            for i in range(head * size, (head + 1) * size, lanes):
                for line in range(0, 4 * WIDTH, LINE):
                    prefetch(ahead + line)
                ahead += 4 * WIDTH
                sums = add_outer_product(sums, load_each(matrix, positions, i), (load(x, i),))
            add_horizontal_sums(out, (head * rows + r,), sums)
    for r in range(whole, rows):
        for head in range(heads):
            total, start = x.dtype.type(0), head * size
            part, row = x[start : start + size], matrix[r * step + start : r * step + start + size]
            for i in range(size):
                total += part[i] * row[i]
            out[head * rows + r] += total


@helper
def _add_linear(out: Storage, x: Storage, addresses: Addresses, at: int, following: int) -> None:
    """Add $x W + b$ to a row; the addresses of W and b are at `at` and behind it."""
    _add_product(out, x, storage_at(x, addresses[at], len(x) * len(out)), 1, following)
    if addresses[at + 1] != 0:
        bias = storage_at(x, addresses[at + 1], len(out))
        for j in range(len(out)):
            out[j] += bias[j]


@helper
def _linear(out: Storage, x: Storage, addresses: Addresses, at: int, following: int) -> None:
    """Write $x W + b$; see `_add_linear`."""
    out[:] = 0
    _add_linear(out, x, addresses, at, following)


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
        logits (vocabulary,), scratch (4 · width + hidden + heads · context,), outer (6,): addresses
        outside of the blocks, blocks (layers, 18): those of each block; `sizes` are the number of
        heads, the width, the width between the two linear layers (hidden), and the context.
    """
    exp, number = formula_for(operators.exp, dtype), dtype.type
    activate = activation_for(dtype, activation)

    @helper
    def attend(
        out: Storage, query: Storage, memory: Any, scores: Storage, heads: int, following: int
    ) -> None:
        """Write the means of values of all heads; each has one score for each row of keys."""
        (keys, values), rows, size = memory, len(scores) // heads, len(query) // heads
        factor = number(1.0 / math.sqrt(size))
        scores[:] = 0
        _add_dots(scores, query, keys, heads, values.ctypes.data)
        for head in range(heads):
            row = scores[head * rows : (head + 1) * rows]
            top = row_max(row)
            for t in range(rows):
                row[t] = exp((row[t] - top) * factor)
            total = row_sum(row)
            for t in range(rows):
                row[t] /= total
        out[:] = 0
        _add_product(out, scores, values, heads, following)

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
        scores = scratch[4 * width + hidden : 4 * width + hidden + heads * (position + 1)]
        tokens = storage_at(x, outer[TOKENS], len(logits) * width)
        positions = storage_at(x, outer[POSITIONS], context * width)
        row, end = position * width, (position + 1) * width
        for j in range(width):
            x[j] = tokens[token * width + j] + positions[row + j]
        last = outer[HEAD] if outer[HEAD] != 0 else outer[TOKENS]
        for layer in range(len(blocks)):
            block = blocks[layer]
            keys = storage_at(x, block[KEYS], end)
            values = storage_at(x, block[VALUES], end)
            _normalize(y, x, block, NORM1, eps)
            _linear(query, y, block, QUERY, block[KEY])
            _linear(keys[row:end], y, block, KEY, block[VALUE])
            _linear(values[row:end], y, block, VALUE, block[KEYS])
            attend(joined, query, (keys, values), scores, heads, block[OUTPUT])
            _add_linear(x, joined, block, OUTPUT, block[LINEAR1])
            _normalize(y, x, block, NORM2, eps)
            _linear(inner, y, block, LINEAR1, block[LINEAR2])
            for j in range(hidden):
                inner[j] = activate(inner[j])
            following = blocks[layer + 1][QUERY] if layer + 1 < len(blocks) else last
            _add_linear(x, inner, block, LINEAR2, following)
        _normalize(y, x, outer, NORM, eps)
        if outer[HEAD] != 0:
            _linear(logits, y, outer, HEAD, last)
        else:
            logits[:] = 0
            _add_dots(logits, y, tokens, 1, last)

    return strict_nogil_kernel(decode_token)
