"""Convolution as a matrix multiplication with an implicit second matrix (implicit GEMM).

An example with TILE = 4: one image, kernels of two terms each, four positions of the output::

                               terms × positions, tiles of the input that are never stored
                               x0 x1 x2 x3
    weights: outputs × terms   x1 x2 x3 0
    w00 w01                    s  s  s  s       a block of threads: a thread for each sum
    w10 w11                    s  s  s  s

Each output is a sum over channels and kernel offsets, its *terms*. The weights are a matrix (output
channels, terms). The inputs below the kernel are a matrix (terms, columns) with one column for each
image and output position; it contains most inputs many times. The kernel never stores this matrix.
It loads tiles of it directly from the input (see `mt_kernels_cuda.matrix_multiply`).

The kernel works for any number of spatial dimensions.
"""

from numba import cuda

from mt_kernels_cuda.indexing import position_of
from mt_kernels_cuda.jit import device_function, kernel
from mt_kernels_cuda.launching import TILE
from mt_tensor.layout import Shape, Storage, Strides


def convolve(
    out: Storage,
    out_shape: Shape,
    out_strides: Strides,
    out_size: int,
    input: Storage,
    input_shape: Shape,
    input_strides: Strides,
    weight: Storage,
    weight_shape: Shape,
    weight_strides: Strides,
    reverse: bool,
) -> None:
    """Write the correlation of `input`, padded with zeros, with `weight` into `out`.

    Launch it with blocks of (TILE, TILE) threads in a one-dimensional grid: one block for each tile
    of the result.

    Args:
        out: The storage of the result; it must not overlap the operands.
        out_shape: (N, O, *any), where `any` are the numbers of positions to compute.
        out_strides: The strides of `out`, in elements.
        out_size: The number of elements of `out`, not 0.
        input: The storage of the images.
        input_shape: (N, C, *spatial).
        input_strides: The strides of `input`, in elements.
        weight: The storage of the kernels.
        weight_shape: (O, C, *kernel).
        weight_strides: The strides of `weight`, in elements.
        reverse: True to anchor kernels at their last element, false at their first.
    """
    weight_tile = cuda.shared.array((TILE, TILE), out.dtype)
    input_tile = cuda.shared.array((TILE, TILE), out.dtype)
    tile_row = cuda.threadIdx.y
    tile_column = cuda.threadIdx.x
    rows = out_shape[1]
    columns = out_size // rows
    row_tiles = (rows + TILE - 1) // TILE
    row = cuda.blockIdx.x % row_tiles * TILE + tile_row
    column = cuda.blockIdx.x // row_tiles * TILE + tile_column
    terms = 1
    for dim in range(1, len(weight_shape)):
        terms *= weight_shape[dim]

    total = 0.0
    for start in range(0, terms, TILE):
        weight_tile[tile_row, tile_column] = 0.0
        input_tile[tile_row, tile_column] = 0.0
        term = start + tile_column
        if row < rows and term < terms:
            offset = position_of(term, weight_shape[1:], weight_shape[1:], weight_strides[1:])
            weight_tile[tile_row, tile_column] = weight[row * weight_strides[0] + offset]
        term = start + tile_row
        if term < terms and column < columns:
            offset = input_position(
                column, term, out_shape, input_shape, input_strides, weight_shape, reverse
            )
            if offset >= 0:
                input_tile[tile_row, tile_column] = input[offset]
        cuda.syncthreads()
        for k in range(TILE):
            total += weight_tile[tile_row, k] * input_tile[k, tile_column]
        cuda.syncthreads()
    if row < rows and column < columns:
        positions = columns // out_shape[0]
        offset = position_of(column % positions, out_shape[2:], out_shape[2:], out_strides[2:])
        out[column // positions * out_strides[0] + row * out_strides[1] + offset] = total


@device_function
def input_position(
    column: int,
    term: int,
    out_shape: Shape,
    input_shape: Shape,
    input_strides: Strides,
    weight_shape: Shape,
    reverse: bool,
) -> int:
    """Return the position of the input for a column and a term; -1 if it lies in the padding."""
    position = 0
    for dim in range(len(out_shape) - 1, 1, -1):
        at = column % out_shape[dim]
        offset = term % weight_shape[dim]
        at = at - offset if reverse else at + offset
        if at < 0 or at >= input_shape[dim]:
            return -1
        position += at * input_strides[dim]
        column = column // out_shape[dim]
        term = term // weight_shape[dim]
    # The remaining column is the index of the image, the remaining term that of the channel.
    return position + column * input_strides[0] + term * input_strides[1]


tensor_conv1d = kernel(convolve)
"""The kernel `convolve` for (N, C, W) and (O, C, K)."""

tensor_conv2d = tensor_conv1d
"""The same kernel for (N, C, H, W) and (O, C, KH, KW)."""
