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

TileStrides = tuple[int, int, int, int, int, int, int]
"""Where images lie in planes: the steps from image to image, from channel to channel and from row
to row; where in a plane the image begins; its channels, and the height and width of what fits."""

StagingLayout = tuple[int, int, int, int, int]
"""How outputs lie where they are first written: the steps from channel to channel, from image to
image and from row to row; and the rows and columns of a channel. If the first step is 0, they are
written where they belong at once."""

OUTPUTS, SEGMENTS, TAPS = 4, 3, 3
"""How many are summed up at a time: see `mt_kernels_cpu.tuned.convolution.kernels`."""

MAX_OVERHEAD = 1.03
"""How many times as many blocks there may be as are needed at least."""

MAX_IMAGES = 12
"""How many images to go through at a time at most; more would not stay in the caches."""

STORE_COST = 4
"""How many multiplications take as long as it does to move a result to where it belongs."""

WGRAD_TILE = 1024
"""How many numbers of one channel of a gradient to multiply in one go: their planes of four outputs
stay in the processor's first cache."""

PAGE_BYTES = 4096
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
    def input_extent(self) -> Pair:
        """How many rows and columns the outputs depend on, zeros included."""
        return self.size[0] + self.kernel[0] - 1, self.size[1] + self.kernel[1] - 1

    @property
    def row_stride(self) -> int:
        """From one row of a plane to the next one.

        The zeros behind a row are those before the next one. The distance is the same on the way
        back, when outputs and image have changed places and so have the zeros before and behind
        them, so that one offset serves both ways.
        """
        return max(self.input_extent[1] - self.before[1], self.image[1] + self.before[1])

    @property
    def contiguous_rows(self) -> bool:
        """Whether planes are one row high: then those of one channel follow one another."""
        return self.image[0] == self.kernel[0] == self.size[0] == 1

    def backward(self) -> Geometry:
        """Return how the kernel, turned around, slides over the gradients of the outputs."""
        (height, width), (top, left) = self.kernel, self.before
        return Geometry(self.size, self.kernel, self.image, (height - 1 - top, width - 1 - left))


class TileLayout:
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
        images_per_tile: int,
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
        self.images_per_tile, self.lanes = images_per_tile, lanes
        self.row_stride, self.contiguous_rows, input_extent = (
            geometry.row_stride,
            geometry.contiguous_rows,
            geometry.input_extent,
        )
        # So that the first vector of an image is a whole one of the memory, which is loaded faster.
        aligned_start = -(top * self.row_stride + left) % lanes
        self.origin = aligned_start + top * self.row_stride + left
        self.used_size = (
            max(0, min(image[0], input_extent[0] - top)),
            max(0, min(image[1], input_extent[1] - left)),
        )
        self.unpadded = geometry.before == (0, 0) and self.used_size == input_extent
        if self.contiguous_rows:
            self.plane_size = self.row_stride
            whole = (
                round_up(aligned_start + images_per_tile * self.plane_size + left, lanes) + lanes
            )
            self.image_stride, self.channel_stride = (
                self.plane_size,
                _avoid_page_multiple(whole, lanes, dtype),
            )
        else:
            # Sums of products read whole vectors, so there are zeros behind the last row.
            whole = (
                round_up(aligned_start + input_extent[0] * self.row_stride + left, lanes) + lanes
            )
            self.plane_size = self.channel_stride = _avoid_page_multiple(whole, lanes, dtype)
            self.image_stride = channels * self.plane_size
        self.tile_size = (channels if self.contiguous_rows else images_per_tile) * max(
            self.image_stride, self.channel_stride
        )
        self.tile_size += round_up(width, lanes) + lanes
        self.output_span = (rows - 1) * self.row_stride + columns
        taps = _steps((channels, height, width), (self.channel_stride, self.row_stride, 1))
        if reverse:
            taps = taps[:, ::-1, ::-1]
        self.offsets = np.ascontiguousarray(aligned_start + taps).reshape(-1)
        if should_flatten_rows(channels, geometry, lanes):
            self._flatten_rows(outputs, geometry.size)
        else:
            self._split_rows(outputs, geometry.size)
        self.tile_strides: TileStrides = (
            self.image_stride,
            self.channel_stride,
            self.row_stride,
            self.origin,
            channels,
            *self.used_size,
        )

    def _split_rows(self, outputs: int, size: Pair) -> None:
        """Give every row of the outputs segments of its own."""
        rows, columns = size
        starts = [*range(0, columns - self.lanes + 1, self.lanes)]
        if columns % self.lanes:
            # The last one overlaps with the one before: both write the same numbers there.
            starts.append(columns - self.lanes)
        images, lines = np.arange(self.images_per_tile), np.arange(rows)
        self.segments = (
            _starts(images * (outputs * rows * columns), lines * columns, starts),
            _starts(images * self.image_stride, lines * self.row_stride, starts),
        )
        self.segment_counts: Positions = np.arange(self.images_per_tile + 1) * (rows * len(starts))
        self.staging_layout: StagingLayout = (0, 0, 0, rows, columns)
        self.staging_size = 0

    def _flatten_rows(self, outputs: int, size: Pair) -> None:
        """Let segments run on through a plane; through those of all images if they are joined."""
        runs, length, images = (
            self.images_per_tile,
            self.output_span,
            np.arange(self.images_per_tile + 1),
        )
        if self.contiguous_rows:
            runs, length = 1, (self.images_per_tile - 1) * self.image_stride + self.output_span
            self.segment_counts = -(
                -(images * self.image_stride - self.image_stride + self.output_span) // self.lanes
            )
            self.segment_counts[0] = 0
        else:
            self.segment_counts = images * -(-length // self.lanes)
        run = round_up(length, self.lanes)
        first, starts = np.zeros(1, np.int64), [*range(0, run, self.lanes)]
        self.segments = (
            _starts(np.arange(runs) * (outputs * run), first, starts),
            _starts(np.arange(runs) * self.image_stride, first, starts),
        )
        self.staging_layout = (
            run,
            self.image_stride if self.contiguous_rows else outputs * run,
            self.row_stride,
            *size,
        )
        # Rows are taken from there a vector at a time.
        self.staging_size = runs * outputs * run + self.lanes


tile_layout = functools.lru_cache(maxsize=256)(TileLayout)


def should_flatten_rows(channels: int, geometry: Geometry, lanes: int) -> bool:
    """Return whether segments run on from row to row; arguments as for `TileLayout`.

    They then work out the gaps between rows, too, and results move once more. But a row on its own
    whose length is no multiple of a vector's has segments that overlap.
    """
    columns, taps = geometry.size[1], channels * math.prod(geometry.kernel)
    return columns < lanes or (taps + STORE_COST) * geometry.row_stride < taps * round_up(
        columns, lanes
    )


@functools.lru_cache(maxsize=256)
def forward_images_per_tile(images: int, channels: int, geometry: Geometry, lanes: int) -> int:
    """Return how many of some images to go through at a time when kernels slide over them.

    It is the smallest number that makes nearly as few blocks as there can be. Other arguments as
    for `TileLayout`.
    """
    (rows, columns), row, flattened = (
        geometry.size,
        geometry.row_stride,
        should_flatten_rows(channels, geometry, lanes),
    )

    def blocks(count: int) -> int:
        if not flattened:
            segments = count * rows * -(-columns // lanes)
        elif geometry.contiguous_rows:
            segments = -(-((count - 1) * row + columns) // lanes)
        else:
            segments = count * -(-((rows - 1) * row + columns) // lanes)
        return -(-segments // SEGMENTS)

    def all_blocks(count: int) -> int:
        some, rest = divmod(images, count)
        return some * blocks(count) + (blocks(rest) if rest else 0)

    counts = range(1, min(images, MAX_IMAGES) + 1)
    fewest = min(map(all_blocks, counts))
    return next(count for count in counts if all_blocks(count) <= MAX_OVERHEAD * fewest)


def wgrad_images_per_tile(images: int, geometry: Geometry) -> int:
    """Return how many of some images to go through at a time when they meet their gradients."""
    return min(images, max(1, WGRAD_TILE // math.prod(geometry.input_extent)))


def padded_sum_count(outputs: int, taps: int) -> int:
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


def _avoid_page_multiple(count: int, lanes: int, dtype: np.dtype[Any]) -> int:
    """Lengthen a distance at which many numbers are read that would be one of whole pages."""
    return count + lanes if count * dtype.itemsize % PAGE_BYTES == 0 else count
