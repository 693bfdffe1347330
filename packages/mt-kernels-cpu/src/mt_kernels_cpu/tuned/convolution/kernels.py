r"""Kernels of the convolution: sums over shifted tiles.

A *plane* is one channel of one image with zeros around it, row after row, so that no position of a
kernel leaves the plane. A *tile* holds the planes of a few images. A *tap*, one weight of a kernel,
reads its input at a constant distance from the position of the output: the tap's *offset*. One
image with two channels of 2 × 3 elements, for kernels of 2 × 2::

    channel 0    channel 1       tile: a b c 0 d e f 0 0 0 0 0  g h i 0 j k l 0 0 0 0 0
    a b c 0      g h i 0               ↑ ↑     ↑ ↑              ↑ ↑     ↑ ↑
    d e f 0      j k l 0      offsets: 0 1     4 5             12 13   16 17
    0 0 0 0      0 0 0 0

The channels of an image follow one another in the tile, so the taps of all channels are one list,
and

$out_{o,p} = \sum_t weight_{o,t}\, x_{p + offset_t}$

for every size of the kernel and every number of channels. A *segment* is a piece of a row as long
as a vector. A block of sums covers four output channels at three segments i, j, k; each tap adds
twelve products::

                    x[i + offset]   x[j + offset]   x[k + offset]
    weight[o]            sum             sum             sum
    weight[o + 1]        sum             sum             sum
    weight[o + 2]        sum             sum             sum
    weight[o + 3]        sum             sum             sum

Its twelve sums, the three input vectors and one weight fit into the sixteen registers of every
processor with such vectors, and twelve independent sums hide the latency of multiplications. A
processor with AVX-512 has 32 registers: there a *wide block* covers eight output channels, so that
each input vector, which often lies in two lines of the cache, is loaded half as often. Each sum
adds the same products in the same order in both blocks. The gradient of the weights is the other
sum over the same products, $\sum_p g_{o,p}\, x_{p + offset_t}$: a block covers four output
channels and three taps. `mt_kernels_cpu.tuned.convolution.window_kernels` computes it for images
with many channels.

If a row of outputs is shorter than a vector, segments cross the ends of rows: they run through a
plane and the zeros between its rows, or through one plane after the other if images are one row
high. Their results go to a *staging buffer*, and the outputs are copied from it. This is also
cheaper if segments of single rows would overlap much.

A tile is filled, used for everything that needs it, and filled again with the next images, so it
stays in the processor's first caches. The zeros around an image are written once and never change.

These loops run at the speed of matrix multiplication. `mt_kernels_cpu.tuned.convolution.tiling`
computes the lists of offsets and positions.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import helper, nogil_kernel
from mt_kernels_cpu.tuned.convolution.arguments import (
    BackwardScratch,
    Images,
    InputGradient,
    Outputs,
    ScratchEnds,
    Upstream,
    WeightGradient,
    Weights,
)
from mt_kernels_cpu.tuned.convolution.tiling import (
    HAS_WIDE_BLOCKS,
    OUTPUTS,
    SEGMENTS,
    TAPS,
    WIDE_OUTPUTS,
    Positions,
    Segments,
    StagingLayout,
    TileStrides,
    Tiling,
)
from mt_kernels_cpu.tuned.simd.blocks import (
    add_horizontal_sums,
    add_outer_product,
    relu_block,
    splat_block,
)
from mt_kernels_cpu.tuned.simd.compare import select_positive
from mt_kernels_cpu.tuned.simd.memory import (
    copy_transposed,
    lanes_of,
    load,
    load_each,
    load_head,
    mask_tail,
    splat_each,
    store,
    store_block,
    store_head,
)
from mt_kernels_cpu.tuned.simd.positions import eight_positions
from mt_kernels_cpu.tuned.simd.vector import add, horizontal_add
from mt_tensor.layout import Storage

Scratch: TypeAlias = npt.NDArray[Any]
"""Memory for a tile and for sums, one row for each thread: (threads, elements)."""

VECTORS_PER_SUM = 16
"""Vectors of gradients that are added before their sum is added to that of the bias. A larger value
rounds more."""

RUN_PER_SUM = 2048
"""Elements of a run of gradients whose products are added before their sum is added to that of the
weight."""

Channels: TypeAlias = tuple[Storage, int, int, int]
"""Memory for the segments of a tile: the storage, the position of the first output channel, the
number of output channels, and their stride."""

Tile: TypeAlias = tuple[Storage, TileStrides]
"""A tile, or the rest of it from some element on, and the layout of images in it."""


@helper
def _fill_channels_last(tile: Tile, images: Images, first: int, last: int) -> None:
    """Fill a tile from images whose channels are contiguous, such as word vectors."""
    (to, tile_strides), (source, source_strides) = tile, images
    to_image, to_channel, to_row, origin, channels, height, width = tile_strides
    image_step, _, row_step, column_step = source_strides
    lanes = lanes_of(to)
    for n in range(first, last):
        for y in range(height):
            to_start = (n - first) * to_image + origin + y * to_row
            start = n * image_step + y * row_step
            for c in range(0, channels, lanes):
                # The last block is a whole one, which overlaps with the block before.
                c = min(c, channels - lanes)
                for x in range(0, width, lanes):
                    x = min(x, width - lanes)
                    at, source_at = to_start + c * to_channel + x, start + c + x * column_step
                    copy_transposed(to, at, to_channel, source, source_at, column_step)


@helper
def _fill_short_rows(
    tile: Tile, images: Images, masked: bool, mask: Images, first: int, last: int
) -> None:
    """Fill a tile from rows that are shorter than a vector.

    The loop is separate from the one of long rows: a branch for each row would take as long as the
    row.
    """
    (to, tile_strides), (source, source_strides), (mask_source, mask_strides) = tile, images, mask
    to_image, to_channel, to_row, origin, channels, height, width = tile_strides
    image_step, channel_step, row_step, _ = source_strides
    mask_image, mask_channel, mask_row, _ = mask_strides
    lanes = lanes_of(to)
    for n in range(first, last):
        for c in range(channels):
            at = (n - first) * to_image + c * to_channel + origin
            start = n * image_step + c * channel_step
            mask_at = n * mask_image + c * mask_channel
            for _ in range(height):
                # The vector's zeros overwrite the next row, which is written later.
                if max(start - len(source), mask_at - len(mask_source)) <= -lanes:
                    values = load(source, start)
                    if masked:
                        values = select_positive(load(mask_source, mask_at), values)
                    values = mask_tail(values, width)
                else:
                    values = load_head(source, start, width)
                    if masked:
                        values = select_positive(load_head(mask_source, mask_at, width), values)
                store(to, at, values)
                at, start, mask_at = at + to_row, start + row_step, mask_at + mask_row


@helper
def fill_tile(
    tile: Tile, images: Images, masked: bool, mask: Images, first: int, last: int
) -> None:
    """Copy images into a tile. With a mask, elements whose mask is not positive become 0.

    The elements of a row are contiguous or, without a mask, those of all channels are (see
    `mt_kernels_cpu.tuned.convolution.launch.tile_source`).

    Args:
        tile: The tile.
        images: The images.
        masked: True to apply the mask. For a literal False numba would compile the function again,
            so callers without a mask write ``last < first``.
        mask: The mask, of the shape of the images.
        first: The first image.
        last: The end of the range of images.
    """
    (to, tile_strides), (source, source_strides), (mask_source, mask_strides) = tile, images, mask
    to_image, to_channel, to_row, origin, channels, height, width = tile_strides
    image_step, channel_step, row_step, _ = source_strides
    mask_image, mask_channel, mask_row, _ = mask_strides
    lanes = lanes_of(to)
    if channel_step == 1 and min(channels, width) >= lanes and not masked:
        _fill_channels_last(tile, images, first, last)
        return
    if width < lanes:
        _fill_short_rows(tile, images, masked, mask, first, last)
        return
    for n in range(first, last):
        for c in range(channels):
            at = (n - first) * to_image + c * to_channel + origin
            start = n * image_step + c * channel_step
            mask_at = n * mask_image + c * mask_channel
            for _ in range(height):
                for x in range(0, width, lanes):
                    # The last vector of a row is a whole one; it overlaps with the one before.
                    x = min(x, width - lanes)
                    values = load(source, start + x)
                    if masked:
                        values = select_positive(load(mask_source, mask_at + x), values)
                    store(to, at + x, values)
                at, start, mask_at = at + to_row, start + row_step, mask_at + mask_row


@helper
def clear_tile(tile: Storage, strides: TileStrides, images: int) -> None:
    """Write zeros around the images of a tile.

    In a tile of sequences few elements lie between them, so only those are written.
    """
    image, channel, _, origin, channels, _, width = strides
    if image >= channel:
        tile[:] = 0.0
        return
    at = 0
    for c in range(channels):
        # The gap before the first sequence of a channel includes that behind the last one.
        start = c * channel + origin
        for _ in range(images):
            for i in range(at, start):
                tile[i] = 0.0
            at = start + width
            start += image
    for i in range(at, len(tile)):
        tile[i] = 0.0


@helper
def _convolve_block(
    out: Storage, tile: Storage, weights: Weights, channels: Any, starts: Any, positions: Any
) -> None:
    """Compute a block: some output channels at some segments.

    Args:
        out: The result.
        tile: The tile.
        weights: The weights.
        channels: Three tuples: for each output channel the position of its first output in `out`,
            that of its first weight, and that of its bias.
        starts: The start of each segment in the first output channel.
        positions: The start of each segment in the tile.
    """
    weight, _, taps, offsets, bias, _, relu = weights
    rows, kernels, biases = channels
    sums = splat_block(bias, biases, positions)
    for t in range(len(taps)):
        x = load_each(tile, positions, offsets[t])
        w = splat_each(weight, kernels, taps[t])
        sums = add_outer_product(sums, w, x)
    if relu:
        sums = relu_block(sums)
    store_block(out, rows, starts, sums)


@helper
def convolve_segments(
    to: Channels, tile: Storage, weights: Weights, segments: Segments, images: int
) -> None:
    """Compute the segments of the first images of a tile."""
    out, first, channels, length = to
    _, kernel, _, _, _, bias_step, _ = weights
    starts, at, counts = segments
    count, last_output = counts[images], channels - 1
    last = count - 1
    # Three segments at a time, then two, so that no segment is left over.
    threes = max(0, count - 2 * (-count % SEGMENTS))
    wide_end = channels - channels % WIDE_OUTPUTS if HAS_WIDE_BLOCKS else 0
    for o in range(0, wide_end, WIDE_OUTPUTS):
        rows = eight_positions(first + o * length, length)
        eight = rows, eight_positions(o * kernel, kernel), eight_positions(o * bias_step, bias_step)
        for i in range(0, threes, SEGMENTS):
            j, k = i + 1, i + 2
            three = (starts[i], starts[j], starts[k]), (at[i], at[j], at[k])
            _convolve_block(out, tile, weights, eight, *three)
        for i in range(threes, count, 2):
            j = min(i + 1, last)
            _convolve_block(out, tile, weights, eight, (starts[i], starts[j]), (at[i], at[j]))
    for o in range(wide_end, channels, OUTPUTS):
        # With fewer outputs or segments than a block has, the last one is computed again.
        p, q, r = min(o + 1, last_output), min(o + 2, last_output), min(o + 3, last_output)
        four = (
            (first + o * length, first + p * length, first + q * length, first + r * length),
            (o * kernel, p * kernel, q * kernel, r * kernel),
            (o * bias_step, p * bias_step, q * bias_step, r * bias_step),
        )
        for i in range(0, count, SEGMENTS):
            j, k = min(i + 1, last), min(i + 2, last)
            three = (starts[i], starts[j], starts[k]), (at[i], at[j], at[k])
            _convolve_block(out, tile, weights, four, *three)


@helper
def _copy_staged(
    outputs: Outputs, staging: Storage, layout: StagingLayout, first: int, last: int
) -> None:
    """Copy outputs from the staging buffer to the result."""
    out, channels, length = outputs
    channel_step, image_step, row_step, rows, columns = layout
    lanes, to = lanes_of(out), first * channels * length
    last_vector = last * channels * length - columns - lanes
    for n in range(last - first):
        for o in range(channels):
            start = n * image_step + o * channel_step
            for _ in range(rows):
                if to <= last_vector:
                    # The vector writes beyond the row; the next row overwrites that.
                    for x in range(0, columns, lanes):
                        store(out, to + x, load(staging, start + x))
                else:
                    for x in range(0, columns, lanes):
                        store_head(out, to + x, load(staging, start + x), columns - x)
                start, to = start + row_step, to + columns


@helper
def convolve_tile(
    outputs: Outputs,
    staging: Storage,
    tiling: Tiling,
    tile: Storage,
    weights: Weights,
    first: int,
    last: int,
) -> None:
    """Compute the outputs of a tile, through the staging buffer if there is one."""
    out, channels, length = outputs
    _, _, _, segments, staging_layout = tiling
    staging_step, _, _, _, _ = staging_layout
    if staging_step > 0:
        # With a literal 0, numba would compile `convolve_segments` for a type of its own.
        staged = (staging, first - first, channels, staging_step)
        convolve_segments(staged, tile, weights, segments, last - first)
        _copy_staged(outputs, staging, staging_layout, first, last)
    else:
        direct = (out, first * channels * length, channels, length)
        convolve_segments(direct, tile, weights, segments, last - first)


@helper
def _add_weight_gradient(
    sums: Storage, gradients: Tile, images: Tile, offsets: Positions, run: Any, zeros: Storage
) -> None:
    """Add the products of gradients and inputs to the sums: for each tap a row of all outputs.

    Args:
        sums: The sums.
        gradients: The tile of gradients.
        images: The tile of images.
        offsets: The offset of each tap in it.
        run: The number of elements to add, and the number of images in which they are.
        zeros: A zero.
    """
    (g, grad_strides), (x, tile_strides), (run_length, runs) = gradients, images, run
    grad_image_step, grad_step, _, origin, channels, _, _ = grad_strides
    image_step, _, _, _, _, _, _ = tile_strides
    lanes = lanes_of(sums)
    (zero,) = splat_each(zeros, (0,), 0)
    zero_block = (zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero)
    last, last_tap = channels - 1, len(offsets) - 1
    padded_outputs = -(-channels // OUTPUTS) * OUTPUTS
    for o in range(0, channels, OUTPUTS):
        a, b = origin + o * grad_step, origin + min(o + 1, last) * grad_step
        c, d = origin + min(o + 2, last) * grad_step, origin + min(o + 3, last) * grad_step
        for t in range(0, len(offsets), TAPS):
            i, j, k = offsets[t], offsets[min(t + 1, last_tap)], offsets[min(t + 2, last_tap)]
            block = zero_block
            for n in range(runs):
                m, s = n * grad_image_step, n * image_step
                outputs, inputs = (m + a, m + b, m + c, m + d), (s + i, s + j, s + k)
                for p in range(0, run_length, lanes):
                    block = add_outer_product(
                        block, load_each(g, outputs, p), load_each(x, inputs, p)
                    )
            to = t * padded_outputs + o
            add_horizontal_sums(sums, (to, to + padded_outputs, to + 2 * padded_outputs), block)


@helper
def _add_bias_gradient(sums: Storage, gradients: Tile, run: Any, zeros: Storage) -> None:
    """Add the sum of each channel of the gradients to sums in double precision."""
    (g, grad_strides), (run_length, runs) = gradients, run
    image_step, channel_step, _, origin, channels, _, _ = grad_strides
    lanes = lanes_of(g)
    (zero,) = splat_each(zeros, (0,), 0)
    for o in range(channels):
        total = sums[o]
        for n in range(runs):
            start = n * image_step + o * channel_step + origin
            stop = start + run_length
            for first in range(start, stop, VECTORS_PER_SUM * lanes):
                row = zero
                for p in range(first, min(first + VECTORS_PER_SUM * lanes, stop), lanes):
                    row = add(row, load(g, p))
                total += horizontal_add(row)
        sums[o] = total


@nogil_kernel
def convolve_forward(
    images: Images,
    tiling: Tiling,
    weights: Weights,
    outputs: Outputs,
    memory: Storage,
    first: int,
    last: int,
) -> None:
    """Convolve images, one tile after the other.

    Args:
        images: The images.
        tiling: The layout of a tile.
        weights: The weights, and the initial values of the sums, such as a bias.
        outputs: The result.
        memory: Memory for the tile, followed by the staging buffer.
        first: The first image.
        last: The end of the range of images.
    """
    tile_strides, images_per_tile, tile_size, _, _ = tiling
    tile, staging = memory[:tile_size], memory[tile_size:]
    clear_tile(tile, tile_strides, images_per_tile)
    for n in range(first, last, images_per_tile):
        end = min(n + images_per_tile, last)
        fill_tile((tile, tile_strides), images, last < first, images, n, end)
        convolve_tile(outputs, staging, tiling, tile, weights, n, end)


@nogil_kernel
def convolve_backward(
    upstream: Upstream,
    tiling: Tiling,
    to_input: InputGradient,
    to_weight: WeightGradient,
    scratch: BackwardScratch,
    first: int,
    last: int,
) -> None:
    """Compute the gradients of a convolution, one tile after the other.

    Args:
        upstream: The gradient of the result.
        tiling: The layout of a tile of gradients.
        to_input: The gradient of the images, if it is requested.
        to_weight: The operands of the gradients of weight and bias.
        scratch: The memory of this thread.
        first: The first image.
        last: The end of the range of images.
    """
    grad, masked, mask = upstream
    grad_strides, images_per_tile, _, _, _ = tiling
    wants_input, grad_input, weights = to_input
    images, tile_strides, offsets, output_span, contiguous_rows = to_weight
    row, ends, bias_sums = scratch
    grad_end, images_end, sums_end = ends
    _, _, _, _, zeros, _, _ = weights
    grad_image_step, _, _, _, _, _, _ = grad_strides
    row[:sums_end] = 0.0
    grad_tile, tile, sums = row[:grad_end], row[grad_end:images_end], row[images_end:sums_end]
    for n in range(first, last, images_per_tile):
        end = min(n + images_per_tile, last)
        if first < n and end - n < images_per_tile:
            # Vectors read beyond the last gradient, where an earlier image's may still be.
            grad_tile[:] = 0.0
        fill_tile((grad_tile, grad_strides), grad, masked, mask, n, end)
        if wants_input:
            convolve_tile(grad_input, row[sums_end:], tiling, grad_tile, weights, n, end)
        runs, run_length = (
            (1, (end - n) * grad_image_step) if contiguous_rows else (end - n, output_span)
        )
        if len(sums) > 0:
            fill_tile((tile, tile_strides), images, last < first, images, n, end)
            for start in range(0, run_length, RUN_PER_SUM):
                _add_weight_gradient(
                    sums,
                    (grad_tile[start:], grad_strides),
                    (tile[start:], tile_strides),
                    offsets,
                    (min(RUN_PER_SUM, run_length - start), runs),
                    zeros,
                )
        if len(bias_sums) > 0:
            gradients = (grad_tile, grad_strides)
            _add_bias_gradient(bias_sums, gradients, (run_length, runs), zeros)


@nogil_kernel
def reduce_thread_sums(
    grad_weight: Weights,
    grad_bias: Storage,
    outputs: int,
    scratch: Scratch,
    ends: ScratchEnds,
    bias_scratch: Scratch,
) -> None:
    """Add the sums of `convolve_backward` over all threads, and write the gradients.

    Args:
        grad_weight: The gradient of the weight, an output.
        grad_bias: The gradient of the bias, an output.
        outputs: The number of output channels.
        scratch: The sums of each thread.
        ends: The ends of the parts of a row of scratch.
        bias_scratch: The sums of the bias of each thread.
    """
    weights, output_step, taps, _, _, _, _ = grad_weight
    _, images_end, sums_end = ends
    sums, biases = scratch[0][images_end:sums_end], bias_scratch[0]
    for part in range(1, len(scratch)):
        other, other_biases = scratch[part][images_end:sums_end], bias_scratch[part]
        for i in range(len(sums)):
            sums[i] += other[i]
        for o in range(len(biases)):
            biases[o] += other_biases[o]
    if images_end < sums_end:
        padded_outputs = -(-outputs // OUTPUTS) * OUTPUTS
        for t in range(len(taps)):
            # With slices and unsigned indices numba needs no test for negative indices.
            to, row = weights[taps[t] :], sums[t * padded_outputs :]
            for o in range(np.uint64(outputs)):
                to[o * np.uint64(output_step)] = row[o]
    for o in range(len(grad_bias)):
        grad_bias[o] = biases[o]
