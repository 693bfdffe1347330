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
from mt_kernels_cpu.tuned.convolution.tiling import OUTPUTS, SEGMENTS, TAPS, Place, Positions, Room
from mt_kernels_cpu.tuned.simd.blocks import add_horizontal_sums, add_outer_product, positive_block
from mt_kernels_cpu.tuned.simd.compare import where_positive
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

Begin: TypeAlias = tuple[Storage, int]
"""What sums begin with: the cells, and the step from one output's number to the next."""

Ends: TypeAlias = tuple[int, int, int, int]
"""Where in a row of scratch gradients, images, sums of the kernels and sums of the bias end."""

Segments: TypeAlias = tuple[Positions, Positions, Positions]
"""Where segments begin, in the first channel of the outputs and in planes; and how many of them the
first image has, the first two, and so on."""


@helper
def _fill_from_neighbours(
    planes: Storage, place: Place, images: Images, first: int, last: int
) -> None:
    """Fill planes from images whose channels are neighbours in memory, as for vectors of words."""
    lanes = lanes_of(planes)
    to_image, to_channel, to_row, inside, channels, height, width = place
    cells, steps = images
    for n in range(first, last):
        for y in range(height):
            to = (n - first) * to_image + inside + y * to_row
            start = n * steps[0] + y * steps[2]
            for c in range(0, channels, lanes):
                # The last block overlaps with the one before.
                c = min(c, channels - lanes)
                for x in range(0, width, lanes):
                    x = min(x, width - lanes)
                    at, begin = to + c * to_channel + x, start + c + x * steps[3]
                    copy_transposed(planes, at, to_channel, cells, begin, steps[3])


@helper
def _fill_short_rows(
    planes: Storage,
    place: Place,
    images: Images,
    masked: bool,
    mask: Images,
    first: int,
    last: int,
) -> None:
    """Fill planes from rows of less than a vector.

    It is a loop of its own: a question for each row would take as long as the row.
    """
    lanes = lanes_of(planes)
    to_image, to_channel, to_row, inside, channels, height, width = place
    (cells, steps), (signs, sign_steps) = images, mask
    for n in range(first, last):
        for c in range(channels):
            to = (n - first) * to_image + c * to_channel + inside
            start = n * steps[0] + c * steps[1]
            sign = n * sign_steps[0] + c * sign_steps[1]
            for _ in range(height):
                if max(start - len(cells), sign - len(signs)) <= -lanes:
                    # The zeros behind a row reach into the next one, which comes later.
                    numbers = load(cells, start)
                    if masked:
                        numbers = where_positive(load(signs, sign), numbers)
                    store(planes, to, mask_tail(numbers, width))
                else:
                    for x in range(width):
                        number = cells[start + x]
                        if masked and not signs[sign + x] > 0:
                            number = cells.dtype.type(0)
                        planes[to + x] = number
                to, start, sign = to + to_row, start + steps[2], sign + sign_steps[2]


@helper
def fill(
    planes: Storage,
    place: Place,
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
    lanes = lanes_of(planes)
    to_image, to_channel, to_row, inside, channels, height, width = place
    (cells, steps), (signs, sign_steps) = images, mask
    if steps[1] == 1 and min(channels, width) >= lanes and not masked:
        _fill_from_neighbours(planes, place, images, first, last)
        return
    if width < lanes:
        _fill_short_rows(planes, place, images, masked, mask, first, last)
        return
    for n in range(first, last):
        for c in range(channels):
            to = (n - first) * to_image + c * to_channel + inside
            start = n * steps[0] + c * steps[1]
            sign = n * sign_steps[0] + c * sign_steps[1]
            for _ in range(height):
                for x in range(0, width, lanes):
                    # The last vector of a row overlaps with the one before.
                    x = min(x, width - lanes)
                    numbers = load(cells, start + x)
                    if masked:
                        numbers = where_positive(load(signs, sign + x), numbers)
                    store(planes, to + x, numbers)
                to, start, sign = to + to_row, start + steps[2], sign + sign_steps[2]


@helper
def slide_segments(
    outputs: Outputs,
    responses: Storage,
    room: Room,
    planes: Storage,
    kernels: Kernels,
    begin: Begin,
    segments: Segments,
    relu: bool,
    first: int,
    last: int,
) -> None:
    """Work out the segments of a few images, in the outputs or, if they have room, in responses."""
    (out, channels, length), (weight, kernel, taps, offsets) = outputs, kernels
    (bias, bias_step), (to, at, counts) = begin, segments
    apart = room[0] > 0
    if apart:
        length, image = room[0], 0
    else:
        image = first * channels * length
    count, last_output = counts[last - first], channels - 1
    for o in range(0, channels, OUTPUTS):
        # Where there are fewer outputs, or segments, the last one is worked out again.
        p, q, r = min(o + 1, last_output), min(o + 2, last_output), min(o + 3, last_output)
        rows = (image + o * length, image + p * length, image + q * length, image + r * length)
        weights = (o * kernel, p * kernel, q * kernel, r * kernel)
        a, b, c, d = splat_each(
            bias, (o * bias_step, p * bias_step, q * bias_step, r * bias_step), 0
        )
        for i in range(0, count, SEGMENTS):
            j, k = min(i + 1, count - 1), min(i + 2, count - 1)
            places = (at[i], at[j], at[k])
            sums = (a, a, a, b, b, b, c, c, c, d, d, d)
            for t in range(len(taps)):
                x = load_each(planes, places, offsets[t])
                w = splat_each(weight, weights, taps[t])
                sums = add_outer_product(sums, w, x)
            if relu:
                sums = positive_block(sums)
            if apart:
                store_block(responses, rows, (to[i], to[j], to[k]), sums)
            else:
                store_block(out, rows, (to[i], to[j], to[k]), sums)


@helper
def slide_few(
    outputs: Outputs,
    responses: Storage,
    room: Room,
    planes: Storage,
    kernels: Kernels,
    begin: Begin,
    segments: Segments,
    relu: bool,
    first: int,
    last: int,
) -> None:
    """Work out the outputs of a few images, by way of the responses if these have room."""
    lanes = lanes_of(planes)
    slide_segments(outputs, responses, room, planes, kernels, begin, segments, relu, first, last)
    (out, channels, length), (run, to_image, to_row, rows, columns) = outputs, room
    if run > 0:
        end = first * channels * length
        safe = last * channels * length - columns - lanes
        for n in range(last - first):
            for o in range(channels):
                start = n * to_image + o * run
                for _ in range(rows):
                    if end <= safe:
                        # What is behind the row makes way for the next one.
                        for x in range(0, columns, lanes):
                            store(out, end + x, load(responses, start + x))
                    else:
                        for x in range(columns):
                            out[end + x] = responses[start + x]
                    start, end = start + to_row, end + columns


@helper
def _multiply(
    sums: Storage,
    g: Storage,
    g_place: Place,
    x: Storage,
    place: Place,
    offsets: Positions,
    length: int,
    count: int,
    zeros: Storage,
) -> None:
    """Add the products of gradients and images to the sums, a row of all outputs for each tap."""
    lanes = lanes_of(sums)
    g_image, g_plane, _, inside, channels, _, _ = g_place
    image = place[0]
    (zero,) = splat_each(zeros, (0,), 0)
    nothing = (zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero)
    last, last_tap = channels - 1, len(offsets) - 1
    whole = -(-channels // OUTPUTS) * OUTPUTS
    for o in range(0, channels, OUTPUTS):
        a, b = inside + o * g_plane, inside + min(o + 1, last) * g_plane
        c, d = inside + min(o + 2, last) * g_plane, inside + min(o + 3, last) * g_plane
        for t in range(0, len(offsets), TAPS):
            i, j, k = offsets[t], offsets[min(t + 1, last_tap)], offsets[min(t + 2, last_tap)]
            block = nothing
            for n in range(count):
                m, s = n * g_image, n * image
                outputs, shifted = (m + a, m + b, m + c, m + d), (s + i, s + j, s + k)
                for p in range(0, length, lanes):
                    block = add_outer_product(
                        block, load_each(g, outputs, p), load_each(x, shifted, p)
                    )
            to = t * whole + o
            add_horizontal_sums(sums, (to, to + whole, to + 2 * whole), block)


@helper
def _add_up(
    sums: Storage, g: Storage, place: Place, length: int, count: int, zeros: Storage
) -> None:
    """Add up each channel of the gradients."""
    lanes = lanes_of(sums)
    for o in range(place[4]):
        (row,) = splat_each(zeros, (0,), 0)
        for n in range(count):
            start = n * place[0] + o * place[1] + place[3]
            for p in range(start, start + length, lanes):
                row = add(row, load(g, p))
        sums[o] += horizontal_add(row)


@nogil_kernel
def slide(
    images: Images,
    place: Place,
    together: int,
    kernels: Kernels,
    begin: Begin,
    segments: Segments,
    outputs: Outputs,
    relu: bool,
    room: Room,
    scratch: Scratch,
    cells: int,
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
    planes, responses = scratch[part][:cells], scratch[part][cells:]
    planes[:] = 0.0
    for n in range(first, last, together):
        end = min(n + together, last)
        fill(planes, place, images, False, images, n, end)
        slide_few(outputs, responses, room, planes, kernels, begin, segments, relu, n, end)


@nogil_kernel
def slide_back(
    gradients: Images,
    masked: bool,
    mask: Images,
    gradient_place: Place,
    together: int,
    backward: bool,
    by_input: Outputs,
    kernels: Kernels,
    begin: Begin,
    segments: Segments,
    room: Room,
    images: Images,
    place: Place,
    offsets: Positions,
    length: int,
    joined: bool,
    scratch: Scratch,
    ends: Ends,
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
    g, planes = row[: ends[0]], row[ends[0] : ends[1]]
    sums, bias_sums = row[ends[1] : ends[2]], row[ends[2] : ends[3]]
    for n in range(first, last, together):
        end = min(n + together, last)
        if first < n and end - n < together:
            # Vectors reach beyond the last gradient, where that of an earlier image may still be.
            g[:] = 0.0
        fill(g, gradient_place, gradients, masked, mask, n, end)
        if backward:
            responses = row[ends[3] :]
            slide_few(by_input, responses, room, g, kernels, begin, segments, False, n, end)
        count, run = (1, (end - n) * gradient_place[0]) if joined else (end - n, length)
        if len(sums) > 0:
            fill(planes, place, images, False, images, n, end)
            _multiply(sums, g, gradient_place, planes, place, offsets, run, count, begin[0])
        if len(bias_sums) > 0:
            _add_up(bias_sums, g, gradient_place, run, count, begin[0])


@nogil_kernel
def collect(
    by_weight: Kernels, by_bias: Storage, outputs: int, scratch: Scratch, ends: Ends
) -> None:
    """Add up what `slide_back` left on each thread, and put it where it belongs.

    Args:
        by_weight: Where to write the gradient of kernels.
        by_bias: Where to write the gradient of the bias.
        outputs: How many kernels there are.
        scratch: Where the sums are.
        ends: Where in each row its parts end.
    """
    sums = scratch[0][ends[1] : ends[3]]
    for part in range(1, len(scratch)):
        more = scratch[part][ends[1] : ends[3]]
        for i in range(len(sums)):
            sums[i] += more[i]
    if ends[1] < ends[2]:
        weights, kernel, taps, _ = by_weight
        whole = -(-outputs // OUTPUTS) * OUTPUTS
        for t in range(len(taps)):
            # Slices, so that no index in the inner loop could count from the end.
            to, row = weights[taps[t] :], sums[t * whole :]
            for o in range(np.uint64(outputs)):
                to[o * np.uint64(kernel)] = row[o]
    biases = sums[ends[2] - ends[1] :]
    for o in range(len(by_bias)):
        by_bias[o] = biases[o]
