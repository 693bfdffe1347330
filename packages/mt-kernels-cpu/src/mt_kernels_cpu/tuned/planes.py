r"""Convolution as a sum of shifted planes: the kernels.

A *plane* is one channel of one image with zeros around it, row after row, so that a kernel that
slides over the image never leaves the plane. Then a *tap*, one weight of a kernel, always finds
its number at the same distance from the position of the output: at its *offset*. All channels of
an image lie behind one another, so the taps of all of them are one list, and

$out_{o,p} = \sum_t weight_{o,t}\, x_{p + offset_t}$

whatever the size of the kernel and the number of channels. Four outputs at two segments, pieces of
a row as long as a vector, are summed up at a time, in registers. The gradient of the weights is
the other sum over the same products, $\sum_p g_{o,p}\, x_{p + offset_t}$: four outputs and three
taps at a time.

These loops run at the speed of matrix multiplication, with nothing rearranged in memory but the
planes. Lists of offsets and positions come from `mt_kernels_cpu.tuned.layouts`.
"""

from typing import TypeAlias

from mt_kernels_cpu.jit import helper, released
from mt_kernels_cpu.tuned.layouts import Positions
from mt_kernels_cpu.tuned.vectors import (
    gather,
    load,
    multiply_add,
    positive,
    repeat,
    store,
    where_positive,
)
from mt_tensor.layout import Storage

Steps: TypeAlias = tuple[int, int, int, int]
"""The strides of images, channels, rows and columns."""

OUTPUTS, SEGMENTS, TAPS = 4, 2, 3
"""How many are summed up at a time: as many as there are registers for."""


@released
def fill_planes(
    planes: Storage,
    to_steps: tuple[int, int, int],
    plane: int,
    inside: int,
    images: Storage,
    steps: Steps,
    sizes: tuple[int, int, int],
    masked: bool,
    mask: Storage,
    mask_steps: Steps,
    lanes: int,
    first: int,
    last: int,
) -> None:
    """Write images into planes, zeros around them.

    Args:
        planes: Where to write.
        to_steps: The steps from image to image, from channel to channel and from row to row.
        plane: The length of a plane.
        inside: Where in a plane the image begins.
        images: What to write, in any layout.
        steps: Its strides.
        sizes: Channels, and the height and width of the part that fits into the plane.
        masked: Whether only what is positive in `mask` counts, and the rest is 0.
        mask: Images of the same sizes.
        mask_steps: The strides of these.
        lanes: The numbers in a vector.
        first: The first image to write.
        last: The one at which to stop.
    """
    channels, height, width = sizes
    for n in range(first, last):
        for c in range(channels):
            at = n * to_steps[0] + c * to_steps[1]
            planes[at : at + plane] = 0.0
            for y in range(height):
                start = n * steps[0] + c * steps[1] + y * steps[2]
                to = at + inside + y * to_steps[2]
                sign = n * mask_steps[0] + c * mask_steps[1] + y * mask_steps[2]
                if width >= lanes and (mask_steps[3] == 1 or not masked):
                    for x in range(0, width, lanes):
                        # The last vector of a row overlaps with the one before.
                        x = min(x, width - lanes)
                        if steps[3] == 1:
                            numbers = load(images, start + x)
                        else:
                            numbers = gather(images, start + x * steps[3], steps[3])
                        if masked:
                            numbers = where_positive(load(mask, sign + x), numbers)
                        store(planes, to + x, numbers)
                else:
                    for x in range(width):
                        number = images[start + x * steps[3]]
                        if masked and not mask[sign + x * mask_steps[3]] > 0:
                            number = images.dtype.type(0)
                        planes[to + x] = number


@helper
def _sum_up(
    out: Storage,
    out_plane: int,
    to_left: int,
    to_right: int,
    x: Storage,
    left: int,
    right: int,
    weight: Storage,
    weight_step: int,
    o: int,
    outputs: int,
    taps: Positions,
    offsets: Positions,
    bias: Storage,
    bias_step: int,
    relu: bool,
) -> None:
    """Work out two segments of four outputs; of those that do not exist, nothing is written."""
    last = outputs - 1
    o1, o2, o3 = min(o + 1, last), min(o + 2, last), min(o + 3, last)
    sum0 = right0 = repeat(bias, o * bias_step)
    sum1 = right1 = repeat(bias, o1 * bias_step)
    sum2 = right2 = repeat(bias, o2 * bias_step)
    sum3 = right3 = repeat(bias, o3 * bias_step)
    w0, w1, w2, w3 = o * weight_step, o1 * weight_step, o2 * weight_step, o3 * weight_step
    for t in range(len(taps)):
        a, b = load(x, left + offsets[t]), load(x, right + offsets[t])
        w = repeat(weight, w0 + taps[t])
        sum0, right0 = multiply_add(w, a, sum0), multiply_add(w, b, right0)
        w = repeat(weight, w1 + taps[t])
        sum1, right1 = multiply_add(w, a, sum1), multiply_add(w, b, right1)
        w = repeat(weight, w2 + taps[t])
        sum2, right2 = multiply_add(w, a, sum2), multiply_add(w, b, right2)
        w = repeat(weight, w3 + taps[t])
        sum3, right3 = multiply_add(w, a, sum3), multiply_add(w, b, right3)
    if relu:
        sum0, right0 = positive(sum0), positive(right0)
        sum1, right1 = positive(sum1), positive(right1)
        sum2, right2 = positive(sum2), positive(right2)
        sum3, right3 = positive(sum3), positive(right3)
    to_left, to_right = to_left + o * out_plane, to_right + o * out_plane
    store(out, to_left, sum0)
    store(out, to_right, right0)
    if o + 1 < outputs:
        store(out, out_plane + to_left, sum1)
        store(out, out_plane + to_right, right1)
    if o + 2 < outputs:
        store(out, 2 * out_plane + to_left, sum2)
        store(out, 2 * out_plane + to_right, right2)
    if o + 3 < outputs:
        store(out, 3 * out_plane + to_left, sum3)
        store(out, 3 * out_plane + to_right, right3)


@released
def slide(
    out: Storage,
    out_plane: int,
    outputs: int,
    planes: Storage,
    image: int,
    weight: Storage,
    weight_step: int,
    taps: Positions,
    offsets: Positions,
    bias: Storage,
    bias_step: int,
    to: Positions,
    at: Positions,
    relu: bool,
    first: int,
    last: int,
) -> None:
    """Slide kernels over images that lie in planes.

    Args:
        out: Where to write, contiguous.
        out_plane: The number of elements of one channel of one image of it.
        outputs: How many channels it has.
        planes: The images.
        image: From the planes of one image to those of the next.
        weight: The kernels, in any layout.
        weight_step: From one output's kernel to the next.
        taps: Where in the first kernel each tap lies.
        offsets: Each tap's offset.
        bias: What each sum begins with.
        bias_step: From one output's number to the next; 0 if all have the same.
        to: Where in a channel of the output the segments begin.
        at: Where in an image's planes they begin.
        relu: Whether 0 takes the place of what is negative.
        first: The first image to go through.
        last: The one at which to stop.
    """
    segments, out_image = len(at), outputs * out_plane
    # Two at a time. If an image has an odd number of them, two images do not.
    together = 1 + segments % SEGMENTS
    for n in range(first, last, together):
        count = segments * min(together, last - n)
        x, places = planes[n * image :], out[n * out_image :]
        for o in range(0, outputs, OUTPUTS):
            for s in range(0, count, SEGMENTS):
                i, j = s, min(s + 1, count - 1)
                left = right = to_left = to_right = 0
                if i >= segments:
                    i, left, to_left = i - segments, image, out_image
                if j >= segments:
                    j, right, to_right = j - segments, image, out_image
                _sum_up(
                    places,
                    out_plane,
                    to_left + to[i],
                    to_right + to[j],
                    x,
                    left + at[i],
                    right + at[j],
                    weight,
                    weight_step,
                    o,
                    outputs,
                    taps,
                    offsets,
                    bias,
                    bias_step,
                    relu,
                )


@helper
def _multiply(
    sums: Storage,
    to: int,
    g: Storage,
    g_image: int,
    plane: int,
    o: int,
    outputs: int,
    x: Storage,
    image: int,
    offsets: Positions,
    t: int,
    count: int,
    length: int,
    lanes: int,
) -> None:
    """Add the products of four outputs' gradients and the numbers at three taps."""
    last, last_tap = outputs - 1, len(offsets) - 1
    g0, g1 = o * plane, min(o + 1, last) * plane
    g2, g3 = min(o + 2, last) * plane, min(o + 3, last) * plane
    x0, x1, x2 = offsets[t], offsets[min(t + 1, last_tap)], offsets[min(t + 2, last_tap)]
    s00, s01, s02 = load(sums, to), load(sums, to + lanes), load(sums, to + 2 * lanes)
    s10, s11, s12 = (
        load(sums, to + 3 * lanes),
        load(sums, to + 4 * lanes),
        load(sums, to + 5 * lanes),
    )
    s20, s21, s22 = (
        load(sums, to + 6 * lanes),
        load(sums, to + 7 * lanes),
        load(sums, to + 8 * lanes),
    )
    s30, s31, s32 = (
        load(sums, to + 9 * lanes),
        load(sums, to + 10 * lanes),
        load(sums, to + 11 * lanes),
    )
    for _ in range(count):
        for p in range(0, length, lanes):
            a, b, c = load(x, x0 + p), load(x, x1 + p), load(x, x2 + p)
            d = load(g, g0 + p)
            s00, s01, s02 = (
                multiply_add(d, a, s00),
                multiply_add(d, b, s01),
                multiply_add(d, c, s02),
            )
            d = load(g, g1 + p)
            s10, s11, s12 = (
                multiply_add(d, a, s10),
                multiply_add(d, b, s11),
                multiply_add(d, c, s12),
            )
            d = load(g, g2 + p)
            s20, s21, s22 = (
                multiply_add(d, a, s20),
                multiply_add(d, b, s21),
                multiply_add(d, c, s22),
            )
            d = load(g, g3 + p)
            s30, s31, s32 = (
                multiply_add(d, a, s30),
                multiply_add(d, b, s31),
                multiply_add(d, c, s32),
            )
        x0, x1, x2 = x0 + image, x1 + image, x2 + image
        g0, g1, g2, g3 = g0 + g_image, g1 + g_image, g2 + g_image, g3 + g_image
    store(sums, to, s00)
    store(sums, to + lanes, s01)
    store(sums, to + 2 * lanes, s02)
    store(sums, to + 3 * lanes, s10)
    store(sums, to + 4 * lanes, s11)
    store(sums, to + 5 * lanes, s12)
    store(sums, to + 6 * lanes, s20)
    store(sums, to + 7 * lanes, s21)
    store(sums, to + 8 * lanes, s22)
    store(sums, to + 9 * lanes, s30)
    store(sums, to + 10 * lanes, s31)
    store(sums, to + 11 * lanes, s32)


@released
def add_products(
    sums: Storage,
    gradients: Storage,
    gradient_image: int,
    gradient_plane: int,
    inside: int,
    outputs: int,
    planes: Storage,
    image: int,
    offsets: Positions,
    length: int,
    together: int,
    lanes: int,
    first: int,
    last: int,
) -> None:
    """Add up gradients times images: for each output and tap, a vector of partial sums.

    Args:
        sums: Blocks of outputs × threes of taps × 4 × 3 vectors, all behind one another.
        gradients: The gradient, in planes whose rows are as long as the images'.
        gradient_image: From its planes of one image to those of the next.
        gradient_plane: From its plane of one channel to that of the next.
        inside: Where in its planes it begins.
        outputs: How many channels it has.
        planes: The images.
        image: From the planes of one image to those of the next.
        offsets: Each tap's offset.
        length: From the first element of the gradient in a plane to the last.
        together: How many images to go through before the sums are put aside.
        lanes: The numbers in a vector.
        first: The first image to go through.
        last: The one at which to stop.
    """
    sums[:] = 0.0
    for n in range(first, last, together):
        count = min(together, last - n)
        x = planes[n * image :]
        g = gradients[n * gradient_image + inside :]
        to = 0
        for o in range(0, outputs, OUTPUTS):
            for t in range(0, len(offsets), TAPS):
                _multiply(
                    sums,
                    to,
                    g,
                    gradient_image,
                    gradient_plane,
                    o,
                    outputs,
                    x,
                    image,
                    offsets,
                    t,
                    count,
                    length,
                    lanes,
                )
                to += OUTPUTS * TAPS * lanes
