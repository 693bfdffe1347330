"""Convolution in any layout, computed over zero-padded tiles.

If a kernel has more elements than a channel of the output, the convolution is the gradient of a
weight, with images and kernels swapped: a sum of products of two tiles or, for images with many
channels, of gradients and windows of a tile. All other shapes convolve a tile of images.
Convolution by matrix products is slower for nearly all shapes: see docs/decisions, number 11.

Both ways multiply weights by the zeros around an image, which the definition leaves out. The
difference shows only if a weight is infinite or NaN; then the strided kernels compute.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.arguments import plain
from mt_kernels_cpu.tuned.buffers import round_up
from mt_kernels_cpu.tuned.convolution.arguments import (
    BackwardScratch,
    Images,
    InputGradient,
    Kernel,
    Lines,
    Outputs,
    ScratchEnds,
    Upstream,
    WeightGradient,
    Weights,
    WindowLayout,
)
from mt_kernels_cpu.tuned.convolution.kernels import (
    convolve_backward,
    convolve_forward,
    reduce_thread_sums,
)
from mt_kernels_cpu.tuned.convolution.tiling import (
    WINDOW_BYTES,
    WINDOWS_FROM,
    Geometry,
    Pair,
    TileLayout,
    TileStrides,
    as_pair,
    forward_images_per_tile,
    padded_sum_count,
    tap_positions,
    tile_layout,
    wgrad_images_per_tile,
)
from mt_kernels_cpu.tuned.convolution.window_kernels import sum_weight_gradient
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.operations.finite import all_finite, has_nan
from mt_kernels_cpu.tuned.simd.vector import lanes
from mt_kernels_cpu.tuned.threads import partition, partition_independent, run_parallel
from mt_tensor import TensorData, operators, recording


def correlate(
    backend: Memory, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
) -> bool:
    """Write a two-dimensional convolution into `out`, as `Backend.convolve` defines it.

    Returns:
        True if the result was written. False if a product of a zero around an image and an infinite
        or NaN weight may be in it, and for a reversed kernel that is larger than the output.

    Shape:
        input (N, C, H, W), weight (O, C, KH, KW), out (N, O, any, any).
    """
    input, weight = backend.as_native(input), backend.as_native(weight)
    if out.size == 0 or input.size == 0 or weight.size == 0:
        out.storage[: out.size] = 0.0
        return True
    if math.prod(weight.shape[2:]) > math.prod(out.shape[2:]):
        return not reverse and _weight_gradient(backend, out, input, weight)
    layout = _layout(backend.dtype, input.shape, weight.shape, out.shape[2:], reverse)
    if not layout.unpadded and not all_finite(weight):
        return False
    convolve_images(backend, layout, input, weight, out)
    return True


@functools.lru_cache(maxsize=256)
def _layout(
    dtype: np.dtype[Any],
    input: tuple[int, ...],
    weight: tuple[int, ...],
    size: tuple[int, ...],
    reverse: bool,
) -> TileLayout:
    """Return the layout of a tile for a convolution as `Backend.convolve` defines it.

    Args:
        dtype: The dtype of the elements.
        input: The shape of the images, (N, C, H, W).
        weight: The shape of the weights, (O, C, KH, KW).
        size: The height and width of the output.
        reverse: True to read the kernel from its end.
    """
    (count, channels, *image), (outputs, _, height, width) = input, weight
    before = (height - 1, width - 1) if reverse else (0, 0)
    geometry = Geometry(as_pair(image), (height, width), as_pair(size), before)
    vector = lanes(dtype)
    images_per_tile = forward_images_per_tile(count, channels, geometry, vector)
    return tile_layout(images_per_tile, channels, outputs, geometry, reverse, dtype, vector)


def convolve_images(
    backend: Memory,
    layout: TileLayout,
    input: TensorData,
    weight: TensorData,
    out: TensorData,
    bias: TensorData | None = None,
    relu: bool = False,
) -> None:
    """Convolve images with a stride of 1.

    Args:
        backend: The backend, which allocates memory.
        layout: The layout of a tile.
        input: The images, in any layout.
        weight: The weights, in any layout.
        out: The result, contiguous.
        bias: The initial value of each output channel, zeros if None.
        relu: True to replace negative sums by 0.

    Shape:
        input (N, C, H, W), weight (O, C, KH, KW), out (N, O, P, Q), bias (O,).
    """
    parts = partition_independent(out.shape[0], out.size * len(layout.offsets))
    scratch = backend.scratch(len(parts), layout.tile_size + layout.staging_size)
    images, weights = forward_operands(backend, layout, input, weight, bias, relu)
    args = images, layout.tiling, weights, plain(_as_outputs(out))
    run_parallel(
        parts, lambda part, *thread_images: convolve_forward(*args, scratch[part], *thread_images)
    )


def forward_operands(
    backend: Memory,
    layout: TileLayout,
    input: TensorData,
    weight: TensorData,
    bias: TensorData | None,
    relu: bool,
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return images and weights as kernels take them; arguments as for `convolve_images`."""
    input = tile_source(backend, layout, input)
    # Neither contains another group.
    return tuple(_images(input)), tuple(_weights(layout, weight, bias, relu))


class Targets(NamedTuple):
    """Results for the requested gradients of a convolution, None for the others.

    Attributes:
        input: The gradient of the images, contiguous, (N, C, H, W).
        flipped: The weights that compute it, in any layout, with outputs and channels swapped,
            (C, O, KH, KW).
        weight: The gradient of the weights, in any layout, (O, C, KH, KW).
        bias: The gradient of the bias, (O,).
    """

    input: TensorData | None = None
    flipped: TensorData | None = None
    weight: TensorData | None = None
    bias: TensorData | None = None


def convolve_images_backward(
    backend: Memory,
    layout: TileLayout,
    grad_layout: TileLayout,
    input: TensorData,
    grad: TensorData,
    mask: TensorData | None,
    targets: Targets,
) -> None:
    """Compute the requested gradients of a convolution with a stride of 1.

    Args:
        backend: The backend, which allocates memory.
        layout: The layout of a tile of images.
        grad_layout: The layout of a tile of gradients, read by the flipped weights.
        input: The images, in any layout.
        grad: The gradient of the result, in any layout.
        mask: The result, contiguous, if the gradient counts only where the result is positive.
        targets: The results.

    Shape:
        input (N, C, H, W), grad and mask (N, O, P, Q).
    """
    if targets.weight is not None and input.shape[1] >= WINDOWS_FROM:
        masked = grad if mask is None else backend.zip(operators.relu_back, mask, grad)
        _sum_windows(backend, layout, input, masked, targets.weight)
        if targets.input is None and targets.bias is None:
            return
        targets = targets._replace(weight=None)
    input = tile_source(backend, layout, input)
    grad = tile_source(backend, grad_layout, grad, mask is not None)
    count, outputs = grad.shape[0], grad.shape[1]
    passes = (targets.input is not None) + (targets.weight is not None)
    parts = partition(count, passes * grad.size * len(layout.offsets))
    weight_sums = 0 if targets.weight is None else padded_sum_count(outputs, len(layout.offsets))
    images_end = grad_layout.tile_size + layout.tile_size
    ends = ScratchEnds(grad_layout.tile_size, images_end, images_end + weight_sums)
    staging_size = 0 if targets.input is None else grad_layout.staging_size
    scratch = backend.scratch(len(parts), ends.sums + staging_size)
    bias_scratch = np.empty((len(parts), 0 if targets.bias is None else outputs))
    recording.called(bias_scratch.fill, 0.0)
    upstream = Upstream(_images(grad), mask is not None, _images(grad if mask is None else mask))
    operands = WeightGradient(
        _images(input), layout.strides, layout.offsets, layout.output_span, layout.contiguous_rows
    )
    to_input = plain(_input_gradient(backend, grad_layout, targets))
    args = plain(upstream), grad_layout.tiling, to_input, plain(operands)
    memory = [
        plain(BackwardScratch(row, ends, sums))
        for row, sums in zip(scratch, bias_scratch, strict=True)
    ]
    run_parallel(
        parts,
        lambda part, *thread_images: convolve_backward(*args, memory[part], *thread_images),
    )
    no_weights = _no_weights(backend.dtype)
    reduce_thread_sums(
        plain(no_weights if targets.weight is None else _weights(layout, targets.weight)),
        _zero(backend.dtype)[:0] if targets.bias is None else targets.bias.storage,
        outputs,
        scratch,
        plain(ends),
        bias_scratch,
    )


def _sum_windows(
    backend: Memory,
    layout: TileLayout,
    input: TensorData,
    grad: TensorData,
    grad_weight: TensorData,
) -> None:
    """Compute the gradient of the weight for images with many channels.

    Each output channel is computed on one thread, so the number of threads changes no result.

    Args:
        backend: The backend, which allocates memory.
        layout: The layout of a tile of images with separate planes.
        input: The images, in any layout.
        grad: The gradient of the result, in any layout.
        grad_weight: The result, in any layout.

    Shape:
        input (N, C, H, W), grad (N, O, P, Q), grad_weight (O, C, KH, KW).
    """
    input = tile_source(backend, layout, input)
    grad = tile_source(backend, layout, grad, True)
    outputs, channels, rows, columns = grad_weight.shape
    windows = _window_layout(layout, grad.shape, grad.strides, channels, (rows, columns))
    _, _, _, tile_size, _, _ = windows
    parts = partition_independent(outputs, grad.size * len(layout.offsets))
    sums = outputs * rows * round_up(columns * channels, layout.lanes)
    scratch = backend.scratch(len(parts), tile_size + sums)
    args = (
        plain(_images(input)),
        plain(_images(grad)),
        windows,
        plain(_weights(layout, grad_weight)),
    )
    run_parallel(parts, lambda part, *of_part: sum_weight_gradient(*args, scratch[part], *of_part))


@functools.lru_cache(maxsize=256)
def _window_layout(
    layout: TileLayout,
    grad: tuple[int, ...],
    grad_strides: tuple[int, ...],
    channels: int,
    kernel: Pair,
) -> tuple[Any, ...]:
    """Return the `WindowLayout` of a convolution, as a plain tuple.

    Args:
        layout: The layout of a tile of images with separate planes.
        grad: The shape of the gradient of the result, (N, O, P, Q).
        grad_strides: Its strides.
        channels: The number of channels of an image.
        kernel: The height and width of the kernel.
    """
    (count, _, rows, columns), (height, width) = grad, kernel
    grad_image, _, grad_row, _ = grad_strides
    (top, left), images = layout.before, layout.images_per_tile
    row = (columns + width - 1) * channels
    image, origin = (rows + height - 1) * row, top * row + left * channels
    line = np.arange(rows)
    lines = Lines(
        np.add.outer(np.arange(count) * grad_image, line * grad_row).reshape(-1),
        np.add.outer(np.arange(images) * image, line * row).reshape(-1),
        rows,
        columns,
        max(1, WINDOW_BYTES // (row * layout.dtype.itemsize)),
    )
    # Vectors and transposed blocks may end behind the last position.
    tile_size = images * image + layout.lanes * (channels + 1)
    strides = TileStrides(image, channels, row, origin, channels, *layout.used_size)
    window = Kernel(height, row, width * channels)
    return plain(WindowLayout(strides, lines, window, tile_size, images, count))


def _input_gradient(backend: Memory, layout: TileLayout, targets: Targets) -> InputGradient:
    if targets.input is None or targets.flipped is None:
        nothing = Outputs(_zero(backend.dtype), 0, 0)
        return InputGradient(False, nothing, _no_weights(backend.dtype))
    return InputGradient(True, _as_outputs(targets.input), _weights(layout, targets.flipped))


def _weight_gradient(
    backend: Memory, out: TensorData, input: TensorData, weight: TensorData
) -> bool:
    """Compute a convolution whose kernel is an image's gradient, batch and channels swapped.

    Returns:
        True if the result was written, False if it contains NaN.

    Shape:
        input (C, N, H, W), weight (O, N, P, Q), out (C, O, KH, KW).
    """
    layout, grad_layout, size = _weight_layouts(
        backend.dtype, input.shape, weight.shape[2:], out.shape
    )
    images, gradients = swap_batch_channel(input), swap_batch_channel(weight)
    count, outputs, _, _ = gradients.shape
    gradients = TensorData.unchecked(gradients.storage, (count, outputs, *size), gradients.strides)
    targets = Targets(weight=swap_batch_channel(out))
    convolve_images_backward(backend, layout, grad_layout, images, gradients, None, targets)
    # The product of an infinite or NaN number and a padding zero is NaN; the definition has none.
    return not has_nan(out)


@functools.lru_cache(maxsize=256)
def _weight_layouts(
    dtype: np.dtype[Any], input: tuple[int, ...], grad: tuple[int, ...], out: tuple[int, ...]
) -> tuple[TileLayout, TileLayout, Pair]:
    """Return the layouts of images and gradients, and the size of the part that has products.

    Args:
        dtype: The dtype of the elements.
        input: The shape of the images, (C, N, H, W).
        grad: The height and width of the gradient of the result.
        out: The shape of the gradient of the weight, (C, O, KH, KW).
    """
    (channels, outputs, *kernel), (_, count, *image) = out, input
    # The part of the gradient beyond the image has no products.
    size = as_pair([min(pair) for pair in zip(grad, image, strict=True)])
    geometry = Geometry(as_pair(image), as_pair(kernel), size)
    images_per_tile = wgrad_images_per_tile(count, geometry)
    options = (False, dtype, lanes(dtype))
    layout = tile_layout(images_per_tile, channels, outputs, geometry, *options)
    backward = geometry.backward()
    return layout, tile_layout(images_per_tile, outputs, channels, backward, *options), size


def tile_source(
    backend: Memory, layout: TileLayout, images: TensorData, masked: bool = False
) -> TensorData:
    """Return images in a layout from which tiles can be filled; copy images in other layouts.

    Rows that are contiguous in memory need no copy. Neither do contiguous channels, if there are
    enough columns and channels for square blocks.

    Shape:
        (N, C, H, W) → (N, C, H, W).
    """
    _, channel_step, _, column_step = images.strides
    if column_step == 1 or images.shape[3] == 1:
        return images
    enough = min(images.shape[1], layout.used_size[1]) >= layout.lanes
    if channel_step == 1 and not masked and enough:
        return images
    return backend.contiguous(images)


def _images(a: TensorData) -> Images:
    image, channel, row, column = a.strides
    return Images(a.storage, (image, channel, row, column))


def _weights(
    layout: TileLayout, weight: TensorData, bias: TensorData | None = None, relu: bool = False
) -> Weights:
    """Return weights for sums that begin with a bias, or with 0."""
    step, *strides = weight.strides
    taps = tap_positions(weight.shape[1:], tuple(strides))
    if bias is None:
        zero = _zero(weight.storage.dtype)
        return Weights(weight.storage, step, taps, layout.offsets, zero, 0, relu)
    (bias_step,) = bias.strides
    return Weights(weight.storage, step, taps, layout.offsets, bias.storage, bias_step, relu)


@functools.lru_cache
def _no_weights(dtype: np.dtype[Any]) -> Weights:
    """Return weights without taps, for gradients that are not requested."""
    nothing = np.zeros(0, np.int64)
    return Weights(_zero(dtype), 0, nothing, nothing, _zero(dtype), 0, False)


def _as_outputs(out: TensorData) -> Outputs:
    _, channels, rows, columns = out.shape
    return Outputs(out.storage, channels, rows * columns)


def swap_batch_channel(a: TensorData) -> TensorData:
    """Return a view with the first two dimensions swapped.

    Shape:
        (N, C, H, W) → (C, N, H, W).
    """
    (n, c, height, width), (n_step, c_step, row, step) = a.shape, a.strides
    return TensorData.unchecked(a.storage, (c, n, height, width), (c_step, n_step, row, step))


@functools.lru_cache
def _zero(dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return one zero, the initial value of sums."""
    return np.zeros(1, dtype)
