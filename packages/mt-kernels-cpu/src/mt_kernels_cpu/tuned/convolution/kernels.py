r"""Convolution as a sum of shifted planes: the kernels.

A *plane* is one channel of one image with zeros around it, row after row, so that a kernel that
slides over the image never leaves the plane. Then a *tap*, one weight of a kernel, always finds
its number at the same distance from the position of the output: at its *offset*. All channels of
an image lie behind one another, so the taps of all of them are one list, and

$out_{o,p} = \sum_t weight_{o,t}\, x_{p + offset_t}$

whatever the size of the kernel and the number of channels. Four outputs at three *segments*, pieces
of a row as long as a vector, are summed up at a time. These twelve sums, the three segments and one
weight fit into sixteen registers, which every processor with such vectors has; twelve sums are also
enough for it never to wait for one multiplication before it begins the next. The gradient of the
weights is the other sum over the same products, $\sum_p g_{o,p}\, x_{p + offset_t}$: four outputs
and three taps at a time.

A row of outputs that is shorter than a vector shares segments with the rows behind it: segments
then run on through a plane, across the zeros between its rows, and through one plane after the
other if images are one row high. What they work out is put into a room of its own, and the outputs
are taken from there. That also pays where a row on its own would need segments that overlap much.

Planes hold no more than a few images. They are filled, used for all that needs them, and filled
again with the next images, so they never leave the processor's first caches. What surrounds an
image in a plane is zero from the beginning, and stays so.

These loops run at the speed of matrix multiplication. Lists of offsets and positions come from
`mt_kernels_cpu.tuned.convolution.tiling`.
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
"""Images in any layout: the cells, and the strides of images, channels, rows and columns."""

Outputs: TypeAlias = tuple[Storage, int, int]
"""Contiguous images to write: the cells, the number of channels, and the length of one."""

Scratch: TypeAlias = npt.NDArray[Any]
"""Room for planes of a few images and for sums: a row for each thread."""

Kernels: TypeAlias = tuple[Storage, int, Positions, Positions]
"""Kernels in any layout: the cells, the step from one output's kernel to the next, where in the
first kernel each tap lies, and each tap's offset in planes."""

Init: TypeAlias = tuple[Storage, int]
"""What sums begin with: the cells, and the step from one output's number to the next."""

ScratchEnds: TypeAlias = tuple[int, int, int, int]
"""Where in a row of scratch gradients, images, sums of the kernels and sums of the bias end."""

Segments: TypeAlias = tuple[Positions, Positions, Positions]
"""Where segments begin, in the first channel of the outputs and in planes; and how many of them the
first image has, the first two, and so on."""


@helper
def _fill_channels_last(
    tile: Storage, tile_strides: TileStrides, images: Images, first: int, last: int
) -> None:
    """Fill planes from images whose channels are neighbours in memory, as for vectors of words."""
    lanes = lanes_of(tile)
    image_step, channel_step, row_step, origin, channels, height, width = tile_strides
    source, strides = images
    for n in range(first, last):
        for y in range(height):
            to = (n - first) * image_step + origin + y * row_step
            start = n * strides[0] + y * strides[2]
            for c in range(0, channels, lanes):
                # The last block overlaps with the one before.
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
    """Fill planes from rows of less than a vector.

    It is a loop of its own: a question for each row would take as long as the row.
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
                    # The zeros behind a row reach into the next one, which comes later.
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
    """Write images into planes; where there is a mask, only what is positive in it counts.

    The numbers of a row are neighbours, or, without a mask, those of all channels (see
    `mt_kernels_cpu.tuned.convolution.launch.to_fill_from`).
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
                    # The last vector of a row overlaps with the one before.
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
    """Work out the segments of a few images, in the outputs or, if they have room, in responses."""
    (out, channels, length), (weight, kernel, taps, offsets) = outputs, kernels
    (bias, bias_step), (to, at, counts) = init, segments
    staged = staging_layout[0] > 0
    if staged:
        length, image = staging_layout[0], 0
    else:
        image = first * channels * length
    count, last_output = counts[last - first], channels - 1
    for o in range(0, channels, OUTPUTS):
        # Where there are fewer outputs, or segments, the last one is worked out again.
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
    """Work out the outputs of a few images, by way of the responses if these have room."""
    lanes = lanes_of(tile)
    convolve_segments(
        outputs, staging, staging_layout, tile, kernels, init, segments, relu, first, last
    )
    (out, channels, length), (channel_step, image_step, row_step, rows, columns) = (
        outputs,
        staging_layout,
    )
    if channel_step > 0:
        to = first * channels * length
        last_vector = last * channels * length - columns - lanes
        for n in range(last - first):
            for o in range(channels):
                start = n * image_step + o * channel_step
                for _ in range(rows):
                    if to <= last_vector:
                        # What is behind the row makes way for the next one.
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
    """Add the products of gradients and images to the sums, a row of all outputs for each tap."""
    lanes = lanes_of(sums)
    grad_image_step, grad_channel_step, _, origin, channels, _, _ = grad_strides
    image_step = tile_strides[0]
    (zero,) = splat_each(init, (0,), 0)
    zero_block = (zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero)
    last, last_tap = channels - 1, len(offsets) - 1
    whole = -(-channels // OUTPUTS) * OUTPUTS
    for o in range(0, channels, OUTPUTS):
        a, b = origin + o * grad_channel_step, origin + min(o + 1, last) * grad_channel_step
        c, d = (
            origin + min(o + 2, last) * grad_channel_step,
            origin + min(o + 3, last) * grad_channel_step,
        )
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
            to = t * whole + o
            add_horizontal_sums(sums, (to, to + whole, to + 2 * whole), block)


@helper
def _add_bias_gradient(
    sums: Storage, g: Storage, grad_strides: TileStrides, run_length: int, runs: int, init: Storage
) -> None:
    """Add up each channel of the gradients."""
    lanes = lanes_of(sums)
    for o in range(grad_strides[4]):
        (row,) = splat_each(init, (0,), 0)
        for n in range(runs):
            start = n * grad_strides[0] + o * grad_strides[1] + grad_strides[3]
            for p in range(start, start + run_length, lanes):
                row = add(row, load(g, p))
        sums[o] += horizontal_add(row)


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
    """Slide kernels over images.

    Args:
        images: The images.
        place: Where in planes everything lies.
        together: For how many images there is room.
        kernels: The kernels.
        begin: What each sum begins with, such as a bias.
        segments: Those of as many images.
        outputs: Where to write.
        relu: Whether 0 takes the place of what is negative.
        room: How outputs lie where segments are written.
        scratch: Room for planes, and behind them for outputs.
        cells: How many numbers the planes have.
        part: Which row of `scratch` is this thread's.
        first: The first image to go through.
        last: The one at which to stop.
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
    part: int,
    first: int,
    last: int,
) -> None:
    """Work out all gradients of kernels that slid over images, a few images at a time.

    Args:
        gradients: The gradients of what came out.
        masked: Whether they count only where `mask` is positive.
        mask: What came out, if 0 took the place of what was negative.
        gradient_place: Where in planes they lie.
        together: For how many images there is room.
        backward: Whether to work out the gradient of the images.
        by_input: Where to write it.
        kernels: The turned kernels.
        begin: A zero.
        segments: Those of the gradients of as many images.
        room: How the gradient of the images lies where they are written.
        images: The images.
        place: Where in planes they lie.
        offsets: Each tap's offset in these.
        length: From the first element of a gradient in its plane to the last.
        joined: Whether the planes of one channel follow one another and make one long row.
        scratch: Room for the planes of gradients, for those of images, for the kernels' gradient as
            a row of outputs for each tap, in whole blocks, for the bias's, and for that of images.
        ends: Where each of these ends; there is no room for what nobody wants.
        part: Which row of `scratch` is this thread's.
        first: The first image to go through.
        last: The one at which to stop.
    """
    row = scratch[part]
    row[: ends[3]] = 0.0
    grad_tile, tile = row[: ends[0]], row[ends[0] : ends[1]]
    sums, bias_sums = row[ends[1] : ends[2]], row[ends[2] : ends[3]]
    for n in range(first, last, images_per_tile):
        end = min(n + images_per_tile, last)
        if first < n and end - n < images_per_tile:
            # Vectors reach beyond the last gradient, where that of an earlier image may still be.
            grad_tile[:] = 0.0
        fill_tile(grad_tile, grad_strides, grad, masked, mask, n, end)
        if backward:
            staging = row[ends[3] :]
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
            _add_weight_gradient(
                sums,
                grad_tile,
                grad_strides,
                tile,
                tile_strides,
                offsets,
                run_length,
                runs,
                init[0],
            )
        if len(bias_sums) > 0:
            _add_bias_gradient(bias_sums, grad_tile, grad_strides, run_length, runs, init[0])


@nogil_kernel
def reduce_thread_sums(
    grad_weight: Kernels, grad_bias: Storage, outputs: int, scratch: Scratch, ends: ScratchEnds
) -> None:
    """Add up what `convolve_backward` left on each thread, and put it where it belongs.

    Args:
        by_weight: Where to write the gradient of kernels.
        by_bias: Where to write the gradient of the bias.
        outputs: How many kernels there are.
        scratch: Where the sums are.
        ends: Where in each row its parts end.
    """
    sums = scratch[0][ends[1] : ends[3]]
    for part in range(1, len(scratch)):
        other = scratch[part][ends[1] : ends[3]]
        for i in range(len(sums)):
            sums[i] += other[i]
    if ends[1] < ends[2]:
        weights, output_step, taps, _ = grad_weight
        padded_outputs = -(-outputs // OUTPUTS) * OUTPUTS
        for t in range(len(taps)):
            # Slices, so that no index in the inner loop could count from the end.
            to, row = weights[taps[t] :], sums[t * padded_outputs :]
            for o in range(np.uint64(outputs)):
                to[o * np.uint64(output_step)] = row[o]
    biases = sums[ends[2] - ends[1] :]
    for o in range(len(grad_bias)):
        grad_bias[o] = biases[o]
