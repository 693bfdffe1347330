"""Pooling in one pass: each window of an image becomes its mean or its largest number."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.jit import released
from mt_kernels_cpu.tuned.layouts import MOVED, Pair
from mt_kernels_cpu.tuned.threads import divide, parts_of
from mt_kernels_cpu.tuned.vectors import add, beats, deal, exceeds, lanes, load, repeat, store
from mt_tensor import FusedForm, Gradients, TensorData
from mt_tensor.layout import Storage

if TYPE_CHECKING:
    from mt_kernels_cpu.tuned.backend import Tuned

SIZES_KEPT = 32
"""The windows of how many sizes have their loops kept in memory."""

MOST_PLACES = 2**24
"""The size of the largest image whose elements single precision can count."""

COMPARED = 20
"""How many multiplications take as long as it does to compare an element and to keep its place."""

WIDEST_WINDOW = 16
"""For wider ones, the instructions that deal numbers to as many vectors would be too many."""


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
    ) -> tuple[TensorData, tuple[tuple[int, ...], Storage]] | None:
        """Pool; see `mt_nn.maxpool2d`."""
        window = _window(input, kernel)
        if window is None or input.shape[2] * input.shape[3] > MOST_PLACES:
            return None
        if window[1] > WIDEST_WINDOW:
            return None
        out = _pooled(backend, input, window)
        cells = backend.contiguous(backend.loadable(input)).storage
        rows, columns = out.shape[2:]
        places = backend._cells(out.size)
        pool, width = maximum_kernel(*window), lanes(backend.dtype)
        # Those of a whole image; the last of them are read a vector at a time.
        numbers = counting(rows * columns * prod(window) + width * window[1], backend.dtype)
        given = (out.storage, places, cells, numbers, width, rows, columns)
        _for_planes(input, lambda *part: pool(*given, *part), COMPARED)
        return out, (input.shape, places)

    @staticmethod
    def backward(
        backend: Tuned, saved: tuple[tuple[int, ...], Storage], grad: TensorData
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


@lru_cache(maxsize=4)  # They are as large as images, and networks have few sizes of these.
def counting(count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return 0, 1, 2 and so on."""
    return np.arange(count, dtype=dtype)


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


def _for_planes(images: TensorData, run: Callable[[int, int], None], element: int = MOVED) -> None:
    """Run a kernel on all planes of images, a plane being one channel of one image.

    Args:
        images: What it goes through.
        run: The kernel.
        element: How many multiplications take as long as one element does.
    """
    planes = images.shape[0] * images.shape[1]
    divide(parts_of(planes, element * images.size), lambda _, first, last: run(first, last))


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
    each window. With each maximum goes its place, counted row by row: first that in a window whose
    rows are as long as the image's, then, with the window's own, that in the image.
    """

    @released
    def pool(
        out: Storage,
        places: Storage,
        x: Storage,
        numbers: Storage,
        lanes: int,
        rows: int,
        columns: int,
        first: int,
        last: int,
    ) -> None:
        across, whole = columns * width, -(-columns // lanes) * lanes
        reach, end = height * across + lanes, last * rows * columns
        lines, marks = np.zeros(whole * width, x.dtype), np.zeros(whole * width, x.dtype)
        rest, rest_places = np.empty(whole, x.dtype), np.empty(whole, x.dtype)
        for row in range(first * rows, last * rows):
            top = x[row * height * across :][:reach]
            if len(top) < reach:
                # Behind the last rows there is nothing that a vector could reach into.
                padded = np.zeros(reach, x.dtype)
                padded[: len(top)] = top
                top = padded
            for i in range(0, across, lanes):
                best, place = load(top, i), repeat(numbers, 0)
                for k in range(1, height):
                    number, here = load(top, k * across + i), repeat(numbers, k * across)
                    place = exceeds(number, best, here, place)
                    best = exceeds(number, best, number, best)
                store(lines, i, best)
                store(marks, i, place)
            at = row * columns
            # Vectors reach beyond a row, whose place then goes to the next one.
            direct = at + whole <= end
            corner = repeat(numbers, row % rows * height * across)
            for i in range(0, columns, lanes):
                bests, spots = deal(lines, i * width, width), deal(marks, i * width, width)
                best, place = bests[0], spots[0]
                for k in range(1, width):
                    number, here = bests[k], add(spots[k], repeat(numbers, k))
                    place_now = beats(number, best, here, place, here, place)
                    best = beats(number, best, here, place, number, best)
                    place = place_now
                place = add(add(corner, deal(numbers, i * width, width)[0]), place)
                if direct:
                    store(out, at + i, best)
                    store(places, at + i, place)
                else:
                    store(rest, i, best)
                    store(rest_places, i, place)
            if not direct:
                for i in range(columns):
                    out[at + i], places[at + i] = rest[i], rest_places[i]

    return pool


@released
def spread_to_maxima(
    to: Storage, g: Storage, places: Storage, plane: int, windows: int, first: int, last: int
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
