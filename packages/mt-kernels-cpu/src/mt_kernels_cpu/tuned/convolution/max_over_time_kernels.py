"""Kernels of the convolution whose maximum over all positions is kept.

Each output channel keeps one position of a sequence, so its gradient involves one window of the
sequence: a small part of the work of a whole convolution's gradient.
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
"""Vectors that `find_maximum` compares at a time, and reads behind a row. The code is written for
4."""

NO_ARGMAX = -1
"""Position without a gradient: no output of the row is positive, or one is NaN."""


@helper
def find_maximum(values: Storage, at: int, width: int) -> tuple[float, int]:
    """Return the maximum of a row and the first position at which it occurs.

    Args:
        values: Outputs after ReLU: not negative, or NaN.
        at: The start of the row in them. `SEARCH_VECTORS` vectors must be readable behind the row.
        width: The length of the row.

    Returns:
        The maximum, NaN if one value is NaN; and its position, `NO_ARGMAX` if it is 0 or NaN.
    """
    lanes = lanes_of(values)
    # Elements behind the row count as 0, which changes no maximum: values are not negative.
    largest = nan_check = mask_tail(load(values, at), width)
    for p in range(lanes, width, lanes):
        vector = mask_tail(load(values, at + p), width - p)
        largest, nan_check = maximum(largest, vector), add(nan_check, vector)
    best = horizontal_max(largest)
    if any_nan(nan_check):
        # `maximum` does not propagate NaN, so search again, one value at a time.
        best = values[at]
        for p in range(1, width):
            if values[at + p] > best or np.isnan(values[at + p]):
                best = values[at + p]
            if np.isnan(best):
                break
    if best > 0:
        # Several vectors at a time: the processor cannot predict the branch that ends the search.
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
    """Convolve sequences, one tile after the other, and find the maxima of all outputs.

    The first arguments are those of `mt_kernels_cpu.tuned.convolution.kernels.convolve_forward`.

    Args:
        images: The sequences, as images one row high.
        tile_strides: The layout of sequences in the tile.
        images_per_tile: The number of sequences in a tile.
        kernels: The weights.
        init: The initial values of the sums, such as a bias.
        segments: The segments of a tile.
        maxima: The result for the maxima, (N, O), contiguous.
        argmax: The result for their positions, (N, O), contiguous.
        outputs: The number of output channels.
        staging_layout: The layout of the outputs of a tile.
        scratch: Memory for the tile, followed by its outputs.
        tile_size: The number of elements of the tile.
        part: The row of `scratch` of this thread.
        first: The first sequence.
        last: The end of the range of sequences.
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
    """Add ``factors[index]`` times a run of elements of `source` to a run of `to`."""
    lanes = lanes_of(to)
    factor, vector_end = splat(factors, index), length - length % lanes
    for i in range(0, vector_end, lanes):
        store(to, at + i, multiply_add(factor, load(source, start + i), load(to, at + i)))
    for i in range(vector_end, length):
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
    """Compute the gradients of weight and bias from the windows that contain the maxima.

    Args:
        grad_weight: The result for the gradient of the weight, (O, C, K), contiguous.
        grad_bias: The result for the gradient of the bias, (O,).
        scratch: Memory for the gradient of one output channel, a row for each thread.
        sequences: The sequences, (N, W, C), contiguous.
        grad: The gradient of the maxima, (N, O).
        grad_steps: The strides of `grad`.
        argmax: The positions of the maxima, (N, O), contiguous.
        sizes: N, W, C, O and K.
        before: The number of zeros before a sequence.
        part: The row of `scratch` of this thread.
        first: The first output channel.
        last: The end of the range of output channels.
    """
    count, width, channels, outputs, taps = sizes
    window = scratch[part]
    for o in range(first, last):
        window[:] = 0.0
        bias = 0.0
        for n in range(count):
            position = argmax[n * outputs + o]
            if position != NO_ARGMAX:
                index = n * grad_steps[0] + o * grad_steps[1]
                bias += grad[index]
                # The part of the window inside the sequence is contiguous.
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
    """Compute the gradient of the sequences: add each kernel, scaled, to the window of its maximum.

    Args:
        grad_input: The result, (N, W, C), contiguous.
        weight: The weight, (O, K, C), contiguous.
        grad: The gradient of the maxima, (N, O).
        grad_steps: The strides of `grad`.
        argmax: The positions of the maxima, (N, O), contiguous.
        sizes: N, W, C, O and K.
        before: The number of zeros before a sequence.
        first: The first sequence.
        last: The end of the range of sequences.
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
