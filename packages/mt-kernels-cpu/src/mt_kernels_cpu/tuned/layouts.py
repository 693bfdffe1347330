"""Where everything lies when kernels slide over planes: worked out once for each shape.

See `mt_kernels_cpu.tuned.planes` for what planes, taps, offsets and segments are.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

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
"""How many are summed up at a time: see `mt_kernels_cpu.tuned.planes`."""

WASTE = 1.05
"""How much larger blocks may be than what they are for; then their empty places do not matter."""

MOST_IMAGES = 6
"""How many images to go through at a time at most; more would not stay in the caches."""

MOVED = 4
"""How many multiplications take as long as it does to move a result to where it belongs."""

TOGETHER = 1024
"""How many numbers of one channel of a gradient to multiply in one go: their planes of four outputs
stay in the processor's first cache."""

PAGE = 4096
"""Bytes: numbers that lie so far apart compete for the same places in the processor's cache."""


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
        row: The length of its rows. It is the same when the roles of images and outputs are
            exchanged, as they are in the gradient, so that one offset serves both.
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
        image: Pair,
        kernel: Pair,
        outputs: int,
        size: Pair,
        before: Pair,
        reverse: bool,
        dtype: np.dtype[Any],
        lanes: int,
    ) -> None:
        """Lay out planes.

        Args:
            together: How many images there is room for.
            channels: The channels of an image.
            image: Its height and width.
            kernel: The height and width of a kernel.
            outputs: The channels of what comes out.
            size: How many rows and columns of outputs there are.
            before: How many rows and columns of zeros are before the image.
            reverse: Whether the kernel is read from its end.
            dtype: The dtype of the numbers.
            lanes: How many of them a vector holds.
        """
        (height, width), (rows, columns), (top, left) = kernel, size, before
        self.together, self.lanes = together, lanes
        self.row = _row(image, kernel, size)
        self.inside = top * self.row + left
        needed = (rows + height - 1, columns + width - 1)
        self.fitting = (
            max(0, min(image[0], needed[0] - top)),
            max(0, min(image[1], needed[1] - left)),
        )
        self.complete = before == (0, 0) and self.fitting == needed
        self.joined = _joined(image, kernel, size)
        self.plane = _rounded(needed[0] * self.row, lanes)
        if self.joined:
            self.plane = needed[0] * self.row
            whole = _rounded(together * self.plane, lanes) + lanes
            self.image, self.channel = self.plane, _apart(whole, lanes, dtype)
        else:
            # Sums of products read whole vectors, so there are zeros behind the last row.
            self.plane = self.channel = _apart(self.plane + lanes, lanes, dtype)
            self.image = channels * self.plane
        self.cells = (channels if self.joined else together) * max(self.image, self.channel)
        self.cells += _rounded(width, lanes) + lanes
        self.length = (rows - 1) * self.row + columns
        taps = _steps((channels, height, width), (self.channel, self.row, 1))
        if reverse:
            taps = taps[:, ::-1, ::-1]
        self.offsets = np.ascontiguousarray(taps).reshape(-1)
        if runs_on(channels, image, kernel, size, lanes):
            self._run_on(outputs, size)
        else:
            self._divide_rows(outputs, size)
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
        run = _rounded(length, self.lanes)
        first, starts = np.zeros(1, np.int64), [*range(0, run, self.lanes)]
        self.segments = (
            _starts(np.arange(runs) * (outputs * run), first, starts),
            _starts(np.arange(runs) * self.image, first, starts),
        )
        self.room = (run, self.image if self.joined else outputs * run, self.row, *size)
        # Rows are taken from there a vector at a time.
        self.room_cells = runs * outputs * run + self.lanes


layout = functools.lru_cache(maxsize=256)(Layout)


def runs_on(channels: int, image: Pair, kernel: Pair, size: Pair, lanes: int) -> bool:
    """Return whether segments run on from row to row; arguments as for `Layout`.

    They then work out the gaps between rows, too, and results move once more. But a row on its own
    whose length is no multiple of a vector's has segments that overlap.
    """
    columns, taps = size[1], channels * kernel[0] * kernel[1]
    row = _row(image, kernel, size)
    return columns < lanes or (taps + MOVED) * row < taps * _rounded(columns, lanes)


def for_sums(images: int, channels: int, image: Pair, kernel: Pair, size: Pair, lanes: int) -> int:
    """Return how many of some images to go through at a time when kernels slide over them.

    It is the smallest number whose segments nearly fill blocks. Other arguments as for `Layout`.
    """
    (rows, columns), on = size, runs_on(channels, image, kernel, size, lanes)
    row, joined = _row(image, kernel, size), _joined(image, kernel, size)

    def waste(count: int) -> float:
        length = ((rows - 1) * row + columns) / lanes
        if not on:
            segments = needed = float(count * rows * -(-columns // lanes))
        elif joined:
            segments, needed = -(-((count - 1) * row + columns) // lanes), count * length
        else:
            segments = needed = count * math.ceil(length)
        return SEGMENTS * math.ceil(segments / SEGMENTS) / needed

    counts = range(1, min(images, MOST_IMAGES) + 1)
    return next((n for n in counts if waste(n) <= WASTE), min(counts, key=waste))


def for_products(images: int, size: Pair, kernel: Pair) -> int:
    """Return how many of some images to go through at a time when they meet their gradients.

    Args:
        images: How many there are.
        size: The rows and columns of a gradient.
        kernel: The rows and columns of a kernel.
    """
    plane = (size[0] + kernel[0] - 1) * (size[1] + kernel[1] - 1)
    return min(images, max(1, TOGETHER // plane))


def in_blocks(outputs: int, taps: int) -> int:
    """Return how many sums there are, for outputs and taps that are multiplied in whole blocks."""
    return _rounded(outputs, OUTPUTS) * _rounded(taps, TAPS)


@functools.lru_cache(maxsize=256)
def tap_positions(sizes: tuple[int, ...], strides: tuple[int, ...]) -> Positions:
    """Return where in memory each weight of a kernel, or of several, lies.

    Args:
        sizes: Of outputs, if there are several, channels, rows and columns.
        strides: The strides of each.
    """
    return _steps(sizes, strides).reshape(-1)


def _row(image: Pair, kernel: Pair, size: Pair) -> int:
    """Return the length of a plane's row; arguments as for `Layout`."""
    return max(size[1], image[1]) + kernel[1] - 1


def _joined(image: Pair, kernel: Pair, size: Pair) -> bool:
    """Return whether planes of one channel follow one another; arguments as for `Layout`."""
    return image[0] == kernel[0] == size[0] == 1


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


def _rounded(count: int, unit: int) -> int:
    """Round up to whole units, such as vectors."""
    return -(-count // unit) * unit


def _apart(count: int, lanes: int, dtype: np.dtype[Any]) -> int:
    """Lengthen a distance at which many numbers are read that would be one of whole pages."""
    return count + lanes if count * dtype.itemsize % PAGE == 0 else count
