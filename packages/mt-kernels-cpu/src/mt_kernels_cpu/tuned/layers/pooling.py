"""Fused forms of pooling: the mean or the maximum of each window of an image.

A *plane* is one channel of one image. A row of windows of 2 × 3 elements is computed in two passes,
each over whole vectors::

    plane                        columns: max of 2      windows: max of 3
    a0 a1 a2 | a3 a4 a5 | …      c0 c1 c2 c3 c4 c5 …    max(c0, c1, c2)  max(c3, c4, c5)  …
    b0 b1 b2 | b3 b4 b5 | …      cj = max(aj, bj)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.arguments import plain
from mt_kernels_cpu.compiling.jit import nogil_kernel
from mt_kernels_cpu.tuned.convolution.tiling import STORE_COST, Pair
from mt_kernels_cpu.tuned.memory import Memory
from mt_kernels_cpu.tuned.simd.compare import select_argmax, select_greater
from mt_kernels_cpu.tuned.simd.memory import (
    deinterleave,
    lanes_of,
    load,
    splat,
    store,
    store_integers,
)
from mt_kernels_cpu.tuned.simd.vector import add, lanes
from mt_kernels_cpu.tuned.threads import partition_independent, run_parallel
from mt_tensor import FusedForm, Gradients, TensorData, recording
from mt_tensor.fused.arguments import pooled_shape, pooling_window
from mt_tensor.layout import Storage

Argmax: TypeAlias = npt.NDArray[np.int32]
"""Position of each maximum in its plane, in elements, int32."""


class PositionTables(NamedTuple):
    """Positions in an image as numbers of its dtype.

    Attributes:
        numbers: 0, 1, 2 and so on, one for each element of an image.
        first_columns: The first column of each window.
    """

    numbers: Storage
    first_columns: Storage


WINDOW_CACHE_SIZE = 32
"""Number of window sizes whose compiled loops stay in memory. Further sizes are compiled again."""

MAX_PLANE_SIZE = 2**24
"""Elements of the largest image whose positions float32 represents exactly. Positions are computed
in the dtype of the image; beyond this number they would be wrong."""

COMPARE_COST = 8
"""Cost of comparing an element and storing its position, in multiplications."""

COLUMN_MAXIMA = 2048
"""Number of column maxima that are computed before the window maxima. With more, they do not stay
in the processor's first cache."""

LARGE_WINDOW = 64
"""Elements of a window from which on they are added in double precision."""

MAX_WINDOW_COLUMNS = 16
"""Columns of the widest window: deinterleaving more vectors takes too many instructions."""


class AvgPool2d(FusedForm[Memory]):
    """Mean of every window; each element receives an equal share of the gradient."""

    @staticmethod
    def forward(
        backend: Memory, needs_grad: tuple[bool, ...], input: TensorData, kernel: Any
    ) -> tuple[TensorData, tuple[tuple[int, ...], Pair]] | None:
        """Compute the means; see `mt_nn.avgpool2d`.

        Returns None, so that the composed function runs, if the windows do not tile the images.

        Shape:
            input (N, C, H, W) → (N, C, H / height, W / width).
        """
        window = pooling_window(input, kernel)
        if window is None:
            return None
        out = backend.new(pooled_shape(input.shape, window))
        elements = backend.contiguous(input).storage
        rows, columns = out.shape[2:]
        pool, _ = average_kernels(*window, backend.dtype)
        _run_on_planes(input, partial(pool, out.storage, elements, rows, columns))
        return out, (input.shape, window)

    @staticmethod
    def backward(
        backend: Memory, saved: tuple[tuple[int, ...], Pair], grad: TensorData
    ) -> Gradients:
        """Return the gradient of the input."""
        shape, kernel = saved
        result, elements = backend.new(shape), backend.contiguous(grad).storage
        rows, columns = grad.shape[2:]
        _, average_backward = average_kernels(*kernel, backend.dtype)
        _run_on_planes(result, partial(average_backward, result.storage, elements, rows, columns))
        return (result,)


class MaxPool2d(FusedForm[Memory]):
    """Maximum of every window; only its first occurrence receives the gradient."""

    @staticmethod
    def forward(
        backend: Memory, needs_grad: tuple[bool, ...], input: TensorData, kernel: Any
    ) -> tuple[TensorData, tuple[tuple[int, ...], Argmax]] | None:
        """Compute the maxima; see `mt_nn.maxpool2d`.

        Returns None, so that the composed function runs, if the windows do not tile the images, for
        images larger than `MAX_PLANE_SIZE` and for windows wider than `MAX_WINDOW_COLUMNS`.

        Shape:
            input (N, C, H, W) → (N, C, H / height, W / width).
        """
        window = pooling_window(input, kernel)
        if window is None or input.shape[2] * input.shape[3] > MAX_PLANE_SIZE:
            return None
        if window[1] > MAX_WINDOW_COLUMNS:
            return None
        out = backend.new(pooled_shape(input.shape, window))
        elements = backend.contiguous(backend.as_native(input)).storage
        rows, columns = out.shape[2:]
        argmax = backend.buffers.empty(out.size, np.int32)
        pool = maximum_kernel(*window)
        if input.shape[3] < lanes(backend.dtype):
            elements = _pad_end(backend, elements, lanes(backend.dtype))
        numbers = number_range(input.shape[2] * input.shape[3], backend.dtype)
        first_columns = window_columns(rows, columns, window[1], backend.dtype)
        positions = plain(PositionTables(numbers, first_columns))
        work = partial(pool, out.storage, argmax, elements, positions, (rows, columns))
        _run_on_planes(input, work, COMPARE_COST)
        return out, (input.shape, argmax)

    @staticmethod
    def backward(
        backend: Memory, saved: tuple[tuple[int, ...], Argmax], grad: TensorData
    ) -> Gradients:
        """Return the gradient of the input."""
        shape, argmax = saved
        result, elements = backend.new(shape), backend.contiguous(grad).storage
        plane, windows = shape[2] * shape[3], grad.shape[2] * grad.shape[3]
        zeros = number_range(1, backend.dtype)
        args = (result.storage, elements, argmax, (plane, windows), zeros)
        _run_on_planes(result, partial(max_pool_backward, *args))
        return (result,)


def _pad_end(backend: Memory, elements: Storage, padding: int) -> Storage:
    """Return a copy with zeros behind the elements, for vectors that read beyond the last row."""
    padded = backend.storage(len(elements) + padding)
    recording.called(np.copyto, padded[: len(elements)], elements)
    recording.called(padded[len(elements) :].fill, 0)
    return padded


@lru_cache(maxsize=4)  # Arrays are as large as images, and networks have few sizes of images.
def number_range(count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return 0, 1, 2 and so on.

    Shape:
        (count,).
    """
    return np.arange(count, dtype=dtype)


@lru_cache(maxsize=4)
def window_columns(rows: int, columns: int, width: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return the first column of each window of an image, with a vector of zeros behind them."""
    firsts = np.tile(np.arange(0, columns * width, width, dtype=dtype), rows)
    return np.pad(firsts, (0, lanes(dtype)))


def _run_on_planes(
    images: TensorData, kernel: Callable[[int, int], None], element_cost: int = STORE_COST
) -> None:
    """Run a kernel on all planes of images. A plane is one channel of one image.

    Args:
        images: The images, (N, C, H, W).
        kernel: The kernel, called with the first plane and the end of a range of planes.
        element_cost: The cost of one element, in multiplications.
    """
    parts = partition_independent(images.shape[0] * images.shape[1], element_cost * images.size)
    if len(parts) == 1:
        kernel(*parts[0])
    else:
        run_parallel(parts, lambda _, first, last: kernel(first, last))


@lru_cache(maxsize=WINDOW_CACHE_SIZE)
def average_kernels(
    height: int, width: int, dtype: np.dtype[Any]
) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return the loops for windows of one size: the mean, and its gradient.

    The size is a constant to the compiler, which unrolls the loops over a window. Large windows are
    added in double precision.
    """
    number: Any = np.float64 if height * width > LARGE_WINDOW else dtype.type

    @nogil_kernel
    def pool(out: Storage, x: Storage, rows: int, columns: int, first: int, last: int) -> None:
        share = number(1) / number(height * width)
        across = columns * width
        lines = np.empty(across, number)
        for row in range(first * rows, last * rows):
            top = x[row * height * across :][: height * across]
            for i in range(across):
                total = number(top[i])
                for k in range(1, height):
                    total += top[k * across + i]
                lines[i] = total
            to = out[row * columns :][:columns]
            for i in range(columns):
                total = lines[i * width]
                for k in range(1, width):
                    total += lines[i * width + k]
                to[i] = total * share

    @nogil_kernel
    def average_backward(
        to: Storage, g: Storage, rows: int, columns: int, first: int, last: int
    ) -> None:
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

    return pool, average_backward


@lru_cache(maxsize=WINDOW_CACHE_SIZE)
def maximum_kernel(height: int, width: int) -> Callable[..., None]:
    """Return the loop that finds the maxima of windows of one size.

    A maximum is the first of the largest numbers; NaN is larger than every number. The loop first
    finds the maxima of the columns of windows, for several rows of windows, so that whole vectors
    of windows follow. A position is counted in the plane, row by row: first in the plane's first
    column, which is enough to compare the rows of two columns, then the window's own column is
    added.

    All of it is one function: the compiler knows that nothing else writes to memory that the
    function allocates. Divided into two functions, it took a quarter longer.
    """

    @nogil_kernel
    def pool(
        out: Storage,
        argmax: Argmax,
        x: Storage,
        positions: PositionTables,
        size: tuple[int, int],
        first: int,
        last: int,
    ) -> None:
        (numbers, first_columns), (rows, columns) = positions, size
        lanes, across, end = lanes_of(x), columns * width, last * rows * columns
        rows_per_pass = min(rows, max(1, COLUMN_MAXIMA // across))
        # Vectors read beyond the last column and beyond the last window.
        line_size = rows_per_pass * across + lanes * width
        lines, line_argmax = np.zeros(line_size, x.dtype), np.zeros(line_size, x.dtype)
        last_maxima, last_argmax = np.empty(lanes, x.dtype), np.empty(lanes, argmax.dtype)
        for plane in range(first, last):
            for top in range(0, rows, rows_per_pass):
                bottom = min(top + rows_per_pass, rows)
                for row in range(top, bottom):
                    offset, line = row * height * across, (row - top) * across
                    start = plane * rows * height * across + offset
                    for i in range(0, across, lanes):
                        # The last vector of a row is a whole one; it overlaps with the one before.
                        i = max(0, min(i, across - lanes))
                        best, index = load(x, start + i), splat(numbers, offset)
                        for k in range(1, height):
                            number = load(x, start + k * across + i)
                            row_index = splat(numbers, offset + k * across)
                            index = select_greater(number, best, row_index, index)
                            best = select_greater(number, best, number, best)
                        store(lines, line + i, best)
                        store(line_argmax, line + i, index)
                for window in range(top * columns, bottom * columns, lanes):
                    column = (window - top * columns) * width
                    maxima = deinterleave(lines, column, width)
                    indices = deinterleave(line_argmax, column, width)
                    best, index = maxima[0], indices[0]
                    for k in range(1, width):
                        number, row_index = maxima[k], add(indices[k], splat(numbers, k))
                        best_index = select_argmax(number, best, row_index, index, row_index, index)
                        best = select_argmax(number, best, row_index, index, number, best)
                        index = best_index
                    index = add(load(first_columns, window), index)
                    at = plane * rows * columns + window
                    if at + lanes <= end:
                        # The vector may write beyond this pass; the next pass overwrites that.
                        store(out, at, best)
                        store_integers(argmax, at, index)
                    else:
                        store(last_maxima, 0, best)
                        store_integers(last_argmax, 0, index)
                        for i in range(end - at):
                            out[at + i], argmax[at + i] = last_maxima[i], last_argmax[i]

    return pool


@nogil_kernel
def max_pool_backward(
    to: Storage,
    g: Storage,
    argmax: Argmax,
    sizes: tuple[int, int],
    zeros: Storage,
    first: int,
    last: int,
) -> None:
    """Write the gradient of maxima to their positions, and 0 elsewhere.

    Args:
        to: The result, all planes.
        g: The gradient of the maxima.
        argmax: The position of each maximum in its plane.
        sizes: The number of elements of a plane, and of windows of a plane.
        zeros: A zero. As a constant, it would make the compiler call a function that clears the
            plane, which takes longer.
        first: The first plane.
        last: The end of the range of planes.
    """
    (plane, windows), zero, lanes = sizes, splat(zeros, 0), lanes_of(to)
    vector_end = plane - plane % lanes
    for p in range(first, last):
        to_plane = to[p * plane : (p + 1) * plane]
        indices, grads = argmax[p * windows :][:windows], g[p * windows :][:windows]
        for i in range(0, vector_end, lanes):
            store(to_plane, i, zero)
        for i in range(vector_end, plane):
            to_plane[i] = zeros[0]
        for i in range(windows):
            to_plane[np.uint32(indices[i])] = grads[i]
