"""The strongest responses of kernels that slide over sequences: the kernels.

Of all positions of a sequence only one per kernel counts, so only one window of the sequence takes
part in the gradient: a fraction of the work that the gradient of a whole convolution is.
"""

import numpy as np

from mt_kernels_cpu.compiling.jit import helper, nogil_kernel
from mt_kernels_cpu.tuned.convolution.kernels import (
    Images,
    Init,
    Kernels,
    Scratch,
    Segments,
    convolve_segments,
    fill_tile,
)
from mt_kernels_cpu.tuned.convolution.tiling import Positions, StagingLayout, TileStrides
from mt_kernels_cpu.tuned.simd.compare import any_nan, horizontal_max, index_of, maximum
from mt_kernels_cpu.tuned.simd.memory import lanes_of, load, load_each, mask_tail, splat, store
from mt_kernels_cpu.tuned.simd.vector import add, multiply_add
from mt_tensor.layout import Storage

SEARCH_VECTORS = 4
"""How many vectors are searched at a time."""

NO_ARGMAX = -1
"""In the place of a position: no response is positive, so there is no gradient."""


@helper
def find_maximum(values: Storage, at: int, width: int) -> tuple[float, int]:
    """Return the largest number of a row and the first position at which it stands.

    Args:
        responses: Numbers of which none is negative.
        at: Where in them the row begins. There are as many vectors behind it as are searched.
        width: How long it is.

    Returns:
        The number; and the position, `NO_ARGMAX` if the number is 0 or NaN.
    """
    lanes = lanes_of(values)
    # What stands behind the row counts as 0.
    largest = nan_check = mask_tail(load(values, at), width)
    for p in range(lanes, width, lanes):
        vector = mask_tail(load(values, at + p), width - p)
        largest, nan_check = maximum(largest, vector), add(nan_check, vector)
    best = horizontal_max(largest)
    if any_nan(nan_check):
        # Of NaN the comparisons above know nothing.
        best = values[at]
        for p in range(1, width):
            if values[at + p] > best or np.isnan(values[at + p]):
                best = values[at + p]
            if np.isnan(best):
                break
    if best > 0:
        # Several vectors at a time, as nobody can predict which one it will be.
        for p in range(0, width, SEARCH_VECTORS * lanes):
            vector = load_each(values, (0, lanes, 2 * lanes, 3 * lanes), at + p)
            index = index_of(vector, best)
            if index < SEARCH_VECTORS * lanes:
                return best, p + index
    return best, NO_ARGMAX


@nogil_kernel
def convolve_max(
    images: Images,
    tile_strides: TileStrides,
    images_per_tile: int,
    kernels: Kernels,
    init: Init,
    segments: Segments,
    maxima: Storage,
    argmax: Positions,
    outputs: int,
    staging_layout: StagingLayout,
    scratch: Scratch,
    tile_size: int,
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
    tile, staging = scratch[part][:tile_size], scratch[part][tile_size:]
    channel_step, image_step, _, _, width = staging_layout
    tile[:] = 0.0
    for n in range(first, last, images_per_tile):
        end = min(n + images_per_tile, last)
        fill_tile(tile, tile_strides, images, False, images, n, end)
        destination = (staging, outputs, channel_step)
        convolve_segments(
            destination, staging, staging_layout, tile, kernels, init, segments, True, n, end
        )
        for m in range(n, end):
            for o in range(outputs):
                at, i = (m - n) * image_step + o * channel_step, m * outputs + o
                maxima[i], argmax[i] = find_maximum(staging, at, width)


@helper
def add_scaled(
    to: Storage,
    at: int,
    source: Storage,
    start: int,
    length: int,
    factors: Storage,
    index: int,
) -> None:
    """Add one of the factors times a run of numbers to another run."""
    lanes = lanes_of(to)
    factor, whole = splat(factors, index), length - length % lanes
    for i in range(0, whole, lanes):
        store(to, at + i, multiply_add(factor, load(source, start + i), load(to, at + i)))
    for i in range(whole, length):
        to[at + i] += factors[index] * source[start + i]


@nogil_kernel
def add_weight_gradients(
    grad_weight: Storage,
    grad_bias: Storage,
    scratch: Scratch,
    sequences: Storage,
    grad: Storage,
    grad_steps: tuple[int, int],
    argmax: Positions,
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
        bias = grad_weight.dtype.type(0)
        for n in range(count):
            position = argmax[n * outputs + o]
            if position != NO_ARGMAX:
                index = n * grad_steps[0] + o * grad_steps[1]
                bias += grad[index]
                # The part of the window that lies inside of the sequence is one run of memory.
                start = position - before
                low, high = max(0, -start), min(taps, width - start)
                run, length = (n * width + start + low) * channels, (high - low) * channels
                add_scaled(window, low * channels, sequences, run, length, grad, index)
        grad_bias[o] = bias
        to = grad_weight[o * channels * taps : (o + 1) * channels * taps]
        for k in range(taps):
            run = window[k * channels : (k + 1) * channels]
            for c in range(channels):
                to[c * taps + k] = run[c]


@nogil_kernel
def add_input_gradients(
    grad_input: Storage,
    weight: Storage,
    grad: Storage,
    grad_steps: tuple[int, int],
    argmax: Positions,
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
        sequence = grad_input[n * width * channels : (n + 1) * width * channels]
        sequence[:] = 0.0
        for o in range(outputs):
            position = argmax[n * outputs + o]
            if position != NO_ARGMAX:
                index = n * grad_steps[0] + o * grad_steps[1]
                start = position - before
                low, high = max(0, -start), min(taps, width - start)
                to, run = (n * width + start + low) * channels, (o * taps + low) * channels
                length = (high - low) * channels
                add_scaled(grad_input, to, weight, run, length, grad, index)
