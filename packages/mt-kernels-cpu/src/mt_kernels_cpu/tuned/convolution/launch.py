"""Convolution in any layout, computed over zero-padded tiles.

If a kernel has more elements than a channel of the output, the convolution is the gradient of a
weight, with images and kernels swapped: a sum of products of two tiles. All other shapes convolve a
tile of images. Convolution by matrix products is slower for nearly all shapes: see docs/decisions,
number 11.

Both ways multiply weights by the zeros around an image, which the definition leaves out. The
difference shows only if a weight is infinite or NaN; then the strided kernels compute.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import fastmath_kernel
from mt_kernels_cpu.tuned.convolution.kernels import (
    Kernels,
    Outputs,
    convolve_backward,
    convolve_forward,
    reduce_thread_sums,
)
from mt_kernels_cpu.tuned.convolution.tiling import (
    Geometry,
    Positions,
    TileLayout,
    forward_images_per_tile,
    padded_sum_count,
    tap_positions,
    tile_layout,
    wgrad_images_per_tile,
)
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.simd.vector import lanes
from mt_kernels_cpu.tuned.threads import partition, partition_independent, run_parallel
from mt_tensor import TensorData, host_array, recording
from mt_tensor.layout import Storage

EMPTY: Positions = np.zeros(0, np.int64)
"""Empty positions, for gradients that are not requested."""


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
    size, kernel = (out.shape[2], out.shape[3]), (weight.shape[2], weight.shape[3])
    if out.size == 0 or input.size == 0 or weight.size == 0:
        out.storage[: out.size] = 0.0
        return True
    if kernel[0] * kernel[1] > size[0] * size[1]:
        return not reverse and _weight_gradient(backend, out, input, weight)
    count, channels, *image = input.shape
    before = (kernel[0] - 1, kernel[1] - 1) if reverse else (0, 0)
    geometry, vector = Geometry((image[0], image[1]), kernel, size, before), lanes(backend.dtype)
    images_per_tile = forward_images_per_tile(count, channels, geometry, vector)
    layout = tile_layout(
        images_per_tile, channels, out.shape[1], geometry, reverse, backend.dtype, vector
    )
    if not layout.unpadded and not all_finite(weight):
        return False
    convolve_images(backend, layout, input, weight, out)
    return True


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
    args: tuple[Any, ...] = (
        *forward_args(backend, layout, input, weight, bias),
        _as_outputs(out),
        relu,
        layout.staging_layout,
        scratch,
        layout.tile_size,
    )
    run_parallel(parts, lambda *part: convolve_forward(*args, *part))


def forward_args(
    backend: Memory,
    layout: TileLayout,
    input: TensorData,
    weight: TensorData,
    bias: TensorData | None,
) -> tuple[Any, ...]:
    """Return the first arguments of kernels that convolve; arguments as for `convolve_images`."""
    input = tile_source(backend, layout, input)
    return (
        (input.storage, input.strides),
        layout.tile_strides,
        layout.images_per_tile,
        _kernels(layout, weight),
        (_zero(backend.dtype), 0) if bias is None else (bias.storage, bias.strides[0]),
        (*layout.segments, layout.segment_counts),
    )


def convolve_images_backward(
    backend: Memory,
    layout: TileLayout,
    grad_layout: TileLayout,
    input: TensorData,
    flipped: TensorData | None,
    grad: TensorData,
    mask: TensorData | None,
    grad_input: TensorData | None,
    grad_weight: TensorData | None,
    grad_bias: TensorData | None,
) -> None:
    """Compute the requested gradients of a convolution with a stride of 1.

    Args:
        backend: The backend, which allocates memory.
        layout: The layout of a tile of images.
        grad_layout: The layout of a tile of gradients, read by the flipped weights.
        input: The images, in any layout.
        flipped: The weights, in any layout, with outputs and channels swapped.
        grad: The gradient of the result, in any layout.
        mask: The result, contiguous, if the gradient counts only where the result is positive.
        grad_input: The result for the gradient of the images, contiguous; needs `flipped`.
        grad_weight: The result for the gradient of the weights, in any layout.
        grad_bias: The result for the gradient of the bias.

    Shape:
        input and grad_input (N, C, H, W), flipped (C, O, KH, KW), grad and mask (N, O, P, Q),
        grad_weight (O, C, KH, KW), grad_bias (O,).
    """
    input = tile_source(backend, layout, input)
    grad = tile_source(backend, grad_layout, grad, mask is not None)
    count, outputs = grad.shape[0], grad.shape[1]
    passes = (grad_input is not None) + (grad_weight is not None)
    parts = partition(count, passes * grad.size * len(layout.offsets))
    weight_sums = 0 if grad_weight is None else padded_sum_count(outputs, len(layout.offsets))
    images_end = grad_layout.tile_size + layout.tile_size
    ends = (grad_layout.tile_size, images_end, images_end + weight_sums)
    staging_size = 0 if grad_input is None else grad_layout.staging_size
    scratch = backend.scratch(len(parts), ends[-1] + staging_size)
    sums = (len(parts), 0 if grad_bias is None else outputs)
    bias_scratch = np.empty(sums)
    recording.called(bias_scratch.fill, 0.0)
    zero, mask_data = _zero(backend.dtype), grad if mask is None else mask
    args: tuple[Any, ...] = (
        (grad.storage, grad.strides),
        mask is not None,
        (mask_data.storage, mask_data.strides),
        grad_layout.tile_strides,
        layout.images_per_tile,
        grad_input is not None,
        (zero, 0, 0) if grad_input is None else _as_outputs(grad_input),
        (zero, 0, EMPTY, EMPTY) if flipped is None else _kernels(grad_layout, flipped),
        (zero, 0),
        (*grad_layout.segments, grad_layout.segment_counts),
        grad_layout.staging_layout,
        (input.storage, input.strides),
        layout.tile_strides,
        layout.offsets,
        layout.output_span,
        layout.contiguous_rows,
        scratch,
        ends,
        bias_scratch,
    )
    run_parallel(parts, lambda *part: convolve_backward(*args, *part))
    reduce_thread_sums(
        (zero, 0, EMPTY, EMPTY) if grad_weight is None else _kernels(layout, grad_weight),
        zero[:0] if grad_bias is None else grad_bias.storage,
        outputs,
        scratch,
        ends,
        bias_scratch,
    )


def _weight_gradient(
    backend: Memory, out: TensorData, input: TensorData, weight: TensorData
) -> bool:
    """Compute a convolution whose kernel is an image's gradient, batch and channels swapped.

    Returns:
        True if the result was written, False if it contains NaN.

    Shape:
        input (C, N, H, W), weight (O, N, P, Q), out (C, O, KH, KW).
    """
    channels, outputs, *kernel = out.shape
    _, count, *image = input.shape
    # The part of the gradient beyond the image has no products.
    size = (min(weight.shape[2], image[0]), min(weight.shape[3], image[1]))
    geometry = Geometry((image[0], image[1]), (kernel[0], kernel[1]), size)
    images, gradients = swap_batch_channel(input), swap_batch_channel(weight)
    gradients = TensorData.unchecked(gradients.storage, (count, outputs, *size), gradients.strides)
    images_per_tile = wgrad_images_per_tile(count, geometry)
    options = (False, backend.dtype, lanes(backend.dtype))
    layout = tile_layout(images_per_tile, channels, outputs, geometry, *options)
    grad_layout = tile_layout(images_per_tile, outputs, channels, geometry.backward(), *options)
    convolve_images_backward(
        backend,
        layout,
        grad_layout,
        images,
        None,
        gradients,
        None,
        None,
        swap_batch_channel(out),
        None,
    )
    # The product of an infinite or NaN number and a padding zero is NaN; the definition has none.
    return not has_nan(out)


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


def _kernels(layout: TileLayout, weight: TensorData) -> Kernels:
    step, *strides = weight.strides
    taps = tap_positions(weight.shape[1:], tuple(strides))
    return weight.storage, step, taps, layout.offsets


def _as_outputs(out: TensorData) -> Outputs:
    return out.storage, out.shape[1], out.shape[2] * out.shape[3]


def swap_batch_channel(a: TensorData) -> TensorData:
    """Return a view with the first two dimensions swapped.

    Shape:
        (N, C, H, W) → (C, N, H, W).
    """
    (n, c, height, width), (n_step, c_step, row, step) = a.shape, a.strides
    return TensorData.unchecked(a.storage, (c, n, height, width), (c_step, n_step, row, step))


def all_finite(a: TensorData) -> bool:
    """Return whether no element is infinite or NaN.

    Also False if the sum of the squares overflows.
    """
    elements = a.flat()
    if elements is None:
        return recording.called(_all_finite, host_array(a))
    return sum_of_squares_is(FINITE, elements)


def has_nan(a: TensorData) -> bool:
    """Return whether an element is NaN. The sum of the squares is NaN exactly then."""
    elements = a.flat()
    if elements is None:
        elements = host_array(a).reshape(-1)
    return sum_of_squares_is(NAN, elements)


def _all_finite(a: npt.NDArray[Any]) -> bool:
    return bool(np.isfinite(a).all())


FINITE, NAN = False, True


@fastmath_kernel
def sum_of_squares_is(is_nan: bool, elements: Storage) -> bool:
    """Return whether the sum of the squares is finite or, if `is_nan` is true, whether it is NaN.

    Shape:
        elements (size,).
    """
    total = elements.dtype.type(0)
    for i in range(len(elements)):
        total += elements[i] * elements[i]
    return math.isnan(total) if is_nan else math.isfinite(total)


@functools.lru_cache
def _zero(dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return one zero, the initial value of sums."""
    return np.zeros(1, dtype)
