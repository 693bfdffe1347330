"""Where everything lies when kernels slide over planes: worked out once for each shape.

See `mt_kernels_cpu.tuned.convolution.kernels` for what planes, taps, offsets and segments are.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.tuned.buffers import round_up

Pair = tuple[int, int]
Positions = npt.NDArray[np.int64]

Place = tuple[int, int, int, int, int, int, int]
"""Where images lie in planes: the steps from image to image, from channel to channel and from row
to row; where in a plane the image begins; its channels, and the height and width of what fits."""

Room = tuple[int, int, int, int, int]
"""How outputs lie where they are first written: the steps from channel to channel, from image to
image and from row to row; and the rows and columns of a channel. If the first step is 0, they are
written where they belong at once."""

OUTPUTS, SEGMENTS, TAPS = 4, 3, 3
"""How many are summed up at a time: see `mt_kernels_cpu.tuned.convolution.kernels`."""

WASTE = 1.03
"""How many times as many blocks there may be as are needed at least."""

MOST_IMAGES = 12
"""How many images to go through at a time at most; more would not stay in the caches."""

MOVED = 4
"""How many multiplications take as long as it does to move a result to where it belongs."""

TOGETHER = 1024
"""How many numbers of one channel of a gradient to multiply in one go: their planes of four outputs
stay in the processor's first cache."""

PAGE = 4096
"""Bytes: numbers that lie so far apart compete for the same places in the processor's cache."""


class Geometry(NamedTuple):
    """How a kernel slides over an image.

    Attributes:
        image: The height and width of the image.
        kernel: Those of the kernel.
        size: How many rows and columns of outputs there are.
        before: How many rows and columns of zeros are before the image.
    """

    image: Pair
    kernel: Pair
    size: Pair
    before: Pair = (0, 0)

    @property
    def needed(self) -> Pair:
        """How many rows and columns the outputs depend on, zeros included."""
        return self.size[0] + self.kernel[0] - 1, self.size[1] + self.kernel[1] - 1

    @property
    def row(self) -> int:
        """From one row of a plane to the next one.

        The zeros behind a row are those before the next one. The distance is the same on the way
        back, when outputs and image have changed places and so have the zeros before and behind
        them, so that one offset serves both ways.
        """
        return max(self.needed[1] - self.before[1], self.image[1] + self.before[1])

    @property
    def joined(self) -> bool:
        """Whether planes are one row high: then those of one channel follow one another."""
        return self.image[0] == self.kernel[0] == self.size[0] == 1

    def back(self) -> Geometry:
        """Return how the kernel, turned around, slides over the gradients of the outputs."""
        (height, width), (top, left) = self.kernel, self.before
        return Geometry(self.size, self.kernel, self.image, (height - 1 - top, width - 1 - left))


class Layout:
    """A few images of one shape, a kernel of one size, and the outputs asked for.

    Attributes:
        together: How many images there is room for.
        plane: The length of one plane, zeros behind it included.
        image: From one image's planes to the next one's.
        channel: From one channel's plane to the next one's.
        joined: Whether the planes of one channel lie behind one another, those of all images, and
            not those of an image. That makes few long rows of many short ones.
        cells: The length of all planes, and of zeros behind the last.
        row: From one row of it to the next one.
        inside: Where in a plane the image begins.
        fitting: The height and width of the part of the image that outputs depend on.
        complete: Whether every output depends on the image alone, and on no zero around it.
        offsets: Each tap's offset, taps in the order of channels, rows and columns.
        segments: Where each segment begins: in the first channel of the outputs, and in planes.
        counts: How many of the segments belong to the first image, the first two, and so on; 0 for
            no image. If a row of outputs is as long as a vector, it has segments of its own. Else
            they run on from row to row, as the planes do, through the zeros between them.
        room: How the outputs lie where such segments are written; rows are then taken from there.
        room_cells: How much room that is, and a vector behind it.
        length: From the first output in a plane to the last.
        lanes: How many numbers a vector holds.
        place: What kernels need to know of all that.
    """

    def __init__(
        self,
        together: int,
        channels: int,
        outputs: int,
        geometry: Geometry,
        reverse: bool,
        dtype: np.dtype[Any],
        lanes: int,
    ) -> None:
        """Lay out planes.

        Args:
            together: How many images there is room for.
            channels: The channels of an image.
            outputs: The channels of what comes out.
            geometry: How a kernel slides over an image.
            reverse: Whether the kernel is read from its end.
            dtype: The dtype of the numbers.
            lanes: How many of them a vector holds.
        """
        image, (height, width), (rows, columns), (top, left) = geometry
        self.together, self.lanes = together, lanes
        self.row, self.joined, needed = geometry.row, geometry.joined, geometry.needed
        # So that the first vector of an image is a whole one of the memory, which is loaded faster.
        begin = -(top * self.row + left) % lanes
        self.inside = begin + top * self.row + left
        self.fitting = (
            max(0, min(image[0], needed[0] - top)),
            max(0, min(image[1], needed[1] - left)),
        )
        self.complete = geometry.before == (0, 0) and self.fitting == needed
        if self.joined:
            self.plane = self.row
            whole = round_up(begin + together * self.plane + left, lanes) + lanes
            self.image, self.channel = self.plane, _apart(whole, lanes, dtype)
        else:
            # Sums of products read whole vectors, so there are zeros behind the last row.
            whole = round_up(begin + needed[0] * self.row + left, lanes) + lanes
            self.plane = self.channel = _apart(whole, lanes, dtype)
            self.image = channels * self.plane
        self.cells = (channels if self.joined else together) * max(self.image, self.channel)
        self.cells += round_up(width, lanes) + lanes
        self.length = (rows - 1) * self.row + columns
        taps = _steps((channels, height, width), (self.channel, self.row, 1))
        if reverse:
            taps = taps[:, ::-1, ::-1]
        self.offsets = np.ascontiguousarray(begin + taps).reshape(-1)
        if runs_on(channels, geometry, lanes):
            self._run_on(outputs, geometry.size)
        else:
            self._divide_rows(outputs, geometry.size)
        self.place: Place = (
            self.image,
            self.channel,
            self.row,
            self.inside,
            channels,
            *self.fitting,
        )

    def _divide_rows(self, outputs: int, size: Pair) -> None:
        """Give every row of the outputs segments of its own."""
        rows, columns = size
        starts = [*range(0, columns - self.lanes + 1, self.lanes)]
        if columns % self.lanes:
            # The last one overlaps with the one before: both write the same numbers there.
            starts.append(columns - self.lanes)
        images, lines = np.arange(self.together), np.arange(rows)
        self.segments = (
            _starts(images * (outputs * rows * columns), lines * columns, starts),
            _starts(images * self.image, lines * self.row, starts),
        )
        self.counts: Positions = np.arange(self.together + 1) * (rows * len(starts))
        self.room: Room = (0, 0, 0, rows, columns)
        self.room_cells = 0

    def _run_on(self, outputs: int, size: Pair) -> None:
        """Let segments run on through a plane; through those of all images if they are joined."""
        runs, length, images = self.together, self.length, np.arange(self.together + 1)
        if self.joined:
            runs, length = 1, (self.together - 1) * self.image + self.length
            self.counts = -(-(images * self.image - self.image + self.length) // self.lanes)
            self.counts[0] = 0
        else:
            self.counts = images * -(-length // self.lanes)
        run = round_up(length, self.lanes)
        first, starts = np.zeros(1, np.int64), [*range(0, run, self.lanes)]
        self.segments = (
            _starts(np.arange(runs) * (outputs * run), first, starts),
            _starts(np.arange(runs) * self.image, first, starts),
        )
        self.room = (run, self.image if self.joined else outputs * run, self.row, *size)
        # Rows are taken from there a vector at a time.
        self.room_cells = runs * outputs * run + self.lanes


layout = functools.lru_cache(maxsize=256)(Layout)


def runs_on(channels: int, geometry: Geometry, lanes: int) -> bool:
    """Return whether segments run on from row to row; arguments as for `Layout`.

    They then work out the gaps between rows, too, and results move once more. But a row on its own
    whose length is no multiple of a vector's has segments that overlap.
    """
    columns, taps = geometry.size[1], channels * math.prod(geometry.kernel)
    return columns < lanes or (taps + MOVED) * geometry.row < taps * round_up(columns, lanes)


@functools.lru_cache(maxsize=256)
def for_sums(images: int, channels: int, geometry: Geometry, lanes: int) -> int:
    """Return how many of some images to go through at a time when kernels slide over them.

    It is the smallest number that makes nearly as few blocks as there can be. Other arguments as
    for `Layout`.
    """
    (rows, columns), row, on = geometry.size, geometry.row, runs_on(channels, geometry, lanes)

    def blocks(count: int) -> int:
        if not on:
            segments = count * rows * -(-columns // lanes)
        elif geometry.joined:
            segments = -(-((count - 1) * row + columns) // lanes)
        else:
            segments = count * -(-((rows - 1) * row + columns) // lanes)
        return -(-segments // SEGMENTS)

    def all_blocks(count: int) -> int:
        some, rest = divmod(images, count)
        return some * blocks(count) + (blocks(rest) if rest else 0)

    counts = range(1, min(images, MOST_IMAGES) + 1)
    fewest = min(map(all_blocks, counts))
    return next(count for count in counts if all_blocks(count) <= WASTE * fewest)


def for_products(images: int, geometry: Geometry) -> int:
    """Return how many of some images to go through at a time when they meet their gradients."""
    return min(images, max(1, TOGETHER // math.prod(geometry.needed)))


def in_blocks(outputs: int, taps: int) -> int:
    """Return how many sums there are, for outputs and taps that are multiplied in whole blocks."""
    return round_up(outputs, OUTPUTS) * round_up(taps, TAPS)


@functools.lru_cache(maxsize=256)
def tap_positions(sizes: tuple[int, ...], strides: tuple[int, ...]) -> Positions:
    """Return where in memory each weight of a kernel, or of several, lies.

    Args:
        sizes: Of outputs, if there are several, channels, rows and columns.
        strides: The strides of each.
    """
    return _steps(sizes, strides).reshape(-1)


def _steps(sizes: tuple[int, ...], strides: tuple[int, ...]) -> Positions:
    """Return the position of every index."""
    result: Positions = np.zeros(sizes, np.int64)
    for dim, (size, stride) in enumerate(zip(sizes, strides, strict=True)):
        result += np.expand_dims(
            np.arange(size) * stride, tuple(d for d in range(len(sizes)) if d != dim)
        )
    return result


def _starts(images: Positions, rows: Positions, segments: list[int]) -> Positions:
    """Return where each segment of each row of each image begins."""
    starts: Positions = np.add.outer(np.add.outer(images, rows), segments)
    return starts.astype(np.int64).reshape(-1)


def _apart(count: int, lanes: int, dtype: np.dtype[Any]) -> int:
    """Lengthen a distance at which many numbers are read that would be one of whole pages."""
    return count + lanes if count * dtype.itemsize % PAGE == 0 else count
