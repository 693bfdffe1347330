r"""Kernels of attention: products of small matrices, and softmax between them.

A *tile* has up to `TILE` queries and up to `TILE` keys of one head. Operands whose rows and columns
do not fill whole blocks of vectors are copied to scratch memory, with zeros behind them; keys and
values are transposed there. The scores of a tile stay in scratch: those of all tiles are never in
memory.

The forward pass keeps the largest score $m$ of each query so far, and the sum $l$ of its powers.
If a later tile has a larger score, what was added before is scaled by $e^{m - m'}$. It stores
$m + \log l$ for the backward pass, which computes the weights of each tile once more (Dao et al.
2022, "FlashAttention", algorithms 1 and 4).

If attention is causal, blocks of a product in which everything is hidden are left out. The product
of a hidden weight, 0, and a value that is infinite or NaN is then left out, too.
"""

import math
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import fastmath_helper, helper, strict_nogil_kernel
from mt_kernels_cpu.tuned.operations.exponential_vectors import (
    exp_of_difference,
    hide_tail,
    scale_difference,
)
from mt_kernels_cpu.tuned.operations.formulas import formula_for
from mt_kernels_cpu.tuned.simd.blocks import add_outer_product, load_block, zero_block
from mt_kernels_cpu.tuned.simd.compare import horizontal_max, maximum
from mt_kernels_cpu.tuned.simd.memory import (
    copy_transposed,
    lanes_of,
    load,
    load_each,
    mask_tail,
    splat_each,
    store,
    store_block,
)
from mt_kernels_cpu.tuned.simd.positions import eight_positions, four_positions
from mt_kernels_cpu.tuned.simd.vector import WIDTH, add, horizontal_add
from mt_tensor import operators
from mt_tensor.layout import Storage

TILE = 64
"""Largest number of queries, and of keys, of a tile."""

COLUMNS = 2
"""Vectors of a block of a product."""

ROWS = 8 if WIDTH == 64 else 4
"""Rows of a block: as many as the sums of a block fit into registers."""

Matrix: TypeAlias = tuple[Storage, tuple[int, int]]
"""Rows of sequences in any layout with contiguous rows: the storage, and the strides of sequences
and of positions."""

Sizes: TypeAlias = tuple[int, int, int, int, int]
"""The number of heads, of queries and of keys, the columns of a head of the keys, and the columns
of a head of the values."""

Ends: TypeAlias = npt.NDArray[np.int64]
"""Ends of the parts of a row of scratch, in elements."""


_rows_of = eight_positions if ROWS == 8 else four_positions
"""Function that returns the positions of the rows of a block."""


@helper
def _add_block(
    out: Storage, a: Storage, a_strides: Any, b: Any, depth: Any, place: Any, extends: bool
) -> None:
    """Write one block of the product of two matrices, or add it to what is there.

    Args:
        out: The matrix of the product.
        a: The left matrix.
        a_strides: The strides of its rows and of its columns.
        b: The right matrix, and the stride of its rows.
        depth: The first and the last index of the sum.
        place: The row and the column of the block, and the columns of out.
        extends: True to add.
    """
    (row, column, columns), lanes = place, lanes_of(out)
    rows, pair = _rows_of(row * columns, columns), (column, column + lanes)
    left = _rows_of(row * a_strides[0], a_strides[0])
    block = load_block(out, rows, pair) if extends else zero_block(out, rows, pair)
    for k in range(depth[0], depth[1]):
        row_of_b = load_each(b[0], pair, k * b[1])
        block = add_outer_product(block, splat_each(a, left, k * a_strides[1]), row_of_b)
    store_block(out, rows, pair, block)


@helper
def _product(out: Storage, a: Storage, a_strides: Any, b: Any, shape: Any, limits: Any) -> None:
    """Write the product of two matrices; `limits` shortens columns and sums.

    Args:
        out: The product, (rows, columns).
        a: The left matrix, (rows, depth), in any layout.
        a_strides: The strides of its rows and columns.
        b: The right matrix, (depth, columns), and the stride of its rows.
        shape: Rows, columns and depth.
        limits: Three numbers. If they are not negative: row r needs only columns up to the first
            number plus r; its sum ends at the second number plus r; and its sum begins at r minus
            the third number. The fourth is True to add to `out`.
    """
    rows, columns, depth = shape
    visible, stop, start, extends = limits
    step = COLUMNS * lanes_of(out)
    for row in range(0, rows, ROWS):
        last_column = columns if visible < 0 else min(columns, visible + row + ROWS)
        first = 0 if start < 0 else min(max(0, row - start), depth)
        last = depth if stop < 0 else min(depth, stop + row + ROWS)
        for column in range(0, last_column, step):
            _add_block(out, a, a_strides, b, (first, last), (row, column, columns), extends)


@helper
def _pack(to: Storage, shape: Any, source: Storage, place: Any, size: Any, factor: Any) -> None:
    """Copy rows to scratch, times a factor, with zeros behind rows and columns.

    Args:
        to: The memory, (rows, columns).
        shape: Its rows and columns.
        source: The storage to read.
        place: The position of the first element, and the stride of rows.
        size: The number of rows and columns to copy.
        factor: The factor.
    """
    (rows, columns), (start, step), (count, width) = shape, place, size
    zero = to.dtype.type(0)
    for r in range(count):
        row, out = source[start + r * step :], to[r * columns : (r + 1) * columns]
        for c in range(width):
            out[c] = row[c] * factor
        for c in range(width, columns):
            out[c] = zero
    rest = to[count * columns : rows * columns]
    for c in range(len(rest)):
        rest[c] = zero


@helper
def _rows(to: Storage, shape: Any, source: Storage, place: Any, size: Any) -> Any:
    """Return rows of a matrix and their stride: in place if nothing is padded, else packed."""
    if shape[0] == size[0] and shape[1] == size[1]:
        return source[place[0] :], place[1]
    _pack(to, shape, source, place, size, to.dtype.type(1))
    return to, shape[1]


@helper
def _unpack(to: Storage, place: Any, source: Storage, columns: int, size: Any, factor: Any) -> None:
    """Copy rows of scratch, times a factor, to a matrix; the reverse of `_pack`.

    The factor 0 writes zeros, whatever the scratch contains.
    """
    (start, step), (count, width) = place, size
    zero = to.dtype.type(0)
    for r in range(count):
        row, out = source[r * columns :], to[start + r * step : start + r * step + width]
        if factor == zero:
            out[:] = zero
        else:
            for c in range(len(out)):
                out[c] = row[c] * factor


@helper
def _transpose(to: Storage, source: Storage, rows: int, columns: int) -> None:
    """Write the transpose of a packed matrix: (rows, columns) → (columns, rows)."""
    lanes = lanes_of(to)
    for r in range(0, rows, lanes):
        for c in range(0, columns, lanes):
            copy_transposed(to, c * rows + r, rows, source, r * columns + c, columns)


@helper
def _part(scratch: Storage, ends: Ends, at: int) -> Storage:
    """Return a part of a row of scratch."""
    return scratch[ends[at] : ends[at + 1]]


@fastmath_helper
def _dot(a: Storage, b: Storage, count: int) -> Any:
    """Return the scalar product of the first elements of two rows."""
    total = a.dtype.type(0)
    for i in range(count):
        total += a[i] * b[i]
    return total


@helper
def _seen(row: int, shift: int, count: int, causal: bool) -> int:
    """Return the number of keys of a tile that a query sees."""
    return max(0, min(count, shift + row + 1)) if causal else count


@lru_cache
def attend(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(out, sums, q, k, v, sizes, factor, causal, scratch, ends, part, …)``.

    It writes the result and, for each query, the logarithm of the sum of powers of its scores. The
    range `first` to `last` counts heads of sequences.

    Shape:
        out (batch, queries, heads · values), sums (batch · heads · queries,).
    """
    exp, number = formula_for(operators.exp, dtype), dtype.type
    lowest, zero = number(-math.inf), number(0)

    @helper
    def weigh(scores: Storage, seen: int, columns: int, top: Any) -> Any:
        """Replace the scores of a row by powers, those behind `seen` by 0; return top and sum."""
        lanes = lanes_of(scores)
        end = seen - seen % lanes
        tail = seen - end
        best = hide_tail(load(scores, end), tail) if tail > 0 else load(scores, 0)
        for j in range(0, end, lanes):
            best = maximum(best, load(scores, j))
        largest = max(top, horizontal_max(best)) if seen > 0 else top
        # If all scores are -∞ so far, their powers are 0 for a later, finite one.
        base = zero if largest == lowest else largest
        sums = mask_tail(load(scores, 0), 0)
        for j in range(0, end, lanes):
            power = exp_of_difference(load(scores, j), base)
            store(scores, j, power)
            sums = add(sums, power)
        if tail > 0:
            power = mask_tail(exp_of_difference(load(scores, end), base), tail)
            store(scores, end, power)
            sums = add(sums, power)
        nothing = mask_tail(sums, 0)
        for j in range(end + lanes if tail > 0 else end, columns, lanes):
            store(scores, j, nothing)
        return largest, horizontal_add(sums)

    def attend_heads(
        out: Storage,
        sums: Storage,
        q: Matrix,
        k: Matrix,
        v: Matrix,
        sizes: Sizes,
        factor: float,
        causal: bool,
        padded: Any,
        scratch: Any,
        ends: Ends,
        thread: int,
        first: int,
        last: int,
    ) -> None:
        heads, queries, keys, width, values = sizes
        tall, wide, inner, outer = padded
        memory = scratch[thread]
        query, key, flipped = _part(memory, ends, 0), _part(memory, ends, 1), _part(memory, ends, 2)
        value, scores = _part(memory, ends, 3), _part(memory, ends, 4)
        result, tops, totals = (
            _part(memory, ends, 5),
            _part(memory, ends, 6),
            _part(memory, ends, 7),
        )
        scale, one = number(factor), number(1)
        for head in range(first, last):
            n, h = head // heads, head % heads
            for start in range(0, queries, TILE):
                count = min(TILE, queries - start)
                place = n * q[1][0] + start * q[1][1] + h * width, q[1][1]
                left, step = _rows(query, (tall, inner), q[0], place, (count, width))
                for r in range(count):
                    tops[r], totals[r] = lowest, zero
                # The number of the last key that the first query of the tile sees.
                diagonal = keys - queries + start
                stop = min(keys, diagonal + count) if causal else keys
                for begin in range(0, stop, TILE):
                    among = min(TILE, keys - begin)
                    place = n * k[1][0] + begin * k[1][1] + h * width, k[1][1]
                    _pack(key, (wide, inner), k[0], place, (among, width), scale)
                    _transpose(flipped, key, wide, inner)
                    place = n * v[1][0] + begin * v[1][1] + h * values, v[1][1]
                    right = _rows(value, (wide, outer), v[0], place, (among, values))
                    shift = diagonal - begin
                    visible = shift if causal and shift < TILE else -1
                    shape = tall, wide, width
                    _product(
                        scores, left, (step, 1), (flipped, wide), shape, (visible, -1, -1, False)
                    )
                    for r in range(count):
                        row, to = scores[r * wide :], result[r * outer : (r + 1) * outer]
                        seen = _seen(r, shift, among, causal)
                        top, total = weigh(row, seen, wide, tops[r])
                        if begin > 0:
                            fade = exp(tops[r] - top) if top != lowest else one
                            total += totals[r] * fade
                            for c in range(len(to)):
                                to[c] *= fade
                        tops[r], totals[r] = top, total
                    shape = tall, outer, among
                    _product(result, scores, (wide, 1), right, shape, (-1, visible, -1, begin > 0))
                for r in range(count):
                    to = out[(n * queries + start + r) * heads * values + h * values :]
                    row, share = result[r * outer :], totals[r]
                    for c in range(values):
                        to[c] = row[c] / share
                    sums[head * queries + start + r] = tops[r] + number(math.log(share))

    return strict_nogil_kernel(attend_heads)


@lru_cache
def attend_back(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(gradients, g, out, sums, q, k, v, sizes, …)``, the backward loop of `attend`.

    Shape:
        gradients of q, k and v: matrices like these; g and out as `out` there.
    """
    number = dtype.type
    zero = number(0)

    @helper
    def weigh_again(
        scores: Storage, grads: Storage, seen: int, columns: int, log_sum: Any, mean: Any
    ) -> None:
        """Replace scores by weights, and gradients of weights by those of scores."""
        lanes = lanes_of(scores)
        for j in range(0, seen, lanes):
            weights = mask_tail(exp_of_difference(load(scores, j), log_sum), seen - j)
            slopes = mask_tail(scale_difference(load(grads, j), mean, weights), seen - j)
            store(scores, j, weights)
            store(grads, j, slopes)
        nothing = mask_tail(load(scores, 0), 0)
        for j in range(-(-seen // lanes) * lanes, columns, lanes):
            store(scores, j, nothing)
            store(grads, j, nothing)

    def attend_heads_back(
        grad_q: Matrix,
        grad_k: Matrix,
        grad_v: Matrix,
        g: Storage,
        out: Storage,
        sums: Storage,
        q: Matrix,
        k: Matrix,
        v: Matrix,
        sizes: Sizes,
        factor: float,
        causal: bool,
        padded: Any,
        scratch: Any,
        ends: Ends,
        thread: int,
        first: int,
        last: int,
    ) -> None:
        heads, queries, keys, width, values = sizes
        tall, wide, inner, outer = padded
        memory = scratch[thread]
        query, key, flipped = _part(memory, ends, 0), _part(memory, ends, 1), _part(memory, ends, 2)
        value, turned = _part(memory, ends, 3), _part(memory, ends, 4)
        upstream, scores, grads = (
            _part(memory, ends, 5),
            _part(memory, ends, 6),
            _part(memory, ends, 7),
        )
        to_key, to_value = _part(memory, ends, 8), _part(memory, ends, 9)
        to_query = _part(memory, ends, 10)
        scale, one = number(factor), number(1)
        for head in range(first, last):
            n, h = head // heads, head % heads
            for begin in range(0, keys, TILE):
                among = min(TILE, keys - begin)
                place = n * k[1][0] + begin * k[1][1] + h * width, k[1][1]
                _pack(key, (wide, inner), k[0], place, (among, width), scale)
                _transpose(flipped, key, wide, inner)
                place = n * v[1][0] + begin * v[1][1] + h * values, v[1][1]
                _pack(value, (wide, outer), v[0], place, (among, values), one)
                _transpose(turned, value, wide, outer)
                extends = False
                for start in range(0, queries, TILE):
                    count = min(TILE, queries - start)
                    shift = keys - queries + start - begin
                    if causal and shift + count <= 0:
                        continue
                    place = n * q[1][0] + start * q[1][1] + h * width, q[1][1]
                    right = _rows(query, (tall, inner), q[0], place, (count, width))
                    at, step = (n * queries + start) * heads * values + h * values, heads * values
                    above = _rows(upstream, (tall, outer), g, (at, step), (count, values))
                    visible = shift if causal and shift < TILE else -1
                    limits = visible, -1, -1, False
                    _product(
                        scores,
                        right[0],
                        (right[1], 1),
                        (flipped, wide),
                        (tall, wide, width),
                        limits,
                    )
                    _product(
                        grads, above[0], (above[1], 1), (turned, wide), (tall, wide, values), limits
                    )
                    for r in range(count):
                        mean = _dot(out[at + r * step :], above[0][r * above[1] :], values)
                        seen = _seen(r, shift, among, causal)
                        log_sum = sums[head * queries + start + r]
                        weigh_again(
                            scores[r * wide :], grads[r * wide :], seen, wide, log_sum, mean
                        )
                    # Sums over queries begin at the first query that sees the block of keys.
                    limits = -1, -1, visible, extends
                    _product(to_value, scores, (1, wide), above, (wide, outer, count), limits)
                    _product(to_key, grads, (1, wide), right, (wide, inner, count), limits)
                    part = to_query[start // TILE * tall * inner :]
                    limits = -1, visible, -1, begin > 0
                    _product(part, grads, (wide, 1), (key, inner), (tall, inner, among), limits)
                    extends = True
                once, of_keys = (one, scale) if extends else (zero, zero)
                place = n * grad_k[1][0] + begin * grad_k[1][1] + h * width, grad_k[1][1]
                _unpack(grad_k[0], place, to_key, inner, (among, width), of_keys)
                place = n * grad_v[1][0] + begin * grad_v[1][1] + h * values, grad_v[1][1]
                _unpack(grad_v[0], place, to_value, outer, (among, values), once)
            for start in range(0, queries, TILE):
                place = n * grad_q[1][0] + start * grad_q[1][1] + h * width, grad_q[1][1]
                part = to_query[start // TILE * tall * inner :]
                _unpack(grad_q[0], place, part, inner, (min(TILE, queries - start), width), one)

    return strict_nogil_kernel(attend_heads_back)
