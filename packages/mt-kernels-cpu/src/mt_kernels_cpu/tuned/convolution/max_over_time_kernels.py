"""Kernels of the convolution whose maximum over all positions is kept.

Each output channel keeps one position of a sequence, so its gradient involves one window of the
sequence: a small part of the work of a whole convolution's gradient.

For sequences of four positions with C channels, a kernel of three taps, and one zero before::

    position             -1    0    1    2    3
    sequence (W, C)       0    a    b    c    d      each letter: C channels, contiguous
    outputs (O, W)            o0   o1   o2   o3      maximum at position 2 of this channel
    its window                      b    c    d      gets the gradient, times the kernel
"""

import numpy as np

from mt_kernels_cpu.compiling.jit import helper, nogil_kernel
from mt_kernels_cpu.tuned.convolution.arguments import (
    Images,
    Maxima,
    MaximaGradient,
    SequenceSizes,
    Weights,
)
from mt_kernels_cpu.tuned.convolution.kernels import clear_tile, convolve_segments, fill_tile
from mt_kernels_cpu.tuned.convolution.tiling import Tiling
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
    tiling: Tiling,
    weights: Weights,
    maxima: Maxima,
    memory: Storage,
    first: int,
    last: int,
) -> None:
    """Convolve sequences, one tile after the other, and find the maxima of all outputs.

    Args:
        images: The sequences, as images one row high.
        tiling: The layout of a tile, and of its outputs as the staging buffer.
        weights: The weights, and the initial values of the sums, such as a bias.
        maxima: The results.
        memory: Memory for the tile, followed by its outputs.
        first: The first sequence.
        last: The end of the range of sequences.
    """
    tile_strides, images_per_tile, tile_size, segments, staging_layout = tiling
    channel_step, image_step, _, _, width = staging_layout
    values, argmax, outputs = maxima
    tile, staging = memory[:tile_size], memory[tile_size:]
    clear_tile(tile, tile_strides, images_per_tile)
    for n in range(first, last, images_per_tile):
        end = min(n + images_per_tile, last)
        fill_tile((tile, tile_strides), images, last < first, images, n, end)
        convolve_segments((staging, 0, outputs, channel_step), tile, weights, segments, end - n)
        for m in range(n, end):
            for o in range(outputs):
                at, i = (m - n) * image_step + o * channel_step, m * outputs + o
                values[i], argmax[i] = find_maximum(staging, at, width)


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
    targets: tuple[Storage, Storage],
    sequences: Storage,
    upstream: MaximaGradient,
    sizes: SequenceSizes,
    window: Storage,
    first: int,
    last: int,
) -> None:
    """Compute the gradients of weight and bias from the windows that contain the maxima.

    Args:
        targets: The results for the gradients of weight, (O, C, K), and bias, (O,), contiguous.
        sequences: The sequences, (N, W, C), contiguous.
        upstream: The gradient of the maxima.
        sizes: The sizes.
        window: Memory for the gradient of one output channel, (K · C,).
        first: The first output channel.
        last: The end of the range of output channels.
    """
    grad_weight, grad_bias = targets
    grad, image_step, channel_step, argmax = upstream
    count, width, channels, outputs, taps, before = sizes
    for o in range(first, last):
        window[:] = 0.0
        bias = 0.0
        for n in range(count):
            position = argmax[n * outputs + o]
            if position != NO_ARGMAX:
                index = n * image_step + o * channel_step
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
    upstream: MaximaGradient,
    sizes: SequenceSizes,
    first: int,
    last: int,
) -> None:
    """Compute the gradient of the sequences: add each kernel, scaled, to the window of its maximum.

    Args:
        grad_input: The result, (N, W, C), contiguous.
        weight: The weight, (O, K, C), contiguous.
        upstream: The gradient of the maxima.
        sizes: The sizes.
        first: The first sequence.
        last: The end of the range of sequences.
    """
    grad, image_step, channel_step, argmax = upstream
    _, width, channels, outputs, taps, before = sizes
    for n in range(first, last):
        sequence = grad_input[n * width * channels : (n + 1) * width * channels]
        sequence[:] = 0.0
        for o in range(outputs):
            position = argmax[n * outputs + o]
            if position != NO_ARGMAX:
                index = n * image_step + o * channel_step
                start = position - before
                low, high = max(0, -start), min(taps, width - start)
                to, run = (n * width + start + low) * channels, (o * taps + low) * channels
                length = (high - low) * channels
                add_scaled(grad_input, to, weight, run, length, grad, index)
