"""Kernels of the gradient of the weight for images with many channels.

With the channels of a position next to one another, the inputs of a row of the kernel are one run
of memory: the *window* of a position. For two channels a, b and kernels of two columns::

    tile      a0 b0 a1 b1 a2 b2 0 0
    window 0  └────┬────┘                times gradient[o, 0]
    window 1        └────┬────┘          times gradient[o, 1]
    window 2              └────┬────┘    times gradient[o, 2]
    ──────────────────────────────────
    sums of o, in the order of columns, then channels

So the sums are a product of two matrices, the gradients (O, positions) and the windows (positions,
columns · channels), whose rows overlap in memory. A block covers eight output channels, four
without AVX-512, and three vectors of the window. No vector is added up in the end, and none
contains the zeros between two rows, in contrast to the sums over tiles of separate planes. Those
need vectors of positions, which suit images with few channels.

Lines of positions are processed in groups whose windows stay in the processor's first cache.
"""

from typing import Any

from mt_kernels_cpu.compiling.jit import helper, nogil_kernel
from mt_kernels_cpu.tuned.convolution.arguments import Images, Kernel, Weights, WindowLayout
from mt_kernels_cpu.tuned.convolution.kernels import Tile
from mt_kernels_cpu.tuned.convolution.tiling import (
    HAS_WIDE_BLOCKS,
    OUTPUTS,
    SEGMENTS,
    WIDE_OUTPUTS,
)
from mt_kernels_cpu.tuned.simd.blocks import add_blocks, add_outer_product, load_block, zero_block
from mt_kernels_cpu.tuned.simd.memory import (
    copy_transposed,
    lanes_of,
    load,
    load_each,
    splat_each,
    store,
    store_block,
)
from mt_kernels_cpu.tuned.simd.positions import eight_positions
from mt_tensor.layout import Storage


@helper
def _fill_windows(tile: Tile, images: Images, first: int, last: int) -> None:
    """Copy images into a tile in which the channels of a position are contiguous.

    The elements of a row of an image are contiguous, or those of all its channels are. There are as
    many channels as elements of a vector, or more.
    """
    (to, tile_strides), (source, source_strides) = tile, images
    to_image, _, to_row, origin, channels, height, width = tile_strides
    image_step, channel_step, row_step, column_step = source_strides
    lanes = lanes_of(to)
    for n in range(first, last):
        for y in range(height):
            at, start = (n - first) * to_image + origin + y * to_row, n * image_step + y * row_step
            if channel_step == 1:
                for x in range(width):
                    for c in range(0, channels, lanes):
                        # The last vector overlaps with the one before.
                        c = min(c, channels - lanes)
                        values = load(source, start + x * column_step + c)
                        store(to, at + x * channels + c, values)
            elif start + (channels - 1) * channel_step + max(width, lanes) <= len(source):
                for c in range(0, channels, lanes):
                    c = min(c, channels - lanes)
                    for x in range(0, width, lanes):
                        x = max(0, min(x, width - lanes))
                        to_start, from_start = at + x * channels + c, start + c * channel_step + x
                        copy_transposed(to, to_start, channels, source, from_start, channel_step)
                # A block is wider than a short row. Later rows follow behind these zeros.
                for i in range(at + width * channels, at + lanes * channels):
                    to[i] = 0.0
            else:
                for c in range(channels):
                    for x in range(width):
                        to[at + x * channels + c] = source[start + c * channel_step + x]


@helper
def _add_block(
    sums: Storage, gradients: Storage, tile: Storage, lines: Any, rows: Any, columns: Any
) -> None:
    """Add the products of some lines to a block of sums.

    Args:
        sums: The sums.
        gradients: The gradients.
        tile: The tile of images.
        lines: The start of each line of gradients and of its windows, the numbers of positions in a
            line and of channels of an image, and the distance to the row of the kernel.
        rows: Two tuples: for each output channel the start of its sums, and that of its gradients.
        columns: The position of each vector in a window.
    """
    grad_starts, starts, positions, channels, kernel_row = lines
    to, outputs = rows
    block = zero_block(sums, outputs, columns)
    for line in range(len(starts)):
        g, x = grad_starts[line], starts[line] + kernel_row
        for p in range(positions):
            block = add_outer_product(
                block,
                splat_each(gradients, outputs, g + p),
                load_each(tile, columns, x + p * channels),
            )
    store_block(sums, to, columns, add_blocks(load_block(sums, to, columns), block))


@helper
def _add_lines(
    sums: Storage, gradients: Any, tile: Storage, lines: Any, kernel: Kernel, row: int
) -> None:
    """Add the products of some lines and one row of the kernel to the sums of all outputs.

    Args:
        sums: The sums.
        gradients: The gradients, the stride of output channels, and the number of these.
        tile: The tile of images.
        lines: As for `_add_block`.
        kernel: The rows of a kernel.
        row: The number of the row.
    """
    g, step, outputs = gradients
    rows, _, length = kernel
    lanes, last = lanes_of(sums), outputs - 1
    padded = -(-length // lanes) * lanes
    vectors, first, of_output = padded // lanes, row * padded, rows * padded
    # Three vectors at a time, then two, so that no vector is left over.
    threes = max(0, vectors - 2 * (-vectors % SEGMENTS))
    wide_end = outputs - outputs % WIDE_OUTPUTS if HAS_WIDE_BLOCKS else 0
    for o in range(0, wide_end, WIDE_OUTPUTS):
        eight = eight_positions(first + o * of_output, of_output), eight_positions(o * step, step)
        for v in range(0, threes, SEGMENTS):
            three = v * lanes, (v + 1) * lanes, (v + 2) * lanes
            _add_block(sums, g, tile, lines, eight, three)
        for v in range(threes, vectors, 2):
            two = v * lanes, min(v + 1, vectors - 1) * lanes
            _add_block(sums, g, tile, lines, eight, two)
    for o in range(wide_end, outputs, OUTPUTS):
        # With fewer outputs or vectors than a block has, the last one is computed again.
        a, b, c = min(o + 1, last), min(o + 2, last), min(o + 3, last)
        four = (
            (
                first + o * of_output,
                first + a * of_output,
                first + b * of_output,
                first + c * of_output,
            ),
            (o * step, a * step, b * step, c * step),
        )
        for v in range(0, vectors, SEGMENTS):
            w, u = min(v + 1, vectors - 1), min(v + 2, vectors - 1)
            _add_block(sums, g, tile, lines, four, (v * lanes, w * lanes, u * lanes))


@nogil_kernel
def sum_weight_gradient(
    images: Images,
    gradients: Images,
    layout: WindowLayout,
    grad_weight: Weights,
    memory: Storage,
    first: int,
    last: int,
) -> None:
    """Compute the gradient of the weight for some output channels.

    Args:
        images: The images.
        gradients: The gradient of the result. The elements of its rows are contiguous.
        layout: The layout of a tile of images.
        grad_weight: The gradient of the weight, an output.
        memory: Memory for the tile and for the sums.
        first: The first output channel.
        last: The end of the range of output channels.
    """
    strides, lines, kernel, tile_size, images_per_tile, count = layout
    grad_starts, starts, lines_per_image, positions, lines_at_once = lines
    rows, kernel_step, length = kernel
    grad, (_, grad_channel, _, _) = gradients
    _, channels, _, _, _, _, _ = strides
    weights, output_step, taps, _, _, _, _ = grad_weight
    memory[:] = 0.0
    tile, sums = memory[:tile_size], memory[tile_size:]
    outputs = grad[first * grad_channel :], grad_channel, last - first
    for n in range(0, count, images_per_tile):
        end = min(n + images_per_tile, count)
        _fill_windows((tile, strides), images, n, end)
        line_offset, total = n * lines_per_image, (end - n) * lines_per_image
        for line in range(0, total, lines_at_once):
            line_end = min(line + lines_at_once, total)
            some = grad_starts[line_offset + line : line_offset + line_end], starts[line:line_end]
            for k in range(rows):
                of_row = (*some, positions, channels, k * kernel_step)
                _add_lines(sums, outputs, tile, of_row, kernel, k)
    lanes = lanes_of(sums)
    padded = -(-length // lanes) * lanes
    columns = length // channels
    for o in range(last - first):
        to = weights[(first + o) * output_step :]
        for k in range(rows):
            row = sums[(o * rows + k) * padded :]
            for x in range(columns):
                for c in range(channels):
                    to[taps[(c * rows + k) * columns + x]] = row[x * channels + c]
