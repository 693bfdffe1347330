"""Matrix multiplication in square tiles.

A tile of the result with TILE = 4; thread (2, 1) computes the element marked X::

                            b: tiles of TILE rows ↓
                            b b X b
                            b b X b
    a: tiles of TILE        b b X b
    columns →               b b X b
    a a a a                 . . . .
    X X X X                 . . X .
    a a a a                 . . . .
    a a a a                 . . . .

Each element of an operand is needed for a whole row or column of the result. So a block of threads
computes a tile of the result: the threads load a tile of each operand from slow global memory into
fast shared memory, one element each, multiply all pairs there, and continue with the next two
tiles. Every loaded element is used `TILE` times. Sums are accumulated in double precision for any
dtype of the operands.
"""

from numba import cuda

from mt_kernels_cuda.indexing import position_of
from mt_kernels_cuda.jit import kernel
from mt_kernels_cuda.launching import TILE
from mt_tensor.layout import Shape, Storage, Strides


@kernel
def tensor_matrix_multiply(
    out: Storage,
    out_shape: Shape,
    out_strides: Strides,
    out_size: int,
    a: Storage,
    a_shape: Shape,
    a_strides: Strides,
    b: Storage,
    b_shape: Shape,
    b_strides: Strides,
) -> None:
    """Write the product of (batches of) matrices into `out`.

    Launch it with blocks of (TILE, TILE) threads in a grid of (tiles of rows, tiles of columns,
    matrices). With fewer than that in the third dimension, a block computes several matrices.

    Shape:
        a (..., m, k), b (..., k, n), out (..., m, n); the batch dimensions broadcast.
    """
    a_tile = cuda.shared.array((TILE, TILE), out.dtype)
    b_tile = cuda.shared.array((TILE, TILE), out.dtype)
    # The threads of a warp differ in x. They read along a row, where elements are usually
    # neighbours in memory, so that loads are coalesced.
    tile_row = cuda.threadIdx.y
    tile_column = cuda.threadIdx.x
    row = cuda.blockIdx.x * TILE + tile_row
    column = cuda.blockIdx.y * TILE + tile_column
    rows, columns, terms = out_shape[-2], out_shape[-1], a_shape[-1]

    for batch in range(cuda.blockIdx.z, out_size // (rows * columns), cuda.gridDim.z):
        a_start = position_of(batch, out_shape[:-2], a_shape[:-2], a_strides[:-2])
        b_start = position_of(batch, out_shape[:-2], b_shape[:-2], b_strides[:-2])
        total = 0.0
        for start in range(0, terms, TILE):
            # Elements outside of the matrices are zeros, which add nothing.
            a_tile[tile_row, tile_column] = 0.0
            b_tile[tile_row, tile_column] = 0.0
            if row < rows and start + tile_column < terms:
                offset = row * a_strides[-2] + (start + tile_column) * a_strides[-1]
                a_tile[tile_row, tile_column] = a[a_start + offset]
            if start + tile_row < terms and column < columns:
                offset = (start + tile_row) * b_strides[-2] + column * b_strides[-1]
                b_tile[tile_row, tile_column] = b[b_start + offset]
            cuda.syncthreads()  # The tiles are complete before a thread multiplies.
            for k in range(TILE):
                total += a_tile[tile_row, k] * b_tile[k, tile_column]
            cuda.syncthreads()  # All threads have multiplied before a tile is overwritten.
        if row < rows and column < columns:
            out_start = position_of(batch, out_shape[:-2], out_shape[:-2], out_strides[:-2])
            out[out_start + row * out_strides[-2] + column * out_strides[-1]] = total
