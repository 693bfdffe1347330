r"""The kernel of matrix products and convolutions: tiles in shared memory, sums in registers.

Both compute $out_{r,c} = \sum_t a_{r,t}\, b_{t,c}$ and differ in the offsets of the operands. A
block of threads computes a tile of the result. As in `mt_kernels_cuda.matrix_multiply`, it loads
one strip of each operand at a time into shared memory. In addition, each thread computes a
rectangle of sums in registers (register tiling): `high` numbers of one strip and `wide` numbers of
the other give `high * wide` products, so that a thread multiplies far more often than it reads
shared memory. Source: V. Volkov, J. Demmel: Benchmarking GPUs to tune dense linear algebra, SC
2008. Strips are loaded and results stored four numbers at a time where the alignment allows it.

If there are few tiles and long sums, as in the gradient of a weight, several blocks compute parts
of each sum (split-K), and `add_parts` adds the partial sums.
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

ROWS, COLUMNS, TERMS, TERMS_PER_PART, PARTS, SIZE, STEP, EXTRA = range(8)
"""Indices of the launch parameters of every product: rows, columns and terms; terms of each part;
number of parts; number of elements of the whole result; and distance in elements between rows of
the result. Further parameters of a product begin at `EXTRA`."""

NO_BIAS, ALONG_ROWS, ALONG_COLUMNS = range(3)
"""Dimension of the result along which the bias varies."""


@dataclass(frozen=True)
class Tiles:
    """The sizes of tiles; `high` divides `rows`, `wide` divides `columns`.

    Loads are fastest if `high` and `wide` are multiples of `VEC4` and if rows and columns divide
    the number of threads, so that a thread loads from the same row or column in every strip.

    Attributes:
        rows: The rows of a tile of the result, a multiple of `VEC4`.
        columns: The columns of a tile of the result, a multiple of `VEC4`.
        terms: The terms of a strip of an operand, a multiple of `VEC4`.
        high: The rows that one thread computes.
        wide: The columns that one thread computes.
    """

    rows: int
    columns: int
    terms: int
    high: int
    wide: int

    @property
    def threads(self) -> int:
        """The number of threads of a block."""
        return self.rows // self.high * (self.columns // self.wide)


GPU_TILES = (
    Tiles(128, 128, 8, 8, 8),
    Tiles(128, 64, 8, 8, 4),
    Tiles(64, 64, 8, 8, 4),
    Tiles(8, 128, 8, 2, 4),
)
SIMULATOR_TILES = (
    Tiles(8, 8, 4, 4, 4),
    Tiles(8, 4, 4, 4, 2),
    Tiles(8, 4, 4, 2, 4),
    Tiles(4, 8, 4, 4, 2),
)
LARGE, TALL, MEDIUM, FLAT = SIMULATOR_TILES if SIMULATED else GPU_TILES

MIN_TERMS_PER_BLOCK = 32 * MEDIUM.terms
"""Least number of terms of a part of a sum. With fewer, starting a block and adding its part take
longer than the part."""

BLOCKS_PER_SM = 2
"""Blocks per multiprocessor (SM) to aim at; the registers suffice for that many blocks of the
largest tiles. With fewer, an SM is idle while a block loads."""


def choose_tiles(rows: int, columns: int, batches: int, processors: int, vec4: bool) -> Tiles:
    """Return the tiles for a result: large ones if they fill the device.

    In a larger tile each loaded number is used more often, and a thread needs more registers. With
    8 x 8 sums the registers suffice for `BLOCKS_PER_SM` blocks on a multiprocessor, so that one
    computes while the other loads. That holds only if operands are loaded as vectors: the offsets
    of single numbers take half as many registers as the sums.

    Args:
        rows: The rows of the result.
        columns: The columns of the result.
        batches: The number of such results.
        processors: The number of multiprocessors of the device.
        vec4: True if four numbers of both operands are loaded at a time.
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
    """Device functions that compute the offsets of a product.

    Their arguments are `g`, the tuple of launch parameters, and `batch`, the index of the product
    in a batch.

    Attributes:
        name: The name of the kernel. starts: ``starts(g, batch)`` returns the offsets of the two
        operands. first: The operand with the rows. second: The operand with the columns.
        column_offset: ``column_offset(g, batch, column)`` returns the offset of a column of the
        result.
    """

    name: str
    starts: Callable[..., Any]
    first: Operand
    second: Operand
    column_offset: Callable[..., Any]


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
    """Launch the kernel of a product, and `add_parts` if its sums are split.

    Args:
        backend: The backend that runs it.
        product: The kind of product.
        out: The storage of the result.
        operands: The storages of the two operands.
        sizes: Rows, columns, terms and the number of products in the batch, none of them 0.
        step: The distance in elements between rows of the result.
        numbers: The further launch parameters of the product, from index `EXTRA` on.
        patterns: The access pattern of each operand.
        vec4_out: True if four neighbouring columns of the result can be stored at once.
        steps: The table of the product, if it has one.
        bias: `ALONG_ROWS` or `ALONG_COLUMNS`, and the storage of the bias.
        relu: True to replace negative results by 0.
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
    to = out if parts == 1 else backend.allocate(size * parts)
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
    starts, column_offset = device_function(product.starts), device_function(product.column_offset)
    row_pitch, column_pitch = pitch_of(height), pitch_of(width)
    row_elements, column_elements = depth * row_pitch, depth * column_pitch
    # The numbers of neighbouring rows and columns of a thread.
    near_rows, near_columns = (VEC4 if size % VEC4 == 0 else 1 for size in (high, wide))
    store_vec4 = vec4_out and near_columns == VEC4
    zero = dtype.type(0)

    def multiply_tiles(
        out: Storage, a: Storage, b: Storage, step_table: Storage, bias: Storage, g: Numbers
    ) -> None:
        a_strip = cuda.shared.array(row_elements, dtype)
        b_strip = cuda.shared.array(column_elements, dtype)
        align_shared(b_strip)
        sums = cuda.local.array((high, wide), dtype)
        left = cuda.local.array(high, dtype)
        above = cuda.local.array(wide, dtype)
        offsets = cuda.local.array(wide, np.int64)
        thread = cuda.threadIdx.x
        row_tiles = (g[ROWS] + height - 1) // height
        top = cuda.blockIdx.x % row_tiles * height
        begin = cuda.blockIdx.x // row_tiles * width
        batch, part = cuda.blockIdx.z // g[PARTS], cuda.blockIdx.z % g[PARTS]
        last = smaller((part + 1) * g[TERMS_PER_PART], g[TERMS])
        for i in range(high):
            for j in range(wide):
                sums[i, j] = zero
        a_start, b_start = starts(g, batch)
        row_own = own_row(g, a_start, top, g[ROWS])
        column_own = own_column(g, b_start, begin, g[COLUMNS])

        for term in range(part * g[TERMS_PER_PART], last, depth):
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

        # Offsets and biases are computed before the loops over the sums, because only short loops
        # are unrolled, and only then are the sums kept in registers.
        begin += thread % across * near_columns
        for j in range(wide):
            column = begin + j // near_columns * across * near_columns + j % near_columns
            above[j] = bias[column] if along == ALONG_COLUMNS and column < g[COLUMNS] else zero
            offsets[j] = part * g[SIZE] + column_offset(g, batch, column)
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
                            store4(out, offsets[j] + row * g[STEP], four)
                    else:
                        for k in range(near_columns):
                            if begin + j * across + k < g[COLUMNS]:
                                out[offsets[j + k] + row * g[STEP]] = sums[i, j + k]

    multiply_tiles.__name__ = multiply_tiles.__qualname__ = product.name
    return kernel(multiply_tiles)


@kernel
def add_parts(out: Storage, parts: Storage, size: int, count: int) -> None:
    """Write the sum of `count` partial results of `size` elements, one thread for each element."""
    i = cuda.grid(1)
    if i < size:
        total = parts[i]
        for part in range(1, count):
            total += parts[part * size + i]
        out[i] = total
