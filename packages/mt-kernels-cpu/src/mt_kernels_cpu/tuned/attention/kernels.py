r"""Kernels of attention: products of small matrices, and softmax between them.

A *tile* has up to `TILE` queries and up to `TILE` keys of one head. The scores of a tile::

                     keys begin … begin + among
    queries start    s s s s s - - -      s: visible, q · k / √width
        …            s s s s s s - -      -: hidden if attention is causal; weight 0
                     s s s s s s s -
    start + count    s s s s s s s s      result of a row: Σ softmax(s) · value

Operands whose rows and columns do not fill whole blocks of vectors are copied to scratch memory,
with zeros behind them; keys and values are transposed there. The scores of a tile stay in scratch:
those of all tiles are never in memory.

The forward pass keeps the largest score $m$ of each query so far, and the sum $l$ of its powers.
If a later tile has a larger score, what was added before is scaled by $e^{m - m'}$. It stores
$m + \log l$ for the backward pass, which computes the weights of each tile once more (Dao et al.
2022, "FlashAttention", algorithms 1 and 4). If all visible scores of a query are -∞, its weights
are 0, as those of a row that is masked everywhere.

If attention is causal, blocks of a product in which everything is hidden are left out. The product
of a hidden weight, 0, and a value that is infinite or NaN is then left out, too.
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

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


class Matrix(NamedTuple):
    """Rows of sequences in any layout with contiguous rows.

    Attributes:
        storage: The elements.
        sequence: The stride of sequences.
        position: The stride of positions.
    """

    storage: Storage
    sequence: int
    position: int


class Operands(NamedTuple):
    """Queries, keys and values, or their gradients."""

    query: Matrix
    key: Matrix
    value: Matrix


class Sizes(NamedTuple):
    """Sizes of attention, and its options.

    Attributes:
        heads: The number of heads.
        queries: The number of queries.
        keys: The number of keys.
        width: The columns of a head of the keys.
        values: The columns of a head of the values.
        tall: The rows of queries of a tile, padded.
        wide: The rows of keys of a tile, padded.
        inner: The columns of a head of the keys, padded.
        outer: The columns of a head of the values, padded.
        factor: The factor of scores.
        causal: True if later keys are hidden.
    """

    heads: int
    queries: int
    keys: int
    width: int
    values: int
    tall: int
    wide: int
    inner: int
    outer: int
    factor: float
    causal: bool


class ForwardScratch(NamedTuple):
    """Memory of one thread for the forward pass; or the number of elements of each array.

    Attributes:
        query: Queries of a tile, (tall, inner).
        key: Keys of a tile, (wide, inner).
        flipped: Their transpose, (inner, wide).
        value: Values of a tile, (wide, outer).
        scores: Scores, then their powers, (tall, wide).
        result: Sums of values, (tall, outer).
        tops: The largest score of each query, (tall,).
        totals: The sum of powers of each query, (tall,).
    """

    query: Any
    key: Any
    flipped: Any
    value: Any
    scores: Any
    result: Any
    tops: Any
    totals: Any


class BackwardScratch(NamedTuple):
    """Memory of one thread for the backward pass; or the number of elements of each array.

    Attributes:
        query: Queries of a tile, (tall, inner).
        key: Keys of a tile, (wide, inner).
        flipped: Their transpose, (inner, wide).
        value: Values of a tile, (wide, outer).
        turned: Their transpose, (outer, wide).
        upstream: Gradients of the result of a tile, (tall, outer).
        scores: Scores, then weights, (tall, wide).
        grads: Gradients of weights, then of scores, (tall, wide).
        to_key: Gradients of the keys of a tile, (wide, inner).
        to_value: Gradients of the values of a tile, (wide, outer).
        to_query: Gradients of the queries of all tiles, (tiles, tall, inner).
    """

    query: Any
    key: Any
    flipped: Any
    value: Any
    turned: Any
    upstream: Any
    scores: Any
    grads: Any
    to_key: Any
    to_value: Any
    to_query: Any


class Results(NamedTuple):
    """Results of the forward pass.

    Attributes:
        out: The result, (batch, queries, heads · values).
        sums: The logarithm of the sum of powers of each query, (batch · heads · queries,).
    """

    out: Storage
    sums: Storage


_rows_of = eight_positions if ROWS == 8 else four_positions
"""Function that returns the positions of the rows of a block."""


@helper
def _add_block(out: Storage, place: Any, left: Any, right: Any, depth: Any, extends: bool) -> None:
    """Write one block of the product of two matrices, or add it to what is there.

    Args:
        out: The matrix of the product.
        place: The row and the column of the block, and the columns of out.
        left: The left matrix, and the strides of its rows and columns.
        right: The right matrix, and the stride of its rows.
        depth: The first and the last index of the sum.
        extends: True to add.
    """
    (row, column, columns), (a, a_row, a_column), (b, b_row) = place, left, right
    (first, last), lanes = depth, lanes_of(out)
    rows, pair = _rows_of(row * columns, columns), (column, column + lanes)
    rows_of_a = _rows_of(row * a_row, a_row)
    block = load_block(out, rows, pair) if extends else zero_block(out, rows, pair)
    for k in range(first, last):
        row_of_b = load_each(b, pair, k * b_row)
        block = add_outer_product(block, splat_each(a, rows_of_a, k * a_column), row_of_b)
    store_block(out, rows, pair, block)


@helper
def _product(out: Storage, left: Any, right: Any, shape: Any, limits: Any) -> None:
    """Write the product of two matrices; `limits` shortens columns and sums.

    Args:
        out: The product, (rows, columns).
        left: The left matrix, (rows, depth), in any layout, and the strides of its rows and
            columns.
        right: The right matrix, (depth, columns), and the stride of its rows.
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
            _add_block(out, (row, column, columns), left, right, (first, last), extends)


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
    (rows, columns), (start, step), (count, width) = shape, place, size
    if rows == count and columns == width:
        return source[start:], step
    _pack(to, shape, source, place, size, to.dtype.type(1))
    return to, columns


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
def _transpose(to: Storage, source: Storage, step: int, rows: int, columns: int) -> None:
    """Write the transpose of a matrix with a stride of rows: (rows, columns) → (columns, rows)."""
    lanes = lanes_of(to)
    for r in range(0, rows, lanes):
        for c in range(0, columns, lanes):
            copy_transposed(to, c * rows + r, rows, source, r * step + c, step)


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
    """Return ``kernel(results, operands, sizes, scratch, first, last)``.

    The range `first` to `last` counts heads of sequences.
    """
    exp, number = formula_for(operators.exp, dtype), dtype.type
    lowest, zero = number(-math.inf), number(0)

    @helper
    def weigh(scores: Storage, seen: int, columns: int, top: Any) -> Any:
        """Replace the scores of a row by powers, those behind `seen` by 0; return top and sum."""
        lanes = lanes_of(scores)
        end = -(-seen // lanes) * lanes
        best = hide_tail(load(scores, 0), seen)
        for j in range(lanes, end, lanes):
            best = maximum(best, hide_tail(load(scores, j), seen - j))
        largest = max(top, horizontal_max(best)) if seen > 0 else top
        # If all scores are -∞ so far, their powers are 0 for a later, finite one.
        base = zero if largest == lowest else largest
        sums = nothing = mask_tail(best, 0)
        for j in range(0, end, lanes):
            power = mask_tail(exp_of_difference(load(scores, j), base), seen - j)
            store(scores, j, power)
            sums = add(sums, power)
        for j in range(end, columns, lanes):
            store(scores, j, nothing)
        return largest, horizontal_add(sums)

    def attend_heads(
        results: Results,
        operands: Operands,
        sizes: Sizes,
        scratch: ForwardScratch,
        first: int,
        last: int,
    ) -> None:
        (out, sums), (q, k, v) = results, operands
        (q_storage, q_sequence, q_step), (k_storage, k_sequence, k_step) = q, k
        v_storage, v_sequence, v_step = v
        heads, queries, keys, width, values, tall, wide, inner, outer, factor, causal = sizes
        query, key, flipped, value, scores, result, tops, totals = scratch
        scale, one = number(factor), number(1)
        for head in range(first, last):
            n, h = head // heads, head % heads
            for start in range(0, queries, TILE):
                count = min(TILE, queries - start)
                place = n * q_sequence + start * q_step + h * width, q_step
                left, step = _rows(query, (tall, inner), q_storage, place, (count, width))
                for r in range(count):
                    tops[r], totals[r] = lowest, zero
                # The number of the last key that the first query of the tile sees.
                diagonal = keys - queries + start
                stop = min(keys, diagonal + count) if causal else keys
                for begin in range(0, stop, TILE):
                    among = min(TILE, keys - begin)
                    place = n * k_sequence + begin * k_step + h * width, k_step
                    _pack(key, (wide, inner), k_storage, place, (among, width), scale)
                    _transpose(flipped, key, inner, wide, inner)
                    place = n * v_sequence + begin * v_step + h * values, v_step
                    right = _rows(value, (wide, outer), v_storage, place, (among, values))
                    shift = diagonal - begin
                    visible = shift if causal and shift < TILE else -1
                    shape = tall, wide, width
                    limits = visible, -1, -1, False
                    _product(scores, (left, step, 1), (flipped, wide), shape, limits)
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
                    shape, ends = (tall, outer, among), (-1, visible, -1, begin > 0)
                    _product(result, (scores, wide, 1), right, shape, ends)
                for r in range(count):
                    to = out[(n * queries + start + r) * heads * values + h * values :]
                    # If all visible scores are -∞, their powers are 0, and so is their sum.
                    share = totals[r] if totals[r] != zero else one
                    top, row = tops[r] if tops[r] != lowest else zero, result[r * outer :]
                    for c in range(values):
                        to[c] = row[c] / share
                    sums[head * queries + start + r] = top + number(math.log(share))

    return strict_nogil_kernel(attend_heads)


@lru_cache
def attend_back(dtype: np.dtype[Any]) -> Any:
    """Return ``kernel(targets, upstream, operands, sizes, scratch, first, last)``.

    It is the backward loop of `attend`. `upstream` is the gradient of its result, and its results.
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
        targets: Operands,
        upstream: tuple[Storage, Results],
        operands: Operands,
        sizes: Sizes,
        scratch: BackwardScratch,
        first: int,
        last: int,
    ) -> None:
        (grad_q, grad_k, grad_v), (g, (out, sums)), (q, k, v) = targets, upstream, operands
        (q_storage, q_sequence, q_step), (k_storage, k_sequence, k_step) = q, k
        (v_storage, v_sequence, v_step), (grad_q_storage, grad_q_sequence, grad_q_step) = v, grad_q
        grad_k_storage, grad_k_sequence, grad_k_step = grad_k
        grad_v_storage, grad_v_sequence, grad_v_step = grad_v
        heads, queries, keys, width, values, tall, wide, inner, outer, factor, causal = sizes
        query, key, flipped, value, turned, packed, scores, grads, to_key, to_value, to_query = (
            scratch
        )
        scale, one = number(factor), number(1)
        for head in range(first, last):
            n, h = head // heads, head % heads
            for begin in range(0, keys, TILE):
                among = min(TILE, keys - begin)
                place = n * k_sequence + begin * k_step + h * width, k_step
                _pack(key, (wide, inner), k_storage, place, (among, width), scale)
                _transpose(flipped, key, inner, wide, inner)
                place = n * v_sequence + begin * v_step + h * values, v_step
                from_value, of_value = _rows(
                    value, (wide, outer), v_storage, place, (among, values)
                )
                _transpose(turned, from_value, of_value, wide, outer)
                extends = False
                for start in range(0, queries, TILE):
                    count = min(TILE, queries - start)
                    shift = keys - queries + start - begin
                    if causal and shift + count <= 0:
                        continue
                    place = n * q_sequence + start * q_step + h * width, q_step
                    right = _rows(query, (tall, inner), q_storage, place, (count, width))
                    right_rows, right_step = right
                    at, step = (n * queries + start) * heads * values + h * values, heads * values
                    above = _rows(packed, (tall, outer), g, (at, step), (count, values))
                    above_rows, above_step = above
                    visible = shift if causal and shift < TILE else -1
                    limits = visible, -1, -1, False
                    shape = tall, wide, width
                    _product(scores, (right_rows, right_step, 1), (flipped, wide), shape, limits)
                    shape = tall, wide, values
                    _product(grads, (above_rows, above_step, 1), (turned, wide), shape, limits)
                    for r in range(count):
                        mean = _dot(out[at + r * step :], above_rows[r * above_step :], values)
                        seen = _seen(r, shift, among, causal)
                        log_sum = sums[head * queries + start + r]
                        weigh_again(
                            scores[r * wide :], grads[r * wide :], seen, wide, log_sum, mean
                        )
                    # Sums over queries begin at the first query that sees the block of keys.
                    limits = -1, -1, visible, extends
                    _product(to_value, (scores, 1, wide), above, (wide, outer, count), limits)
                    _product(to_key, (grads, 1, wide), right, (wide, inner, count), limits)
                    part = to_query[start // TILE * tall * inner :]
                    limits = -1, visible, -1, begin > 0
                    _product(part, (grads, wide, 1), (key, inner), (tall, inner, among), limits)
                    extends = True
                once, of_keys = (one, scale) if extends else (zero, zero)
                place = n * grad_k_sequence + begin * grad_k_step + h * width, grad_k_step
                _unpack(grad_k_storage, place, to_key, inner, (among, width), of_keys)
                place = n * grad_v_sequence + begin * grad_v_step + h * values, grad_v_step
                _unpack(grad_v_storage, place, to_value, outer, (among, values), once)
            for start in range(0, queries, TILE):
                place = n * grad_q_sequence + start * grad_q_step + h * width, grad_q_step
                part = to_query[start // TILE * tall * inner :]
                _unpack(
                    grad_q_storage, place, part, inner, (min(TILE, queries - start), width), one
                )

    return strict_nogil_kernel(attend_heads_back)
