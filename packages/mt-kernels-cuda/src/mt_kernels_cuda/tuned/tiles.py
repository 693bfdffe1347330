r"""One kernel for all sums of products: tiles in shared memory, sums in registers.

Matrix multiplication and convolution are both $out_{r,c} = \sum_t a_{r,t}\, b_{t,c}$; they differ
in where a number is found. A block of threads computes a tile of the result, fetching a strip of
each operand at a time into shared memory, as `mt_kernels_cuda.matrix_multiply` does. On top of
that, each thread computes a small rectangle: from `high` numbers of one strip and `wide` of the
other, in registers, come `high * wide` products, so that shared memory is read far less often than
the units multiply. (V. Volkov, J. Demmel: Benchmarking GPUs to tune dense linear algebra, SC 2008.)

Where there are few tiles and long sums, as in a weight's gradient, the sums are divided among
several blocks, and `add_parts` adds up what they leave.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.gpu import SIMULATED
from mt_kernels_cuda.jit import KERNELS_KEPT, Kernel, device_function, kernel
from mt_kernels_cuda.launching import Launch, blocks_for
from mt_kernels_cuda.tuned.folding import smaller
from mt_kernels_cuda.tuned.shapes import THREADS, parts_for
from mt_tensor.layout import Storage

Numbers = tuple[int, ...]

ROWS, COLUMNS, TERMS, EACH, PARTS, SIZE, STEP, OWN = range(8)
"""What the first numbers of every product are, and where those of its own begin: the sizes, the
terms of each part, the number of parts, the size of the whole result, and how far in memory a row
of the result is from the next."""

NO_BIAS, ALONG_ROWS, ALONG_COLUMNS = range(3)
"""Along what a bias lies."""


@dataclass(frozen=True)
class Tiles:
    """The sizes of tiles; `high` divides `rows`, `wide` divides `columns`.

    The columns divide the threads, so that a thread fetches from one column all the time.

    Attributes:
        rows: Of a tile of the result.
        columns: Of a tile of the result.
        terms: Of a strip of an operand.
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


if SIMULATED:
    LARGE = Tiles(4, 4, 2, 2, 2)
    MEDIUM = Tiles(2, 4, 2, 1, 2)
    FLAT = Tiles(2, 2, 4, 1, 1)
else:
    LARGE = Tiles(128, 128, 8, 8, 8)
    MEDIUM = Tiles(64, 64, 8, 8, 4)
    FLAT = Tiles(8, 128, 8, 2, 2)

WORTH = 32 * MEDIUM.terms
"""Terms that are worth a block of their own."""

BLOCKS_EACH = 2
"""Blocks for each multiprocessor that keep it busy."""


def choose_tiles(rows: int, columns: int, batches: int, processors: int) -> Tiles:
    """Return the tiles for results of a size: large ones if there is enough for the device."""
    if rows <= FLAT.rows:
        return FLAT
    large = blocks_for(rows, LARGE.rows) * blocks_for(columns, LARGE.columns) * batches
    return LARGE if large >= BLOCKS_EACH * processors else MEDIUM


@dataclass(frozen=True)
class Product:
    """Where the numbers of a product are: device functions.

    They take `g`, the numbers that a product was launched with, and `batch`, which of several
    products it is.

    Attributes:
        name: What the kernel is called.
        first: ``first(a, g, batch, row, term)``, a number of the first operand.
        column: ``column(g, batch, column)``, three numbers that a column's terms have in common.
        second: ``second(b, g, x, y, z, term)``, a number of the second operand, with those three.
        place: ``place(g, batch, column)``, where a column of the result begins.
    """

    name: str
    first: Callable[..., Any]
    column: Callable[..., Any]
    second: Callable[..., Any]
    place: Callable[..., Any]


def launch_product(
    backend: Any,
    product: Product,
    out: Storage,
    operands: tuple[Storage, Storage],
    sizes: tuple[int, int, int, int],
    step: int,
    numbers: Numbers,
    *,
    bias: tuple[int, Storage] | None = None,
    relu: bool = False,
    by_terms: tuple[bool, bool] = (True, False),
) -> None:
    """Compute a product.

    Args:
        backend: What runs it.
        product: Which.
        out: Where to write.
        operands: The two operands.
        sizes: Rows, columns, terms and the number of such products, none of them 0.
        step: How far in memory a row of the result is from the next.
        numbers: The product's own numbers.
        bias: `ALONG_ROWS` or `ALONG_COLUMNS`, and what is added.
        relu: Whether negative results become 0.
        by_terms: For each operand, whether neighbouring terms lie side by side in memory, rather
            than neighbouring rows or columns.
    """
    rows, columns, terms, batches = sizes
    tiles = choose_tiles(rows, columns, batches, backend.processors)
    blocks = blocks_for(rows, tiles.rows) * blocks_for(columns, tiles.columns)
    whole = bias is not None or relu
    parts = 1
    if not whole:
        parts = parts_for(blocks * batches, terms, WORTH, BLOCKS_EACH * backend.processors)
    each = blocks_for(blocks_for(terms, parts), tiles.terms) * tiles.terms
    parts = blocks_for(terms, each)
    size = rows * columns * batches
    to = out if parts == 1 else backend.cells(size * parts)
    along, added = (NO_BIAS, out) if bias is None else bias
    g = (rows, columns, terms, each, parts, size, step, *numbers)
    made = product_kernel(product, backend.dtype, tiles, *by_terms, along, relu)
    grid = (blocks, 1, batches * parts)
    backend.run(Launch(made, grid, tiles.threads, (to, *operands, added, g)))
    if parts > 1:
        arguments = (out, to, size, parts)
        backend.run(Launch(add_parts, blocks_for(size, THREADS), THREADS, arguments))


@lru_cache(maxsize=KERNELS_KEPT)
def product_kernel(
    product: Product,
    dtype: np.dtype[Any],
    tiles: Tiles,
    a_by_terms: bool,
    b_by_terms: bool,
    along: int,
    relu: bool,
) -> Kernel:
    """Return ``kernel(out, a, b, bias, g)``.

    Launch it with a grid of (tiles, 1, products times parts) and `Tiles.threads` threads.
    """
    first, column_of, second, place = (
        device_function(fn) for fn in (product.first, product.column, product.second, product.place)
    )
    height, width, depth = tiles.rows, tiles.columns, tiles.terms
    high, wide, threads = tiles.high, tiles.wide, tiles.threads
    across, down = width // wide, height // high
    # One more cell in each row, so that neighbouring terms lie in different banks.
    padded_height, padded_width = height + 1, width + 1
    zero = dtype.type(0)

    def multiply_tiles(out: Storage, a: Storage, b: Storage, bias: Storage, g: Numbers) -> None:
        a_strip = cuda.shared.array((depth, padded_height), dtype)
        b_strip = cuda.shared.array((depth, padded_width), dtype)
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
        # Without neighbouring terms, a thread fetches from one column all the time.
        x, y, z = column_of(g, batch, smaller(begin + thread % width, g[COLUMNS] - 1))

        for start in range(part * g[EACH], last, depth):
            for i in range(thread, height * depth, threads):
                row, term = (i // depth, i % depth) if a_by_terms else (i % height, i // height)
                number = zero
                if top + row < g[ROWS] and start + term < last:
                    number = first(a, g, batch, top + row, start + term)
                a_strip[term, row] = number
            for i in range(thread, width * depth, threads):
                column, term = (i // depth, i % depth) if b_by_terms else (i % width, i // width)
                number = zero
                if begin + column < g[COLUMNS] and start + term < last:
                    if b_by_terms:
                        x, y, z = column_of(g, batch, begin + column)
                    number = second(b, g, x, y, z, start + term)
                b_strip[term, column] = number
            cuda.syncthreads()
            for term in range(depth):
                for i in range(high):
                    left[i] = a_strip[term, thread // across + i * down]
                for j in range(wide):
                    above[j] = b_strip[term, thread % across + j * across]
                for i in range(high):
                    for j in range(wide):
                        sums[i, j] += left[i] * above[j]
            cuda.syncthreads()

        # What is long comes before the loops over the sums: only short loops are unrolled, and only
        # then are the sums in registers.
        base = part * g[SIZE] + (top + thread // across) * g[STEP]
        for j in range(wide):
            column = begin + thread % across + j * across
            above[j] = bias[column] if along == ALONG_COLUMNS and column < g[COLUMNS] else zero
            places[j] = base + place(g, batch, column)
        for i in range(high):
            row = top + thread // across + i * down
            if row < g[ROWS]:
                shift = bias[row] if along == ALONG_ROWS else zero
                for j in range(wide):
                    value = sums[i, j] + (above[j] + shift) if along != NO_BIAS else sums[i, j]
                    if relu and value <= zero:
                        value = zero
                    if begin + thread % across + j * across < g[COLUMNS]:
                        out[places[j] + i * down * g[STEP]] = value

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
