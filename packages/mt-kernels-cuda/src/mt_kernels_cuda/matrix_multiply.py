"""Matrix multiplication in square tiles.

A number of one matrix is needed for a whole row or column of the result. So a block computes a
tile of the result together: its threads fetch a tile of each matrix from the slow global memory
into the fast shared memory, one number each, multiply all pairs from there, and move on to the
next two tiles. Every number that is fetched is used `TILE` times. Sums are kept in double
precision, whatever the matrices hold.
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
    matrices); the third number may be smaller.

    Shape:
        a (..., m, k), b (..., k, n), out (..., m, n); the batch dimensions broadcast.
    """
    a_tile = cuda.shared.array((TILE, TILE), out.dtype)
    b_tile = cuda.shared.array((TILE, TILE), out.dtype)
    # Threads that differ in x run together. Let them read along a row, where numbers usually lie
    # side by side.
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
            # At the edges tiles are filled up with zeros, which add nothing.
            a_tile[tile_row, tile_column] = 0.0
            b_tile[tile_row, tile_column] = 0.0
            if row < rows and start + tile_column < terms:
                place = row * a_strides[-2] + (start + tile_column) * a_strides[-1]
                a_tile[tile_row, tile_column] = a[a_start + place]
            if start + tile_row < terms and column < columns:
                place = (start + tile_row) * b_strides[-2] + column * b_strides[-1]
                b_tile[tile_row, tile_column] = b[b_start + place]
            cuda.syncthreads()  # No thread multiplies before the tiles are complete,
            for k in range(TILE):
                total += a_tile[tile_row, k] * b_tile[k, tile_column]
            cuda.syncthreads()  # and none fetches the next ones while another multiplies.
        if row < rows and column < columns:
            out_start = position_of(batch, out_shape[:-2], out_shape[:-2], out_strides[:-2])
            out[out_start + row * out_strides[-2] + column * out_strides[-1]] = total
