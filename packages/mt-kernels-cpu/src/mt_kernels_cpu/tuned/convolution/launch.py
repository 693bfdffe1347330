"""Convolution in any layout: kernels slide over planes, whatever the shape.

There is one exception: if a kernel has more elements than a channel of the output, the convolution
is the gradient of a weight, in which images and kernels have changed places. It is a sum of
products over planes. Products of matrices, the other way to convolve, are slower for nearly all
shapes: see docs/decisions, number 11.

Both ways multiply weights by the zeros around an image, which the definition leaves out. The
difference shows where a weight is infinite or NaN; then the strided kernels compute.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.tuned.convolution.kernels import (
    Kernels,
    Outputs,
    collect,
    slide,
    slide_back,
)
from mt_kernels_cpu.tuned.convolution.tiling import (
    Geometry,
    Layout,
    Positions,
    for_products,
    for_sums,
    in_blocks,
    layout,
    tap_positions,
)
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.simd.vector import lanes
from mt_kernels_cpu.tuned.threads import partition, run_parallel
from mt_tensor import TensorData, host_array

vdot: Any = np.vdot
"""The sum of products, which other than `np.dot` does not warn when it is infinite or NaN."""

NOWHERE: Positions = np.zeros(0, np.int64)
"""In the place of positions that nobody needs."""


def correlate(
    backend: Memory, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
) -> bool:
    """Write a two-dimensional convolution into `out`, as `Backend.convolve` defines it.

    Returns:
        Whether it did: not if weights are infinite or NaN and meet the zeros around an image, and
        not for a reversed kernel that is larger than the output.

    Shape:
        input (N, C, H, W), weight (O, C, KH, KW), out (N, O, any, any).
    """
    input, weight = backend.as_native(input), backend.as_native(weight)
    size, kernel = (out.shape[2], out.shape[3]), (weight.shape[2], weight.shape[3])
    if out.size == 0 or input.size == 0 or weight.size == 0:
        out.storage[: out.size] = 0.0
        return True
    if kernel[0] * kernel[1] > size[0] * size[1]:
        return not reverse and _gradient_of_weight(backend, out, input, weight)
    count, channels, *image = input.shape
    before = (kernel[0] - 1, kernel[1] - 1) if reverse else (0, 0)
    geometry, vector = Geometry((image[0], image[1]), kernel, size, before), lanes(backend.dtype)
    together = for_sums(count, channels, geometry, vector)
    where = layout(together, channels, out.shape[1], geometry, reverse, backend.dtype, vector)
    if not where.complete and not finite(weight):
        return False
    slide_over(backend, where, input, weight, out)
    return True


def slide_over(
    backend: Memory,
    where: Layout,
    input: TensorData,
    weight: TensorData,
    out: TensorData,
    bias: TensorData | None = None,
    relu: bool = False,
) -> None:
    """Slide kernels over images.

    Args:
        backend: What computes.
        where: How a few of the images lie in planes.
        input: The images, in any layout.
        weight: The kernels, in any layout.
        out: Where to write, contiguous.
        bias: A number for each output channel to begin with; zeros unless given.
        relu: Whether 0 takes the place of negative sums.

    Shape:
        input (N, C, H, W), weight (O, C, KH, KW), out (N, O, P, Q), bias (O,).
    """
    parts = partition(out.shape[0], out.size * len(where.offsets))
    scratch = backend.scratch(len(parts), where.cells + where.room_cells)
    given: tuple[Any, ...] = (
        *sliding(backend, where, input, weight, bias),
        _to_write(out),
        relu,
        where.room,
        scratch,
        where.cells,
    )
    run_parallel(parts, lambda *part: slide(*given, *part))


def sliding(
    backend: Memory, where: Layout, input: TensorData, weight: TensorData, bias: TensorData | None
) -> tuple[Any, ...]:
    """Return what kernels that slide over images are given first; see `slide_over`."""
    input = to_fill_from(backend, where, input)
    return (
        (input.storage, input.strides),
        where.place,
        where.together,
        _kernels(where, weight),
        (_zero(backend.dtype), 0) if bias is None else (bias.storage, bias.strides[0]),
        (*where.segments, where.counts),
    )


def slide_back_over(
    backend: Memory,
    where: Layout,
    gradient_where: Layout,
    input: TensorData,
    turned: TensorData | None,
    grad: TensorData,
    mask: TensorData | None,
    by_input: TensorData | None,
    by_weight: TensorData | None,
    by_bias: TensorData | None,
) -> None:
    """Work out the gradients of kernels that slid over images, as many of them as are wanted.

    Args:
        backend: What computes.
        where: How a few of the images lie in planes.
        gradient_where: How as many of their gradients do, for the turned kernels to slide over.
        input: The images, in any layout.
        turned: The kernels, in any layout, outputs and channels exchanged.
        grad: The gradients of what came out, in any layout.
        mask: What came out, contiguous, if the gradients count only where that is positive.
        by_input: Where to write the gradient of the images, contiguous; needs `turned`.
        by_weight: Where to write that of the kernels, in any layout.
        by_bias: Where to write that of the bias.

    Shape:
        input and by_input (N, C, H, W), turned (C, O, KH, KW), grad and mask (N, O, P, Q),
        by_weight (O, C, KH, KW), by_bias (O,).
    """
    input = to_fill_from(backend, where, input)
    grad = to_fill_from(backend, gradient_where, grad, mask is not None)
    count, outputs = grad.shape[0], grad.shape[1]
    passes = (by_input is not None) + (by_weight is not None)
    parts = partition(count, passes * grad.size * len(where.offsets))
    length = 0 if by_weight is None else in_blocks(outputs, len(where.offsets))
    sums = gradient_where.cells + where.cells
    biased = sums + length if by_bias is None else sums + length + outputs
    ends = (gradient_where.cells, sums, sums + length, biased)
    room = 0 if by_input is None else gradient_where.room_cells
    scratch = backend.scratch(len(parts), biased + room)
    zero, signs = _zero(backend.dtype), grad if mask is None else mask
    given: tuple[Any, ...] = (
        (grad.storage, grad.strides),
        mask is not None,
        (signs.storage, signs.strides),
        gradient_where.place,
        where.together,
        by_input is not None,
        (zero, 0, 0) if by_input is None else _to_write(by_input),
        (zero, 0, NOWHERE, NOWHERE) if turned is None else _kernels(gradient_where, turned),
        (zero, 0),
        (*gradient_where.segments, gradient_where.counts),
        gradient_where.room,
        (input.storage, input.strides),
        where.place,
        where.offsets,
        where.length,
        where.joined,
        scratch,
        ends,
    )
    run_parallel(parts, lambda *part: slide_back(*given, *part))
    collect(
        (zero, 0, NOWHERE, NOWHERE) if by_weight is None else _kernels(where, by_weight),
        zero[:0] if by_bias is None else by_bias.storage,
        outputs,
        scratch,
        ends,
    )


def _gradient_of_weight(
    backend: Memory, out: TensorData, input: TensorData, weight: TensorData
) -> bool:
    """Compute a convolution whose kernel is an image's gradient, batch and channels exchanged.

    Shape:
        input (C, N, H, W), weight (O, N, P, Q), out (C, O, KH, KW).
    """
    channels, outputs, *kernel = out.shape
    _, count, *image = input.shape
    # Where the gradient reaches beyond the image, it meets nothing.
    size = (min(weight.shape[2], image[0]), min(weight.shape[3], image[1]))
    geometry = Geometry((image[0], image[1]), (kernel[0], kernel[1]), size)
    images, gradients = exchanged(input), exchanged(weight)
    gradients = TensorData.unchecked(gradients.storage, (count, outputs, *size), gradients.strides)
    together = for_products(count, geometry)
    given = (False, backend.dtype, lanes(backend.dtype))
    where = layout(together, channels, outputs, geometry, *given)
    gradient_where = layout(together, outputs, channels, geometry.back(), *given)
    slide_back_over(
        backend, where, gradient_where, images, None, gradients, None, None, exchanged(out), None
    )
    # An infinite or NaN number may have met a zero that the definition leaves out.
    return not has_nan(out)


def to_fill_from(
    backend: Memory, where: Layout, images: TensorData, masked: bool = False
) -> TensorData:
    """Return images as planes are filled from them, without a copy if they are so already.

    The numbers of a row are neighbours in memory, or those of all channels are, if there are enough
    of both for square blocks.

    Shape:
        (N, C, H, W) → (N, C, H, W).
    """
    _, to_channel, _, step = images.strides
    if step == 1 or images.shape[3] == 1:
        return images
    if to_channel == 1 and not masked and min(images.shape[1], where.fitting[1]) >= where.lanes:
        return images
    return backend.contiguous(images)


def _kernels(where: Layout, weight: TensorData) -> Kernels:
    step, *strides = weight.strides
    taps = tap_positions(weight.shape[1:], tuple(strides))
    return weight.storage, step, taps, where.offsets


def _to_write(out: TensorData) -> Outputs:
    return out.storage, out.shape[1], out.shape[2] * out.shape[3]


def exchanged(a: TensorData) -> TensorData:
    """Return images or kernels with their first two dimensions exchanged.

    Shape:
        (N, C, H, W) → (C, N, H, W).
    """
    (n, c, height, width), (n_step, c_step, row, step) = a.shape, a.strides
    return TensorData.unchecked(a.storage, (c, n, height, width), (c_step, n_step, row, step))


def finite(a: TensorData) -> bool:
    """Return whether no element is infinite or NaN. Numbers whose squares overflow may count."""
    cells = a.flat()
    if cells is None:
        return bool(np.isfinite(host_array(a)).all())
    return math.isfinite(vdot(cells, cells))


def has_nan(a: TensorData) -> bool:
    """Return whether an element is NaN: then, and only then, the sum of the squares is."""
    cells = a.flat()
    if cells is None:
        cells = host_array(a).reshape(-1)
    return math.isnan(vdot(cells, cells))


@functools.lru_cache
def _zero(dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return a zero for sums to begin with."""
    return np.zeros(1, dtype)
