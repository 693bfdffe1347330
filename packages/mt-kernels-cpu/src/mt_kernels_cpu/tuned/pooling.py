"""Pooling in one pass: each window of an image becomes its mean or its largest number."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.jit import released
from mt_kernels_cpu.tuned.layouts import Pair
from mt_kernels_cpu.tuned.threads import divide, threads_for
from mt_kernels_cpu.tuned.vectors import beats, gather, lanes, load, multiply_add, store
from mt_tensor import FusedForm, Gradients, TensorData
from mt_tensor.layout import Storage

if TYPE_CHECKING:
    from mt_kernels_cpu.tuned.backend import Tuned

Places = npt.NDArray[np.int32]
"""Where in its plane, counted row by row, each maximum stands."""

SIZES_KEPT = 32
"""The windows of how many sizes have their loops kept in memory."""

MOST_PLACES = 2**31 - 1
"""The size of the largest image whose elements such numbers can count."""

LARGEST_WINDOW = 2**10
"""The size of windows up to which each place has a vector of its number ready."""


class AvgPool2d(FusedForm):
    """The mean of every window, and its gradient: an equal share for each element."""

    @staticmethod
    def forward(
        backend: Tuned, needs_grad: tuple[bool, ...], input: TensorData, kernel: Any
    ) -> tuple[TensorData, tuple[tuple[int, ...], Pair]] | None:
        """Pool; see `mt_nn.avgpool2d`."""
        window = _window(input, kernel)
        if window is None:
            return None
        out, cells = _pooled(backend, input, window), backend.contiguous(input).storage
        rows, columns = out.shape[2:]
        pool, _ = average_kernels(*window)
        _for_planes(input, lambda *part: pool(out.storage, cells, rows, columns, *part))
        return out, (input.shape, window)

    @staticmethod
    def backward(
        backend: Tuned, saved: tuple[tuple[int, ...], Pair], grad: TensorData
    ) -> Gradients:
        """Return the gradient of the input."""
        shape, kernel = saved
        result, cells = backend.new(shape), backend.contiguous(grad).storage
        rows, columns = grad.shape[2:]
        _, spread = average_kernels(*kernel)
        _for_planes(result, lambda *part: spread(result.storage, cells, rows, columns, *part))
        return (result,)


class MaxPool2d(FusedForm):
    """The largest number of every window, which alone receives the gradient."""

    @staticmethod
    def forward(
        backend: Tuned, needs_grad: tuple[bool, ...], input: TensorData, kernel: Any
    ) -> tuple[TensorData, tuple[tuple[int, ...], Places]] | None:
        """Pool; see `mt_nn.maxpool2d`."""
        window = _window(input, kernel)
        if window is None or input.shape[2] * input.shape[3] > MOST_PLACES:
            return None
        if window[0] * window[1] > LARGEST_WINDOW or input.shape[3] < lanes(backend.dtype):
            return None
        out, cells = _pooled(backend, input, window), backend.contiguous(input).storage
        rows, columns = out.shape[2:]
        places = backend.buffers.empty(out.size, np.int32)
        pool, width = maximum_kernel(*window), lanes(backend.dtype)
        # 0, 1, 2 and so on, a vector of each: the numbers of the places in a window.
        numbers = np.repeat(np.arange(max(2, window[0] * window[1]), dtype=backend.dtype), width)
        given = (out.storage, places, cells, numbers, width, rows, columns)
        _for_planes(input, lambda *part: pool(*given, *part))
        return out, (input.shape, places)

    @staticmethod
    def backward(
        backend: Tuned, saved: tuple[tuple[int, ...], Places], grad: TensorData
    ) -> Gradients:
        """Return the gradient of the input."""
        shape, places = saved
        result, cells = backend.new(shape), backend.contiguous(grad).storage
        plane, windows = shape[2] * shape[3], grad.shape[2] * grad.shape[3]
        _for_planes(
            result,
            lambda *part: spread_to_maxima(result.storage, cells, places, plane, windows, *part),
        )
        return (result,)


def _window(input: TensorData, kernel: Any) -> Pair | None:
    """Return the size of a window, None unless such windows fill the images."""
    if len(input.shape) != 4 or input.size == 0:
        return None
    if not isinstance(kernel, tuple | list) or len(kernel) != 2:
        return None
    height, width = kernel
    if not (isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0):
        return None
    return None if input.shape[2] % height or input.shape[3] % width else (height, width)


def _pooled(backend: Tuned, input: TensorData, kernel: Pair) -> TensorData:
    count, channels, height, width = input.shape
    return backend.new((count, channels, height // kernel[0], width // kernel[1]))


def _for_planes(images: TensorData, run: Callable[[int, int], None]) -> None:
    """Run a kernel on all planes of images, a plane being one channel of one image."""
    planes = images.shape[0] * images.shape[1]
    divide(planes, threads_for(images.size, planes), lambda _, first, last: run(first, last))


@lru_cache(maxsize=SIZES_KEPT)
def average_kernels(height: int, width: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return the loops for windows of one size: the mean, and its gradient.

    With the size known to the compiler, no loop over a window remains.
    """

    @released
    def pool(out: Storage, x: Storage, rows: int, columns: int, first: int, last: int) -> None:
        share = x.dtype.type(1) / x.dtype.type(height * width)
        across = columns * width
        lines = np.empty(across, x.dtype)
        for row in range(first * rows, last * rows):
            top = x[row * height * across :][: height * across]
            for i in range(across):
                total = top[i]
                for k in range(1, height):
                    total += top[k * across + i]
                lines[i] = total
            to = out[row * columns :][:columns]
            for i in range(columns):
                total = lines[i * width]
                for k in range(1, width):
                    total += lines[i * width + k]
                to[i] = total * share

    @released
    def spread(to: Storage, g: Storage, rows: int, columns: int, first: int, last: int) -> None:
        share = g.dtype.type(1) / g.dtype.type(height * width)
        across = columns * width
        line = np.empty(across, g.dtype)
        for row in range(first * rows, last * rows):
            grads = g[row * columns :][:columns]
            for i in range(columns):
                part = grads[i] * share
                for k in range(width):
                    line[i * width + k] = part
            below = to[row * height * across :][: height * across]
            for i in range(across):
                for k in range(height):
                    below[k * across + i] = line[i]

    return pool, spread


@lru_cache(maxsize=SIZES_KEPT)
def maximum_kernel(height: int, width: int) -> Callable[..., None]:
    """Return the loop that finds the maxima of windows of one size.

    A maximum is the first of the largest numbers, and NaN is larger than every number. The columns
    of windows come first, as many at a time as a vector holds; then the maxima of the columns of
    each window. With each maximum goes its place in the window, counted row by row.
    """

    @released
    def pool(
        out: Storage,
        places: Places,
        x: Storage,
        numbers: Storage,
        lanes: int,
        rows: int,
        columns: int,
        first: int,
        last: int,
    ) -> None:
        across, whole = columns * width, -(-columns // lanes) * lanes
        lines, marks = np.zeros(whole * width, x.dtype), np.zeros(whole * width, x.dtype)
        tops, spots = np.empty(whole, x.dtype), np.empty(whole, x.dtype)
        for row in range(first * rows, last * rows):
            top = x[row * height * across :][: height * across]
            for piece in range(0, across, lanes):
                # The last vector of a row overlaps with the one before.
                i = min(piece, across - lanes)
                best, place = load(top, i), load(numbers, 0)
                for k in range(1, height):
                    number, here = load(top, k * across + i), load(numbers, k * width * lanes)
                    place_now = beats(number, best, here, place, here, place)
                    best = beats(number, best, here, place, number, best)
                    place = place_now
                store(lines, i, best)
                store(marks, i, place)
            for i in range(0, whole, lanes):
                best, place = gather(lines, i * width, width), gather(marks, i * width, width)
                for k in range(1, width):
                    number = gather(lines, i * width + k, width)
                    here = gather(marks, i * width + k, width)
                    here = multiply_add(load(numbers, lanes), here, load(numbers, k * lanes))
                    place_now = beats(number, best, here, place, here, place)
                    best = beats(number, best, here, place, number, best)
                    place = place_now
                store(tops, i, best)
                store(spots, i, place)
            start = row % rows * height * across
            to, at = out[row * columns :][:columns], places[row * columns :][:columns]
            for i in range(columns):
                spot = np.int32(spots[i])
                to[i] = tops[i]
                at[i] = start + spot // width * across + i * width + spot % width

    return pool


@released
def spread_to_maxima(
    to: Storage, g: Storage, places: Places, plane: int, windows: int, first: int, last: int
) -> None:
    """Write the gradient of maxima to where they stood, and 0 everywhere else.

    Args:
        to: Where to write.
        g: The gradient.
        places: Where in its plane each maximum stands.
        plane: The number of elements of a plane.
        windows: The number of its windows.
        first: The first plane to go through.
        last: The one at which to stop.
    """
    for p in range(first, last):
        here = to[p * plane : (p + 1) * plane]
        where, grads = places[p * windows :][:windows], g[p * windows :][:windows]
        here[:] = 0.0
        for i in range(windows):
            here[np.uint32(where[i])] = grads[i]
