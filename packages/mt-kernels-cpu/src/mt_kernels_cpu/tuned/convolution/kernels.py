r"""Kernels of the convolution: sums over shifted tiles.

A *plane* is one channel of one image with zeros around it, row after row, so that no position of a
kernel leaves the plane. A *tile* holds the planes of a few images. A *tap*, one weight of a kernel,
reads its input at a constant distance from the position of the output: the tap's *offset*. The
channels of an image follow one another in the tile, so the taps of all channels are one list, and

$out_{o,p} = \sum_t weight_{o,t}\, x_{p + offset_t}$

for every size of the kernel and every number of channels. A *segment* is a piece of a row as long
as a vector. A block of sums covers four output channels at three segments. Its twelve sums, the
three input vectors and one weight fit into the sixteen registers of every processor with such
vectors, and twelve independent sums hide the latency of multiplications. The gradient of the
weights is the other sum over the same products, $\sum_p g_{o,p}\, x_{p + offset_t}$: a block covers
four output channels and three taps.

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
from mt_kernels_cpu.tuned.convolution.tiling import (
    OUTPUTS,
    SEGMENTS,
    TAPS,
    Positions,
    StagingLayout,
    TileStrides,
)
from mt_kernels_cpu.tuned.simd.blocks import add_horizontal_sums, add_outer_product, relu_block
from mt_kernels_cpu.tuned.simd.compare import select_positive
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
from mt_kernels_cpu.tuned.simd.vector import add, horizontal_add
from mt_tensor.layout import Storage

Images: TypeAlias = tuple[Storage, tuple[int, int, int, int]]
"""Images in any layout: the storage, and the strides of images, channels, rows and columns."""

Outputs: TypeAlias = tuple[Storage, int, int]
"""Contiguous result: the storage, the number of channels, and the number of elements of one
channel."""

Scratch: TypeAlias = npt.NDArray[Any]
"""Memory for a tile and for sums, one row for each thread: (threads, elements)."""

Kernels: TypeAlias = tuple[Storage, int, Positions, Positions]
"""Weights in any layout: the storage, the stride of output channels, the position of each tap in
the first kernel, and the offset of each tap in a tile."""

Init: TypeAlias = tuple[Storage, int]
"""Initial values of sums: the storage, and the stride of output channels, 0 for one value for
all."""

ScratchEnds: TypeAlias = tuple[int, int, int]
"""Ends of the parts of a row of scratch, in elements: the tile of gradients, the tile of images,
and the sums of the weights."""

VECTORS_PER_SUM = 16
"""Vectors of gradients that are added before their sum is added to that of the bias. A larger value
rounds more."""

RUN_PER_SUM = 2048
"""Elements of a run of gradients whose products are added before their sum is added to that of the
weight."""

Segments: TypeAlias = tuple[Positions, Positions, Positions]
"""Segments of a tile: the start of each in the first output channel, the start of each in the tile,
and the number of segments of the first image, of the first two, and so on."""


@helper
def _fill_channels_last(
    tile: Storage, tile_strides: TileStrides, images: Images, first: int, last: int
) -> None:
    """Fill a tile from images whose channels are contiguous, such as word vectors."""
    lanes = lanes_of(tile)
    image_step, channel_step, row_step, origin, channels, height, width = tile_strides
    source, strides = images
    for n in range(first, last):
        for y in range(height):
            to = (n - first) * image_step + origin + y * row_step
            start = n * strides[0] + y * strides[2]
            for c in range(0, channels, lanes):
                # The last block is a whole one, which overlaps with the block before.
                c = min(c, channels - lanes)
                for x in range(0, width, lanes):
                    x = min(x, width - lanes)
                    at, source_at = to + c * channel_step + x, start + c + x * strides[3]
                    copy_transposed(tile, at, channel_step, source, source_at, strides[3])


@helper
def _fill_short_rows(
    tile: Storage,
    tile_strides: TileStrides,
    images: Images,
    masked: bool,
    mask: Images,
    first: int,
    last: int,
) -> None:
    """Fill a tile from rows that are shorter than a vector.

    The loop is separate from the one of long rows: a branch for each row would take as long as the
    row.
    """
    lanes = lanes_of(tile)
    image_step, channel_step, row_step, origin, channels, height, width = tile_strides
    (source, strides), (mask_source, mask_strides) = images, mask
    for n in range(first, last):
        for c in range(channels):
            to = (n - first) * image_step + c * channel_step + origin
            start = n * strides[0] + c * strides[1]
            mask_at = n * mask_strides[0] + c * mask_strides[1]
            for _ in range(height):
                if max(start - len(source), mask_at - len(mask_source)) <= -lanes:
                    # The vector's zeros overwrite the next row, which is written later.
                    values = load(source, start)
                    if masked:
                        values = select_positive(load(mask_source, mask_at), values)
                    store(tile, to, mask_tail(values, width))
                else:
                    for x in range(width):
                        value = source[start + x]
                        if masked and not mask_source[mask_at + x] > 0:
                            value = source.dtype.type(0)
                        tile[to + x] = value
                to, start, mask_at = to + row_step, start + strides[2], mask_at + mask_strides[2]


@helper
def fill_tile(
    tile: Storage,
    tile_strides: TileStrides,
    images: Images,
    masked: bool,
    mask: Images,
    first: int,
    last: int,
) -> None:
    """Copy images into a tile. With a mask, elements whose mask is not positive become 0.

    The elements of a row are contiguous or, without a mask, those of all channels are (see
    `mt_kernels_cpu.tuned.convolution.launch.tile_source`).

    Args:
        tile: The tile.
        tile_strides: The layout of images in the tile.
        images: The images.
        masked: True to apply the mask.
        mask: The mask, of the shape of the images.
        first: The first image.
        last: The end of the range of images.
    """
    lanes = lanes_of(tile)
    image_step, channel_step, row_step, origin, channels, height, width = tile_strides
    (source, strides), (mask_source, mask_strides) = images, mask
    if strides[1] == 1 and min(channels, width) >= lanes and not masked:
        _fill_channels_last(tile, tile_strides, images, first, last)
        return
    if width < lanes:
        _fill_short_rows(tile, tile_strides, images, masked, mask, first, last)
        return
    for n in range(first, last):
        for c in range(channels):
            to = (n - first) * image_step + c * channel_step + origin
            start = n * strides[0] + c * strides[1]
            mask_at = n * mask_strides[0] + c * mask_strides[1]
            for _ in range(height):
                for x in range(0, width, lanes):
                    # The last vector of a row is a whole one; it overlaps with the one before.
                    x = min(x, width - lanes)
                    values = load(source, start + x)
                    if masked:
                        values = select_positive(load(mask_source, mask_at + x), values)
                    store(tile, to + x, values)
                to, start, mask_at = to + row_step, start + strides[2], mask_at + mask_strides[2]


@helper
def convolve_segments(
    outputs: Outputs,
    staging: Storage,
    staging_layout: StagingLayout,
    tile: Storage,
    kernels: Kernels,
    init: Init,
    segments: Segments,
    relu: bool,
    first: int,
    last: int,
) -> None:
    """Compute the segments of a tile, in the outputs or, if there is one, in the staging buffer."""
    (out, channels, length), (weight, kernel, taps, offsets) = outputs, kernels
    (bias, bias_step), (to, at, counts) = init, segments
    staged = staging_layout[0] > 0
    if staged:
        length, image = staging_layout[0], 0
    else:
        image = first * channels * length
    count, last_output = counts[last - first], channels - 1
    for o in range(0, channels, OUTPUTS):
        # With fewer outputs or segments than a block has, the last one is computed again.
        o1, o2, o3 = min(o + 1, last_output), min(o + 2, last_output), min(o + 3, last_output)
        rows = (image + o * length, image + o1 * length, image + o2 * length, image + o3 * length)
        weights = (o * kernel, o1 * kernel, o2 * kernel, o3 * kernel)
        a, b, c, d = splat_each(
            bias, (o * bias_step, o1 * bias_step, o2 * bias_step, o3 * bias_step), 0
        )
        for i in range(0, count, SEGMENTS):
            j, k = min(i + 1, count - 1), min(i + 2, count - 1)
            positions = (at[i], at[j], at[k])
            sums = (a, a, a, b, b, b, c, c, c, d, d, d)
            for t in range(len(taps)):
                x = load_each(tile, positions, offsets[t])
                w = splat_each(weight, weights, taps[t])
                sums = add_outer_product(sums, w, x)
            if relu:
                sums = relu_block(sums)
            if staged:
                store_block(staging, rows, (to[i], to[j], to[k]), sums)
            else:
                store_block(out, rows, (to[i], to[j], to[k]), sums)


@helper
def convolve_tile(
    outputs: Outputs,
    staging: Storage,
    staging_layout: StagingLayout,
    tile: Storage,
    kernels: Kernels,
    init: Init,
    segments: Segments,
    relu: bool,
    first: int,
    last: int,
) -> None:
    """Compute the outputs of a tile and, if there is a staging buffer, copy them to the result."""
    lanes = lanes_of(tile)
    convolve_segments(
        outputs, staging, staging_layout, tile, kernels, init, segments, relu, first, last
    )
    out, channels, length = outputs
    channel_step, image_step, row_step, rows, columns = staging_layout
    if channel_step > 0:
        to = first * channels * length
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
                        for x in range(columns):
                            out[to + x] = staging[start + x]
                    start, to = start + row_step, to + columns


@helper
def _add_weight_gradient(
    sums: Storage,
    g: Storage,
    grad_strides: TileStrides,
    x: Storage,
    tile_strides: TileStrides,
    offsets: Positions,
    run_length: int,
    runs: int,
    init: Storage,
) -> None:
    """Add the products of gradients and inputs to the sums: for each tap a row of all outputs."""
    lanes = lanes_of(sums)
    grad_image_step, grad_step, _, origin, channels, _, _ = grad_strides
    image_step = tile_strides[0]
    (zero,) = splat_each(init, (0,), 0)
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
def _add_bias_gradient(
    sums: Storage, g: Storage, grad_strides: TileStrides, run_length: int, runs: int, init: Storage
) -> None:
    """Add the sum of each channel of the gradients to sums in double precision."""
    lanes = lanes_of(g)
    (zero,) = splat_each(init, (0,), 0)
    for o in range(grad_strides[4]):
        total = sums[o]
        for n in range(runs):
            start = n * grad_strides[0] + o * grad_strides[1] + grad_strides[3]
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
    tile_strides: TileStrides,
    images_per_tile: int,
    kernels: Kernels,
    init: Init,
    segments: Segments,
    outputs: Outputs,
    relu: bool,
    staging_layout: StagingLayout,
    scratch: Scratch,
    tile_size: int,
    part: int,
    first: int,
    last: int,
) -> None:
    """Convolve images, one tile after the other.

    Args:
        images: The images.
        tile_strides: The layout of images in the tile.
        images_per_tile: The number of images in a tile.
        kernels: The weights.
        init: The initial values of the sums, such as a bias.
        segments: The segments of a tile.
        outputs: The result.
        relu: True to replace negative sums by 0.
        staging_layout: The layout of the staging buffer.
        scratch: Memory for the tile, followed by the staging buffer.
        tile_size: The number of elements of the tile.
        part: The row of `scratch` of this thread.
        first: The first image.
        last: The end of the range of images.
    """
    tile, staging = scratch[part][:tile_size], scratch[part][tile_size:]
    tile[:] = 0.0
    for n in range(first, last, images_per_tile):
        end = min(n + images_per_tile, last)
        fill_tile(tile, tile_strides, images, False, images, n, end)
        convolve_tile(outputs, staging, staging_layout, tile, kernels, init, segments, relu, n, end)


@nogil_kernel
def convolve_backward(
    grad: Images,
    masked: bool,
    mask: Images,
    grad_strides: TileStrides,
    images_per_tile: int,
    backward: bool,
    grad_input: Outputs,
    kernels: Kernels,
    init: Init,
    segments: Segments,
    staging_layout: StagingLayout,
    images: Images,
    tile_strides: TileStrides,
    offsets: Positions,
    output_span: int,
    contiguous_rows: bool,
    scratch: Scratch,
    ends: ScratchEnds,
    bias_scratch: Scratch,
    part: int,
    first: int,
    last: int,
) -> None:
    """Compute the gradients of a convolution, one tile after the other.

    Args:
        grad: The gradient of the result.
        masked: True if the gradient counts only where `mask` is positive.
        mask: The result after ReLU.
        grad_strides: The layout of the gradient in its tile.
        images_per_tile: The number of images in a tile.
        backward: True to compute the gradient of the images.
        grad_input: The result for the gradient of the images.
        kernels: The flipped weights.
        init: A zero.
        segments: The segments of the tile of gradients.
        staging_layout: The layout of the staging buffer for the gradient of the images.
        images: The images.
        tile_strides: The layout of images in their tile.
        offsets: The offset of each tap in the tile of images.
        output_span: The number of elements from the first gradient in a plane to the last.
        contiguous_rows: True if the planes of one channel follow one another and form one row.
        scratch: Memory for the tile of gradients, the tile of images, the sums of the weights (for
            each tap a row of outputs, in whole blocks), and the staging buffer.
        ends: The end of each of these parts. Empty for gradients that are not requested.
        bias_scratch: Zeros for the sums of the bias, in double precision. Empty if they are not
            requested.
        part: The row of `scratch` of this thread.
        first: The first image.
        last: The end of the range of images.
    """
    row = scratch[part]
    row[: ends[2]] = 0.0
    grad_tile, tile = row[: ends[0]], row[ends[0] : ends[1]]
    sums, bias_sums = row[ends[1] : ends[2]], bias_scratch[part]
    for n in range(first, last, images_per_tile):
        end = min(n + images_per_tile, last)
        if first < n and end - n < images_per_tile:
            # Vectors read beyond the last gradient, where an earlier image's may still be.
            grad_tile[:] = 0.0
        fill_tile(grad_tile, grad_strides, grad, masked, mask, n, end)
        if backward:
            staging = row[ends[2] :]
            convolve_tile(
                grad_input,
                staging,
                staging_layout,
                grad_tile,
                kernels,
                init,
                segments,
                False,
                n,
                end,
            )
        runs, run_length = (
            (1, (end - n) * grad_strides[0]) if contiguous_rows else (end - n, output_span)
        )
        if len(sums) > 0:
            fill_tile(tile, tile_strides, images, False, images, n, end)
            for start in range(0, run_length, RUN_PER_SUM):
                _add_weight_gradient(
                    sums,
                    grad_tile[start:],
                    grad_strides,
                    tile[start:],
                    tile_strides,
                    offsets,
                    min(RUN_PER_SUM, run_length - start),
                    runs,
                    init[0],
                )
        if len(bias_sums) > 0:
            _add_bias_gradient(bias_sums, grad_tile, grad_strides, run_length, runs, init[0])


@nogil_kernel
def reduce_thread_sums(
    grad_weight: Kernels,
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
    sums, biases = scratch[0][ends[1] : ends[2]], bias_scratch[0]
    for part in range(1, len(scratch)):
        other, other_biases = scratch[part][ends[1] : ends[2]], bias_scratch[part]
        for i in range(len(sums)):
            sums[i] += other[i]
        for o in range(len(biases)):
            biases[o] += other_biases[o]
    if ends[1] < ends[2]:
        weights, output_step, taps, _ = grad_weight
        padded_outputs = -(-outputs // OUTPUTS) * OUTPUTS
        for t in range(len(taps)):
            # With slices and unsigned indices numba needs no test for negative indices.
            to, row = weights[taps[t] :], sums[t * padded_outputs :]
            for o in range(np.uint64(outputs)):
                to[o * np.uint64(output_step)] = row[o]
    for o in range(len(grad_bias)):
        grad_bias[o] = biases[o]
