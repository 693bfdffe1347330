"""Convolution in any layout, by the method that is fastest for the shape.

The rule, for an output of rows that are `columns` long:

- If the kernel has more elements than a channel of the output, the convolution is the gradient of
  a weight, in which images and kernels have changed places: sums of products over planes.
- If a row of the output fills a vector, kernels slide over planes.
- Otherwise the numbers under each position of the kernel become a column of a matrix, and the
  convolution a product of matrices: few positions waste most of a vector.

All three multiply weights by the zeros around an image, which the definition leaves out. The
difference shows where a weight is infinite or NaN; then the strided kernels compute.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.tuned.layouts import Layout, Pair, layout, tap_positions
from mt_kernels_cpu.tuned.planes import OUTPUTS, TAPS, add_products, fill_planes, slide
from mt_kernels_cpu.tuned.products import multiply
from mt_kernels_cpu.tuned.threads import divide, threads_for
from mt_kernels_cpu.tuned.vectors import lanes
from mt_tensor import TensorData, host_array
from mt_tensor.layout import Storage

if TYPE_CHECKING:
    from mt_kernels_cpu.tuned.backend import Tuned

TOGETHER = 1024
"""How many numbers of one channel of a gradient to go through before sums are put aside."""


@dataclass(frozen=True, slots=True)
class Planes:
    """Images in planes.

    Attributes:
        storage: The planes of all images.
        layout: Where in them everything lies.
        count: The number of images.
    """

    storage: Storage
    layout: Layout
    count: int


def correlate(
    backend: Tuned, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
) -> bool:
    """Write a two-dimensional convolution into `out`, as `Backend.conv2d` defines it.

    Returns:
        Whether it did: not if weights are infinite or NaN and meet the zeros around an image, and
        not for a reversed kernel that is larger than the output.

    Shape:
        input (N, C, H, W), weight (O, C, KH, KW), out (N, O, any, any).
    """
    size, kernel = (out.shape[2], out.shape[3]), (weight.shape[2], weight.shape[3])
    if out.size == 0 or input.size == 0 or weight.size == 0:
        out.storage[: out.size] = 0.0
        return True
    if kernel[0] * kernel[1] > size[0] * size[1]:
        return not reverse and _gradient_of_weight(backend, out, input, weight)
    before = (kernel[0] - 1, kernel[1] - 1) if reverse else (0, 0)
    where = _layout(backend, input, kernel, size, before, reverse)
    if not where.complete and not finite(weight):
        return False
    planes = to_planes(backend, input, where)
    if size[1] >= lanes(backend.dtype):
        slide_over(planes, weight, out)
    else:
        _multiply_columns(backend, planes, weight, out, reverse)
    return True


def _layout(
    backend: Tuned,
    input: TensorData,
    kernel: Pair,
    size: Pair,
    before: Pair = (0, 0),
    reverse: bool = False,
) -> Layout:
    count, channels, height, width = input.shape
    image, dtype = (height, width), backend.dtype
    return layout(count, channels, image, kernel, size, before, reverse, dtype, lanes(dtype))


def to_planes(
    backend: Tuned, input: TensorData, where: Layout, mask: TensorData | None = None
) -> Planes:
    """Write images into planes over which a kernel can slide.

    Args:
        backend: What computes.
        input: The images.
        where: Where in the planes they lie: a layout for images of their shape.
        mask: Only what is positive here counts in the images; the rest is 0.

    Shape:
        input and mask (N, C, H, W).
    """
    count, channels = input.shape[:2]
    width = lanes(backend.dtype)
    storage = backend.buffers.empty(where.cells, backend.dtype)
    # Sums read on a little behind the last row of a plane, and it takes part in none.
    storage[-width - where.row :] = 0.0
    if where.joined:
        gaps = storage[: channels * where.channel].reshape(channels, where.channel)
        gaps[:, count * where.plane :] = 0.0
    signs = input if mask is None else mask
    steps, sizes = (where.image, where.channel, where.row), (channels, *where.fitting)
    to: tuple[Any, ...] = (storage, steps, where.plane, where.inside)
    source: tuple[Any, ...] = (input.storage, input.strides, sizes)
    source = (*source, mask is not None, signs.storage, signs.strides)

    def work(_: int, first: int, last: int) -> None:
        fill_planes(*to, *source, width, first, last)

    divide(count, threads_for(storage.size, count), work)
    return Planes(storage, where, count)


def slide_over(
    planes: Planes,
    weight: TensorData,
    out: TensorData,
    bias: TensorData | None = None,
    relu: bool = False,
) -> None:
    """Slide kernels over images in planes and write the sums.

    Args:
        planes: The images; their layout is one for these kernels and this output.
        weight: The kernels, in any layout.
        out: Where to write, contiguous, with rows of a vector or more.
        bias: A number for each output channel to begin with; zeros unless given.
        relu: Whether 0 takes the place of negative sums.

    Shape:
        weight (O, C, KH, KW), out (N, O, P, Q), bias (O,).
    """
    where = planes.layout
    count, outputs, rows, columns = out.shape
    _, channels, height, width = weight.shape
    step, *strides = weight.strides
    taps = tap_positions((channels, height, width), tuple(strides))
    begin = np.zeros(1, out.storage.dtype) if bias is None else bias.storage
    begin_step = 0 if bias is None else bias.strides[0]
    divide(
        count,
        threads_for(out.size * len(taps), count),
        lambda _, first, last: slide(
            out.storage,
            rows * columns,
            outputs,
            planes.storage,
            where.image,
            weight.storage,
            step,
            taps,
            where.offsets,
            begin,
            begin_step,
            where.to,
            where.at,
            relu,
            first,
            last,
        ),
    )


def sum_products(
    backend: Tuned, planes: Planes, gradients: Planes, outputs: int
) -> npt.NDArray[Any]:
    """Return the gradient of the weights that slid over images in planes.

    Args:
        backend: What computes.
        planes: The images, in the planes over which the kernels slid.
        gradients: The gradient of what came out.
        outputs: How many channels that has.

    Shape:
        → (outputs, taps).
    """
    where, g = planes.layout, gradients.layout
    taps, width = len(where.offsets), lanes(backend.dtype)
    blocks, threes = -(-outputs // OUTPUTS), -(-taps // TAPS)
    threads = threads_for(planes.count * where.length * outputs * taps, planes.count)
    sums = backend.buffers.empty(
        threads * blocks * threes * OUTPUTS * TAPS * width, backend.dtype
    ).reshape(threads, -1)
    # So many that their planes of four outputs stay in the processor's first cache.
    together = max(1, TOGETHER // where.plane)

    def work(part: int, first: int, last: int) -> None:
        x, grad, length = planes.storage, gradients.storage, where.length
        if where.joined:
            start = first * where.plane
            x, grad, length = x[start:], grad[start:], (last - first) * where.plane
            first, last = 0, 1
        gradient: tuple[Any, ...] = (grad, g.image, g.channel, g.inside, outputs)
        image: tuple[Any, ...] = (x, where.image, where.offsets, length, together)
        add_products(sums[part], *gradient, *image, width, first, last)

    divide(planes.count, threads, work)
    total = np.dot(ones(threads, backend.dtype), sums) if threads > 1 else sums
    total = np.dot(total.reshape(-1, width), ones(width, backend.dtype))
    blockwise: npt.NDArray[Any] = total.reshape(blocks, threes, OUTPUTS, TAPS)
    blockwise = blockwise.transpose(0, 2, 1, 3)
    return blockwise.reshape(blocks * OUTPUTS, threes * TAPS)[:outputs, :taps]


def _gradient_of_weight(
    backend: Tuned, out: TensorData, input: TensorData, weight: TensorData
) -> bool:
    """Compute a convolution whose kernel is an image's gradient, batch and channels exchanged.

    Shape:
        input (C, N, H, W), weight (O, N, P, Q), out (C, O, KH, KW).
    """
    channels, outputs = out.shape[:2]
    kernel, image = (out.shape[2], out.shape[3]), (input.shape[2], input.shape[3])
    # Where the gradient reaches beyond the image, it meets nothing.
    size = (min(weight.shape[2], image[0]), min(weight.shape[3], image[1]))
    images, gradients = input.permute(1, 0, 2, 3), weight.permute(1, 0, 2, 3)
    gradients = TensorData.trusted(
        gradients.storage, (*gradients.shape[:2], *size), gradients.strides
    )
    planes = to_planes(backend, images, _layout(backend, images, kernel, size))
    grads = to_planes(backend, gradients, _layout(backend, gradients, kernel, image))
    result = sum_products(backend, planes, grads, outputs)
    if has_nan(result) and not planes.layout.complete:
        return False
    host_array(out)[...] = result.reshape(outputs, channels, *kernel).transpose(1, 0, 2, 3)
    return True


def _multiply_columns(
    backend: Tuned, planes: Planes, weight: TensorData, out: TensorData, reverse: bool
) -> None:
    """Convolve by a product of matrices: what lies under the kernel becomes a column.

    Shape:
        weight (O, C, KH, KW), out (N, O, P, Q).
    """
    where, item = planes.layout, backend.dtype.itemsize
    _, channels, height, width = weight.shape
    count, outputs, rows, columns = out.shape
    steps = (where.image, where.channel, where.row, 1, where.row, 1)
    windows = np.lib.stride_tricks.as_strided(
        planes.storage,
        (count, channels, height, width, rows, columns),
        tuple(step * item for step in steps),
        writeable=False,
    )
    taps = channels * height * width
    matrix = backend.buffers.empty(windows.size, backend.dtype).reshape(windows.shape)
    np.copyto(matrix, windows)
    kernels = host_array(weight)[:, :, ::-1, ::-1] if reverse else host_array(weight)
    multiply(
        kernels.reshape(outputs, taps),
        matrix.reshape(count, taps, rows * columns),
        host_array(out).reshape(count, outputs, rows * columns),
    )


def as_images(a: TensorData) -> TensorData:
    """Return sequences as images one row high.

    Shape:
        (N, C, W) → (N, C, 1, W).
    """
    (n, c, width), (n_step, c_step, step) = a.shape, a.strides
    return TensorData.trusted(a.storage, (n, c, 1, width), (n_step, c_step, 0, step))


def as_sequences(a: TensorData) -> TensorData:
    """Return images one row high as sequences.

    Shape:
        (N, C, 1, W) → (N, C, W).
    """
    (n, c, _, width), (n_step, c_step, _, step) = a.shape, a.strides
    return TensorData.trusted(a.storage, (n, c, width), (n_step, c_step, step))


def finite(a: TensorData) -> bool:
    """Return whether no element is infinite or NaN. Numbers whose squares overflow may count."""
    cells = a.flat()
    if cells is None:
        return bool(np.isfinite(host_array(a)).all())
    return math.isfinite(np.dot(cells, cells))


def has_nan(numbers: npt.NDArray[Any]) -> bool:
    """Return whether an element is NaN: then, and only then, the sum of the squares is."""
    flat = numbers.reshape(-1)
    return math.isnan(np.dot(flat, flat))


@functools.lru_cache(maxsize=64)
def ones(count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return ones, the same array each time: a product with them is a sum."""
    result = np.ones(count, dtype)
    result.flags.writeable = False
    return result
