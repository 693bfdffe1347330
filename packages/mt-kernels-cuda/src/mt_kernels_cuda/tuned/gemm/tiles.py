r"""One kernel for all sums of products: tiles in shared memory, sums in registers.

Matrix multiplication and convolution are both $out_{r,c} = \sum_t a_{r,t}\, b_{t,c}$; they differ
in where a number is found. A block of threads computes a tile of the result, loading a strip of
each operand at a time into shared memory, as `mt_kernels_cuda.matrix_multiply` does. On top of
that, each thread computes a small rectangle in registers: `high` numbers of one strip and `wide` of
the other give `high * wide` products, so that a thread multiplies far more often than it reads
shared memory. (V. Volkov, J. Demmel: Benchmarking GPUs to tune dense linear algebra, SC 2008.)
Strips are read, and results written, four numbers at a time where that is possible.

Where there are few tiles and long sums, as in a weight's gradient, the sums are divided among
several blocks, and `add_parts` adds up their partial sums.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.gpu import SIMULATED
from mt_kernels_cuda.jit import KERNEL_CACHE_SIZE, Kernel, device_function, kernel
from mt_kernels_cuda.launching import Launch, Table, blocks_for
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.gemm.strips import AccessPattern, Operand, filler, pitch_of
from mt_kernels_cuda.tuned.hardware.integers import smaller
from mt_kernels_cuda.tuned.hardware.shapes import THREADS, parts_for
from mt_kernels_cuda.tuned.hardware.vec4 import VEC4, align_shared, load4, store4
from mt_tensor.layout import Storage

Numbers = tuple[int, ...]

ROWS, COLUMNS, TERMS, EACH, PARTS, SIZE, STEP, OWN = range(8)
"""Indices of the numbers that every product is launched with: the sizes, the terms of each part,
the number of parts, the size of the whole result, and the distance in memory between rows of the
result. A product's own numbers begin at `OWN`."""

NO_BIAS, ALONG_ROWS, ALONG_COLUMNS = range(3)
"""The dimension of the result along which a bias extends."""


@dataclass(frozen=True)
class Tiles:
    """The sizes of tiles; `high` divides `rows`, `wide` divides `columns`.

    Best, `high` and `wide` are multiples of `VEC4`, and rows and columns divide the threads, so
    that a thread loads from the same row or column every time.

    Attributes:
        rows: Of a tile of the result, a multiple of `VEC4`.
        columns: Of a tile of the result, a multiple of `VEC4`.
        terms: Of a strip of an operand, a multiple of `VEC4`.
        high: Rows that one thread computes.
        wide: Columns that one thread computes.
    """

    rows: int
    columns: int
    terms: int
    high: int
    wide: int

    @property
    def threads(self) -> int:
        """The threads of a block."""
        return self.rows // self.high * (self.columns // self.wide)


ON_A_GPU = (
    Tiles(128, 128, 8, 8, 8),
    Tiles(128, 64, 8, 8, 4),
    Tiles(64, 64, 8, 8, 4),
    Tiles(8, 128, 8, 2, 4),
)
IN_THE_SIMULATOR = (
    Tiles(8, 8, 4, 4, 4),
    Tiles(8, 4, 4, 4, 2),
    Tiles(8, 4, 4, 2, 4),
    Tiles(4, 8, 4, 4, 2),
)
LARGE, TALL, MEDIUM, FLAT = IN_THE_SIMULATOR if SIMULATED else ON_A_GPU

MIN_TERMS_PER_BLOCK = 32 * MEDIUM.terms
"""The least number of terms of a sum for which a block of its own pays."""

BLOCKS_PER_SM = 2
"""Blocks for each multiprocessor (SM): as many of the largest tiles fit."""


def choose_tiles(rows: int, columns: int, batches: int, processors: int, vec4: bool) -> Tiles:
    """Return the tiles for results of a size: large ones if they fill the device.

    In a larger tile each number is used more often after it was loaded, and a thread needs more
    registers. With 8 x 8 sums the registers suffice for `BLOCKS_PER_SM` blocks on a multiprocessor,
    so that one computes while the other loads, only if operands are loaded as vectors: the offsets
    of single numbers take as many registers as half of the sums.

    Args:
        rows: The rows of the result.
        columns: The columns of the result.
        batches: The number of such results.
        processors: The number of multiprocessors of the device.
        vec4: True if both operands are loaded four numbers at a time.
    """
    if rows <= FLAT.rows:
        return FLAT
    larger = LARGE if vec4 else TALL
    blocks = blocks_for(rows, larger.rows) * blocks_for(columns, larger.columns) * batches
    if rows > MEDIUM.rows and blocks >= BLOCKS_PER_SM * processors:
        return larger
    return MEDIUM


@dataclass(frozen=True)
class Product:
    """Device functions that locate the numbers of a product.

    They take `g`, the numbers that a product was launched with, and `batch`, the index of one of
    several products.

    Attributes:
        name: The name of the kernel.
        starts: ``starts(g, batch)`` returns the offsets of the two operands.
        first: The operand with the rows.
        second: The operand with the columns.
        place: ``place(g, batch, column)`` returns the offset of a column of the result.
    """

    name: str
    starts: Callable[..., Any]
    first: Operand
    second: Operand
    place: Callable[..., Any]


def launch_product(
    backend: Device,
    product: Product,
    out: Storage,
    operands: tuple[Storage, Storage],
    sizes: tuple[int, int, int, int],
    step: int,
    numbers: Numbers,
    *,
    patterns: tuple[AccessPattern, AccessPattern],
    vec4_out: bool,
    steps: Table | None = None,
    bias: tuple[int, Storage] | None = None,
    relu: bool = False,
) -> None:
    """Compute a product.

    Args:
        backend: The backend that runs it.
        product: The kind of product.
        out: The storage of the result.
        operands: The two operands.
        sizes: Rows, columns, terms and the number of such products, none of them 0.
        step: The distance in memory between rows of the result.
        numbers: The product's own numbers.
        patterns: The access pattern of each operand.
        vec4_out: True if four neighbouring columns of the result can be stored at once.
        steps: The product's own table.
        bias: `ALONG_ROWS` or `ALONG_COLUMNS`, and the numbers that are added.
        relu: True if negative results become 0.
    """
    rows, columns, terms, batches = sizes
    vec4 = all(pattern.vec4 for pattern in patterns)
    tiles = choose_tiles(rows, columns, batches, backend.processors, vec4)
    blocks = blocks_for(rows, tiles.rows) * blocks_for(columns, tiles.columns)
    whole = bias is not None or relu
    parts = 1
    if not whole:
        parts = parts_for(
            blocks * batches, terms, MIN_TERMS_PER_BLOCK, BLOCKS_PER_SM * backend.processors
        )
    each = blocks_for(blocks_for(terms, parts), tiles.terms) * tiles.terms
    parts = blocks_for(terms, each)
    size = rows * columns * batches
    to = out if parts == 1 else backend.cells(size * parts)
    along, added = (NO_BIAS, out) if bias is None else bias
    g = (rows, columns, terms, each, parts, size, step, *numbers)
    made = product_kernel(product, backend.dtype, tiles, *patterns, vec4_out, along, relu)
    grid = (blocks, 1, batches * parts)
    own = operands[0] if steps is None else steps
    backend.run(Launch(made, grid, tiles.threads, (to, *operands, own, added, g)))
    if parts > 1:
        arguments = (out, to, size, parts)
        backend.run(Launch(add_parts, blocks_for(size, THREADS), THREADS, arguments))


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def product_kernel(
    product: Product,
    dtype: np.dtype[Any],
    tiles: Tiles,
    first: AccessPattern,
    second: AccessPattern,
    vec4_out: bool,
    along: int,
    relu: bool,
) -> Kernel:
    """Return ``kernel(out, a, b, step_table, bias, g)``.

    Launch it with a grid of (tiles, 1, products times parts) and `Tiles.threads` threads.
    """
    height, width, depth = tiles.rows, tiles.columns, tiles.terms
    high, wide, threads = tiles.high, tiles.wide, tiles.threads
    across, down = width // wide, height // high
    own_row, fill_rows = filler(product.first, first, height, depth, threads, dtype)
    own_column, fill_columns = filler(product.second, second, width, depth, threads, dtype)
    starts, place = device_function(product.starts), device_function(product.place)
    row_pitch, column_pitch = pitch_of(height), pitch_of(width)
    row_cells, column_cells = depth * row_pitch, depth * column_pitch
    # The number of neighbouring rows, and columns, of a thread.
    near_rows, near_columns = (VEC4 if size % VEC4 == 0 else 1 for size in (high, wide))
    store_vec4 = vec4_out and near_columns == VEC4
    zero = dtype.type(0)

    def multiply_tiles(
        out: Storage, a: Storage, b: Storage, step_table: Storage, bias: Storage, g: Numbers
    ) -> None:
        a_strip = cuda.shared.array(row_cells, dtype)
        b_strip = cuda.shared.array(column_cells, dtype)
        align_shared(b_strip)
        sums = cuda.local.array((high, wide), dtype)
        left = cuda.local.array(high, dtype)
        above = cuda.local.array(wide, dtype)
        places = cuda.local.array(wide, np.int64)
        thread = cuda.threadIdx.x
        row_tiles = (g[ROWS] + height - 1) // height
        top = cuda.blockIdx.x % row_tiles * height
        begin = cuda.blockIdx.x // row_tiles * width
        batch, part = cuda.blockIdx.z // g[PARTS], cuda.blockIdx.z % g[PARTS]
        last = smaller((part + 1) * g[EACH], g[TERMS])
        for i in range(high):
            for j in range(wide):
                sums[i, j] = zero
        a_start, b_start = starts(g, batch)
        row_own = own_row(g, a_start, top, g[ROWS])
        column_own = own_column(g, b_start, begin, g[COLUMNS])

        for term in range(part * g[EACH], last, depth):
            fill_rows(a_strip, a, g, step_table, a_start, row_own, top, g[ROWS], term, last)
            fill_columns(
                b_strip, b, g, step_table, b_start, column_own, begin, g[COLUMNS], term, last
            )
            cuda.syncthreads()
            for t in range(depth):
                for i in range(high // near_rows):
                    at = t * row_pitch + (thread // across + i * down) * near_rows
                    if near_rows == VEC4:
                        n0, n1, n2, n3 = load4(a_strip, at)
                        k = VEC4 * i
                        left[k], left[k + 1], left[k + 2], left[k + 3] = n0, n1, n2, n3
                    else:
                        left[i] = a_strip[at]
                for j in range(wide // near_columns):
                    at = t * column_pitch + (thread % across + j * across) * near_columns
                    if near_columns == VEC4:
                        n0, n1, n2, n3 = load4(b_strip, at)
                        k = VEC4 * j
                        above[k], above[k + 1], above[k + 2], above[k + 3] = n0, n1, n2, n3
                    else:
                        above[j] = b_strip[at]
                for i in range(high):
                    for j in range(wide):
                        sums[i, j] += left[i] * above[j]
            cuda.syncthreads()

        # Long computations come before the loops over the sums: only short loops are unrolled, and
        # only then are the sums in registers.
        begin += thread % across * near_columns
        for j in range(wide):
            column = begin + j // near_columns * across * near_columns + j % near_columns
            above[j] = bias[column] if along == ALONG_COLUMNS and column < g[COLUMNS] else zero
            places[j] = part * g[SIZE] + place(g, batch, column)
        for i in range(high):
            row = top + (thread // across + i // near_rows * down) * near_rows + i % near_rows
            if row < g[ROWS]:
                shift = bias[row] if along == ALONG_ROWS else zero
                for j in range(wide):
                    value = sums[i, j] + (above[j] + shift) if along != NO_BIAS else sums[i, j]
                    sums[i, j] = zero if relu and value <= zero else value
                for j in range(0, wide, near_columns):
                    if store_vec4:
                        if begin + j * across < g[COLUMNS]:
                            four = (sums[i, j], sums[i, j + 1], sums[i, j + 2], sums[i, j + 3])
                            store4(out, places[j] + row * g[STEP], four)
                    else:
                        for k in range(near_columns):
                            if begin + j * across + k < g[COLUMNS]:
                                out[places[j + k] + row * g[STEP]] = sums[i, j + k]

    multiply_tiles.__name__ = multiply_tiles.__qualname__ = product.name
    return kernel(multiply_tiles)


@kernel
def add_parts(out: Storage, parts: Storage, size: int, count: int) -> None:
    """Write the sum of `count` parts of `size` numbers each, one thread for each number."""
    i = cuda.grid(1)
    if i < size:
        total = parts[i]
        for part in range(1, count):
            total += parts[part * size + i]
        out[i] = total
