"""The strongest responses of kernels that slide over sequences: the kernels.

Of all positions of a sequence only one per kernel counts, so only one window of the sequence takes
part in the gradient: a fraction of the work that the gradient of a whole convolution is.
"""

import numpy as np

from mt_kernels_cpu.compiling.jit import helper, nogil_kernel
from mt_kernels_cpu.tuned.convolution.kernels import (
    Begin,
    Images,
    Kernels,
    Scratch,
    Segments,
    fill,
    slide_segments,
)
from mt_kernels_cpu.tuned.convolution.tiling import Place, Positions, Room
from mt_kernels_cpu.tuned.simd.compare import any_nan, index_of, larger, largest
from mt_kernels_cpu.tuned.simd.memory import lanes_of, load, load_each, mask_tail, splat, store
from mt_kernels_cpu.tuned.simd.vector import add, multiply_add
from mt_tensor.layout import Storage

SEARCHED = 4
"""How many vectors are searched at a time."""

NOWHERE = -1
"""In the place of a position: no response is positive, so there is no gradient."""


@helper
def find_strongest(responses: Storage, at: int, width: int) -> tuple[float, int]:
    """Return the largest number of a row and the first position at which it stands.

    Args:
        responses: Numbers of which none is negative.
        at: Where in them the row begins. There are as many vectors behind it as are searched.
        width: How long it is.

    Returns:
        The number; and the position, `NOWHERE` if the number is 0 or NaN.
    """
    lanes = lanes_of(responses)
    # What stands behind the row counts as 0.
    top = sums = mask_tail(load(responses, at), width)
    for p in range(lanes, width, lanes):
        numbers = mask_tail(load(responses, at + p), width - p)
        top, sums = larger(top, numbers), add(sums, numbers)
    best = largest(top)
    if any_nan(sums):
        # Of NaN the comparisons above know nothing.
        best = responses[at]
        for p in range(1, width):
            if responses[at + p] > best or np.isnan(responses[at + p]):
                best = responses[at + p]
            if np.isnan(best):
                break
    if best > 0:
        # Several vectors at a time, as nobody can predict which one it will be.
        for p in range(0, width, SEARCHED * lanes):
            numbers = load_each(responses, (0, lanes, 2 * lanes, 3 * lanes), at + p)
            place = index_of(numbers, best)
            if place < SEARCHED * lanes:
                return best, p + place
    return best, NOWHERE


@nogil_kernel
def slide_and_find(
    images: Images,
    place: Place,
    together: int,
    kernels: Kernels,
    begin: Begin,
    segments: Segments,
    strongest: Storage,
    where: Positions,
    outputs: int,
    room: Room,
    scratch: Scratch,
    cells: int,
    part: int,
    first: int,
    last: int,
) -> None:
    """Slide kernels over sequences, a few at a time, and find the strongest response of each.

    The first arguments are those of `mt_kernels_cpu.tuned.convolution.kernels.slide`.

    Args:
        images: The sequences, as images one row high.
        place: Where in planes everything lies.
        together: For how many sequences there is room.
        kernels: The kernels.
        begin: What each sum begins with.
        segments: Those of as many sequences.
        strongest: Where to write the responses, (N, O), contiguous.
        where: Where to write their positions, contiguous.
        outputs: How many kernels there are.
        room: How the responses of each to a sequence lie.
        scratch: Room for planes, and behind them for responses.
        cells: How many numbers the planes have.
        part: Which row of `scratch` is this thread's.
        first: The first sequence to go through.
        last: The one at which to stop.
    """
    planes, responses = scratch[part][:cells], scratch[part][cells:]
    step, to_sequence, _, _, width = room
    planes[:] = 0.0
    for n in range(first, last, together):
        end = min(n + together, last)
        fill(planes, place, images, False, images, n, end)
        to = (responses, outputs, step)
        slide_segments(to, responses, room, planes, kernels, begin, segments, True, n, end)
        for m in range(n, end):
            for o in range(outputs):
                at, i = (m - n) * to_sequence + o * step, m * outputs + o
                strongest[i], where[i] = find_strongest(responses, at, width)


@helper
def add_multiple(
    to: Storage,
    at: int,
    numbers: Storage,
    start: int,
    length: int,
    factors: Storage,
    which: int,
) -> None:
    """Add one of the factors times a run of numbers to another run."""
    lanes = lanes_of(to)
    factor, whole = splat(factors, which), length - length % lanes
    for i in range(0, whole, lanes):
        store(to, at + i, multiply_add(factor, load(numbers, start + i), load(to, at + i)))
    for i in range(whole, length):
        to[at + i] += factors[which] * numbers[start + i]


@nogil_kernel
def add_windows(
    gradient: Storage,
    bias_gradient: Storage,
    scratch: Scratch,
    sequences: Storage,
    grad: Storage,
    grad_steps: tuple[int, int],
    where: Positions,
    sizes: tuple[int, int, int, int, int],
    before: int,
    part: int,
    first: int,
    last: int,
) -> None:
    """Add up the gradients of kernels and bias: each window in which one responded most.

    Args:
        gradient: Where to write the kernels' gradient, (O, C, K), contiguous.
        bias_gradient: Where to write the bias's, (O,).
        scratch: Room for the gradient of one kernel, a row for each thread.
        sequences: The sequences, (N, W, C), contiguous.
        grad: The gradient of the responses, (N, O).
        grad_steps: Its strides.
        where: The positions of the responses, (N, O), contiguous.
        sizes: N, W, C, O and K.
        before: How many zeros are before a sequence.
        part: Which row of `scratch` is this thread's.
        first: The first kernel to go through.
        last: The one at which to stop.
    """
    count, width, channels, outputs, taps = sizes
    window = scratch[part]
    for o in range(first, last):
        window[:] = 0.0
        bias = gradient.dtype.type(0)
        for n in range(count):
            position = where[n * outputs + o]
            if position != NOWHERE:
                which = n * grad_steps[0] + o * grad_steps[1]
                bias += grad[which]
                # The part of the window that lies inside of the sequence is one run of memory.
                start = position - before
                low, high = max(0, -start), min(taps, width - start)
                run, length = (n * width + start + low) * channels, (high - low) * channels
                add_multiple(window, low * channels, sequences, run, length, grad, which)
        bias_gradient[o] = bias
        to = gradient[o * channels * taps : (o + 1) * channels * taps]
        for k in range(taps):
            run = window[k * channels : (k + 1) * channels]
            for c in range(channels):
                to[c * taps + k] = run[c]


@nogil_kernel
def spread_windows(
    gradient: Storage,
    kernels: Storage,
    grad: Storage,
    grad_steps: tuple[int, int],
    where: Positions,
    sizes: tuple[int, int, int, int, int],
    before: int,
    first: int,
    last: int,
) -> None:
    """Add up the gradient of the sequences: each kernel, where it responded most.

    Args:
        gradient: Where to write, (N, W, C), contiguous.
        kernels: The kernels, (O, K, C), contiguous.
        grad: The gradient of the responses, (N, O).
        grad_steps: Its strides.
        where: The positions of the responses, (N, O), contiguous.
        sizes: N, W, C, O and K.
        before: How many zeros are before a sequence.
        first: The first sequence to go through.
        last: The one at which to stop.
    """
    _, width, channels, outputs, taps = sizes
    for n in range(first, last):
        sequence = gradient[n * width * channels : (n + 1) * width * channels]
        sequence[:] = 0.0
        for o in range(outputs):
            position = where[n * outputs + o]
            if position != NOWHERE:
                which = n * grad_steps[0] + o * grad_steps[1]
                start = position - before
                low, high = max(0, -start), min(taps, width - start)
                to, run = (n * width + start + low) * channels, (o * taps + low) * channels
                length = (high - low) * channels
                add_multiple(gradient, to, kernels, run, length, grad, which)
