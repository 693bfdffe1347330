r"""The kernel of matrix products and convolutions: tiles in shared memory, sums in registers.

Both compute $out_{r,c} = \sum_t a_{r,t}\, b_{t,c}$ and differ in the offsets of the operands. A
block of threads computes a tile of the result. As in `mt_kernels_cuda.matrix_multiply`, it loads
one strip of each operand at a time into shared memory. In addition, each thread computes a
rectangle of sums in registers (register tiling): `high` numbers of one strip and `wide` numbers of
the other give `high * wide` products, so that a thread multiplies far more often than it reads
shared memory. Source: V. Volkov, J. Demmel: Benchmarking GPUs to tune dense linear algebra, SC
2008. Strips are loaded and results stored four numbers at a time where the alignment allows it. One
block of threads with `high` = 2 and `wide` = 4; thread t computes the numbers marked t::

                       strip of b: terms × columns
                       ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
    strip of a:  ▒     0 0 0 0  1 1 1 1  2 2 2 2
    rows ×       ▒     3 3 3 3  4 4 4 4  5 5 5 5     tile of the result
    terms        ▒     0 0 0 0  1 1 1 1  2 2 2 2
                 ▒     3 3 3 3  4 4 4 4  5 5 5 5

If there are few tiles and long sums, as in the gradient of a weight, several blocks compute parts
of each sum (split-K), and `add_parts` adds the partial sums.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import cuda

from mt_kernels_cuda.gpu import SIMULATED
from mt_kernels_cuda.jit import (
    KERNEL_CACHE_SIZE,
    Kernel,
    device_function,
    inlined_device_function,
    kernel,
)
from mt_kernels_cuda.launching import Launch, Table, blocks_for
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.gemm.strips import AccessPattern, Operand, TileLoader, pitch_of
from mt_kernels_cuda.tuned.hardware.integers import smaller
from mt_kernels_cuda.tuned.hardware.shapes import THREADS, parts_for
from mt_kernels_cuda.tuned.hardware.vec4 import VEC4, align_shared, load4, store4
from mt_tensor.layout import Storage


class ProductLaunch(NamedTuple):
    """Launch parameters of a product.

    Attributes:
        rows: The number of rows.
        columns: The number of columns.
        terms: The number of terms.
        terms_per_part: The number of terms of each part.
        parts: The number of parts.
        size: The number of elements of the whole result.
        step: The distance in elements between rows of the result.
        offsets: The further parameters of this kind of product, a named tuple of integers.
    """

    rows: int
    columns: int
    terms: int
    terms_per_part: int
    parts: int
    size: int
    step: int
    offsets: Any


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

    Their arguments are `offsets`, the further launch parameters, and `batch`, the index of the
    product in a batch.

    Attributes:
        name: The name of the kernel.
        starts: ``starts(offsets, batch)`` returns the offsets of the two operands.
        first: The operand with the rows.
        second: The operand with the columns.
        column_offset: ``column_offset(offsets, batch, column)`` returns the offset of a column of
            the result.
    """

    name: str
    starts: Callable[..., Any]
    first: Operand
    second: Operand
    column_offset: Callable[..., Any]


@dataclass(frozen=True)
class ProductCall:
    """Arguments of a product.

    Attributes:
        out: The storage of the result.
        operands: The storages of the two operands.
        sizes: Rows, columns, terms and the number of products in the batch, none of them 0.
        step: The distance in elements between rows of the result.
        offsets: The further launch parameters of the product.
        patterns: The access pattern of each operand.
        vec4_out: True if four neighbouring columns of the result can be stored at once.
        steps: The table of the product, if it has one.
        bias: `ALONG_ROWS` or `ALONG_COLUMNS`, and the storage of the bias.
        relu: True to replace negative results by 0.
    """

    out: Storage
    operands: tuple[Storage, Storage]
    sizes: tuple[int, int, int, int]
    step: int
    offsets: Any
    patterns: tuple[AccessPattern, AccessPattern]
    vec4_out: bool
    steps: Table | None = None
    bias: tuple[int, Storage] | None = None
    relu: bool = False


@dataclass(frozen=True)
class Variant:
    """Constants for which the kernel of a product is compiled.

    Attributes:
        dtype: The dtype of the elements.
        tiles: The sizes of tiles.
        patterns: The access pattern of each operand.
        vec4_out: True if four neighbouring columns of the result can be stored at once.
        along: The dimension along which the bias varies.
        relu: True to replace negative results by 0.
    """

    dtype: np.dtype[Any]
    tiles: Tiles
    patterns: tuple[AccessPattern, AccessPattern]
    vec4_out: bool
    along: int
    relu: bool


def launch_product(backend: Device, product: Product, call: ProductCall) -> None:
    """Launch the kernel of a product, and `add_parts` if its sums are split."""
    rows, columns, terms, batches = call.sizes
    vec4 = all(pattern.vec4 for pattern in call.patterns)
    tiles = choose_tiles(rows, columns, batches, backend.processors, vec4)
    blocks = blocks_for(rows, tiles.rows) * blocks_for(columns, tiles.columns)
    whole = call.bias is not None or call.relu
    parts = 1
    if not whole:
        parts = parts_for(
            blocks * batches, terms, MIN_TERMS_PER_BLOCK, BLOCKS_PER_SM * backend.processors
        )
    each = blocks_for(blocks_for(terms, parts), tiles.terms) * tiles.terms
    parts = blocks_for(terms, each)
    size = rows * columns * batches
    to = call.out if parts == 1 else backend.allocate(size * parts)
    along, added = (NO_BIAS, call.out) if call.bias is None else call.bias
    parameters = ProductLaunch(rows, columns, terms, each, parts, size, call.step, call.offsets)
    variant = Variant(backend.dtype, tiles, call.patterns, call.vec4_out, along, call.relu)
    made = product_kernel(product, variant)
    grid = (blocks, 1, batches * parts)
    own = call.operands[0] if call.steps is None else call.steps
    backend.run(Launch(made, grid, tiles.threads, (to, *call.operands, own, added, parameters)))
    if parts > 1:
        arguments = (call.out, to, size, parts)
        backend.run(Launch(add_parts, blocks_for(size, THREADS), THREADS, arguments))


@lru_cache(maxsize=KERNEL_CACHE_SIZE)
def product_kernel(product: Product, variant: Variant) -> Kernel:
    """Return ``kernel(out, a, b, step_table, bias, parameters)``.

    Launch it with a grid of (tiles, 1, products times parts) and `Tiles.threads` threads.
    """
    dtype, tiles, along = variant.dtype, variant.tiles, variant.along
    height, width, depth = tiles.rows, tiles.columns, tiles.terms
    high, wide, threads = tiles.high, tiles.wide, tiles.threads
    across = width // wide
    first, second = variant.patterns
    left_loader = TileLoader(product.first, first, height, depth, threads, dtype)
    right_loader = TileLoader(product.second, second, width, depth, threads, dtype)
    own_row, load_rows = left_loader.row_of_thread, left_loader.load
    own_column, load_columns = right_loader.row_of_thread, right_loader.load
    starts, column_offset = device_function(product.starts), device_function(product.column_offset)
    row_elements, column_elements = depth * pitch_of(height), depth * pitch_of(width)
    multiply_strips, store_sums = strip_products(variant), epilogue(variant)
    near_columns = neighbours(wide)
    zero = dtype.type(0)

    def multiply_tiles(
        out: Storage,
        a: Storage,
        b: Storage,
        step_table: Storage,
        bias: Storage,
        parameters: ProductLaunch,
    ) -> None:
        rows, columns, terms, terms_per_part, parts, size, step, offsets = parameters
        a_strip = cuda.shared.array(row_elements, dtype)
        b_strip = cuda.shared.array(column_elements, dtype)
        align_shared(b_strip)
        sums = cuda.local.array((high, wide), dtype)
        positions = cuda.local.array(wide, np.int64)
        shifts = cuda.local.array(wide, dtype)
        row_tiles = (rows + height - 1) // height
        top = cuda.blockIdx.x % row_tiles * height
        begin = cuda.blockIdx.x // row_tiles * width
        batch, part = cuda.blockIdx.z // parts, cuda.blockIdx.z % parts
        last = smaller((part + 1) * terms_per_part, terms)
        for i in range(high):
            for j in range(wide):
                sums[i, j] = zero
        a_start, b_start = starts(offsets, batch)
        a_source, b_source = (a, step_table, offsets, a_start), (b, step_table, offsets, b_start)
        a_span = own_row(offsets, a_start, top, rows), top, rows
        b_span = own_column(offsets, b_start, begin, columns), begin, columns

        for term in range(part * terms_per_part, last, depth):
            load_rows(a_strip, a_source, a_span, (term, last))
            load_columns(b_strip, b_source, b_span, (term, last))
            cuda.syncthreads()
            multiply_strips(sums, a_strip, b_strip)
            cuda.syncthreads()

        # Offsets and biases are computed before the loops over the sums, because only short loops
        # are unrolled, and only then are the sums kept in registers.
        begin += cuda.threadIdx.x % across * near_columns
        for j in range(wide):
            column = begin + j // near_columns * across * near_columns + j % near_columns
            shifts[j] = bias[column] if along == ALONG_COLUMNS and column < columns else zero
            positions[j] = part * size + column_offset(offsets, batch, column)
        store_sums((out, step), sums, (positions, shifts, bias), (top, rows), (begin, columns))

    multiply_tiles.__name__ = multiply_tiles.__qualname__ = product.name
    return kernel(multiply_tiles)


def neighbours(count: int) -> int:
    """Return how many neighbouring rows or columns a thread computes, of `count` in all."""
    return VEC4 if count % VEC4 == 0 else 1


def strip_products(variant: Variant) -> Callable[..., None]:
    """Return a device function ``multiply(sums, a_strip, b_strip)``.

    It adds the products of a strip of each operand to the sums of this thread.
    """
    tiles, dtype = variant.tiles, variant.dtype
    depth, high, wide = tiles.terms, tiles.high, tiles.wide
    across, down = tiles.columns // wide, tiles.rows // high
    row_pitch, column_pitch = pitch_of(tiles.rows), pitch_of(tiles.columns)
    near_rows, near_columns = neighbours(high), neighbours(wide)

    @inlined_device_function
    def multiply(sums: Any, a_strip: Storage, b_strip: Storage) -> None:
        left = cuda.local.array(high, dtype)
        above = cuda.local.array(wide, dtype)
        thread = cuda.threadIdx.x
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

    return multiply


def epilogue(variant: Variant) -> Callable[..., None]:
    """Return a device function ``store(result, sums, added, row_span, column_span)``.

    It adds the bias, applies ReLU and stores the sums of this thread. The result is its storage,
    and the distance between rows; added are the position and the bias of each column of the thread,
    and the bias of each row; the spans are the first row of the tile and the end of all rows, and
    the first column of the thread and the end of all columns.
    """
    tiles, along, relu = variant.tiles, variant.along, variant.relu
    high, wide = tiles.high, tiles.wide
    across, down = tiles.columns // wide, tiles.rows // high
    near_rows, near_columns = neighbours(high), neighbours(wide)
    store_vec4 = variant.vec4_out and near_columns == VEC4
    zero = variant.dtype.type(0)

    @inlined_device_function
    def store(result: Any, sums: Any, added: Any, row_span: Any, column_span: Any) -> None:
        (out, step), (positions, shifts, bias) = result, added
        (top, rows), (begin, columns) = row_span, column_span
        thread = cuda.threadIdx.x
        for i in range(high):
            row = top + (thread // across + i // near_rows * down) * near_rows + i % near_rows
            if row < rows:
                shift = bias[row] if along == ALONG_ROWS else zero
                for j in range(wide):
                    value = sums[i, j] + (shifts[j] + shift) if along != NO_BIAS else sums[i, j]
                    sums[i, j] = zero if relu and value <= zero else value
                for j in range(0, wide, near_columns):
                    if store_vec4:
                        if begin + j * across < columns:
                            four = (sums[i, j], sums[i, j + 1], sums[i, j + 2], sums[i, j + 3])
                            store4(out, positions[j] + row * step, four)
                    else:
                        for k in range(near_columns):
                            if begin + j * across + k < columns:
                                out[positions[j + k] + row * step] = sums[i, j + k]

    return store


@kernel
def add_parts(out: Storage, parts: Storage, size: int, count: int) -> None:
    """Write the sum of `count` partial results of `size` elements, one thread for each element."""
    i = cuda.grid(1)
    if i < size:
        total = parts[i]
        for part in range(1, count):
            total += parts[part * size + i]
        out[i] = total
