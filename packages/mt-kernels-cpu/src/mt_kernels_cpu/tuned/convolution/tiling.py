"""Layout of zero-padded tiles and of the segments in them, computed once for each shape.

`mt_kernels_cpu.tuned.convolution.kernels` defines tiles, planes, taps, offsets and segments.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.arguments import plain
from mt_kernels_cpu.tuned.buffers import round_up
from mt_kernels_cpu.tuned.simd.vector import WIDTH

Pair = tuple[int, int]
"""Height and width."""

Positions = npt.NDArray[np.int64]
"""Offsets into a storage, in elements, int64."""

OUTPUTS, SEGMENTS, TAPS = 4, 3, 3
"""Output channels, segments and taps that a block computes at a time; see
`mt_kernels_cpu.tuned.convolution.kernels`, whose kernels are written for these numbers."""

HAS_WIDE_BLOCKS, WIDE_OUTPUTS = WIDTH == 64, 8
"""True if there are wide blocks, on processors with AVX-512, and their number of output channels;
kernels are written for eight."""

MAX_OVERHEAD = 1.03
"""Largest accepted number of blocks, as a multiple of the smallest possible number. A larger value
gives smaller tiles and more work at their edges."""

MAX_IMAGES = 12
"""Largest number of images in a tile. With more, a tile does not stay in the processor's caches."""

STORE_COST = 4
"""Cost of storing one result, in multiplications. A wrong value costs speed only."""

WGRAD_TILE = 1024
"""Elements of one channel in the tiles for the gradient of the weight. The planes of four output
channels then stay in the processor's first cache."""

WINDOWS_FROM = 16
"""Smallest number of channels with which the gradient of the weight is summed over windows (see
`mt_kernels_cpu.tuned.convolution.window_kernels`): the elements of the longest vector. Another
value changes the order of sums, and so the published accuracies of networks with as many channels.
"""

WINDOW_BYTES = 2**15
"""Bytes of the windows that are processed together: most of the processor's first cache."""

PAGE_BYTES = 4096
"""Bytes of a page of memory. Elements at a distance of whole pages compete for the same lines of
the processor's cache."""


class TileStrides(NamedTuple):
    """Layout of images in a tile, in elements.

    Attributes:
        image: The stride from image to image.
        channel: The stride from channel to channel.
        row: The stride from row to row.
        origin: The offset of the first element.
        channels: The number of channels.
        height: The height of the part of an image that is copied.
        width: The width of that part.
    """

    image: int
    channel: int
    row: int
    origin: int
    channels: int
    height: int
    width: int


class StagingLayout(NamedTuple):
    """Layout of outputs in the staging buffer, in elements.

    Attributes:
        channel: The stride from channel to channel. If it is 0, there is no staging buffer: kernels
            write to the result at once.
        image: The stride from image to image.
        row: The stride from row to row.
        rows: The rows of a channel.
        columns: The columns of a channel.
    """

    channel: int
    image: int
    row: int
    rows: int
    columns: int


class Segments(NamedTuple):
    """Segments of a tile.

    Attributes:
        outputs: The start of each in the first output channel.
        inputs: The start of each in the tile.
        counts: The number of segments of the first image, of the first two, and so on; 0 for no
            image.
    """

    outputs: Positions
    inputs: Positions
    counts: Positions


class Tiling(NamedTuple):
    """The part of a `TileLayout` that kernels need to convolve.

    Attributes:
        strides: The layout of images in the tile.
        images_per_tile: The number of images in a tile.
        tile_size: The length of a tile.
        segments: The segments of a tile.
        staging: The layout of the outputs of a tile.
    """

    strides: TileStrides
    images_per_tile: int
    tile_size: int
    segments: Segments
    staging: StagingLayout


def as_pair(values: Sequence[int]) -> Pair:
    """Return a height and a width as a pair."""
    height, width = values
    return height, width


class Geometry(NamedTuple):
    """Shapes of a convolution with a stride of 1, in elements.

    Attributes:
        image: The height and width of the image.
        kernel: The height and width of the kernel.
        size: The height and width of the output.
        before: The rows and columns of zeros before the image.
    """

    image: Pair
    kernel: Pair
    size: Pair
    before: Pair = (0, 0)

    @property
    def input_extent(self) -> Pair:
        """The rows and columns that the outputs depend on, zeros included."""
        (rows, columns), (height, width) = self.size, self.kernel
        return rows + height - 1, columns + width - 1

    @property
    def row_stride(self) -> int:
        """The distance from one row of a plane to the next one.

        The zeros behind a row are those before the next one. The backward pass swaps outputs and
        image, and the zeros before and behind them. Its distance is the same, so one offset of a
        tap serves both passes.
        """
        (_, extent), (_, before), (_, width) = self.input_extent, self.before, self.image
        return max(extent - before, width + before)

    @property
    def contiguous_rows(self) -> bool:
        """True for 1-D data: all images of a channel form one row."""
        heights = [height for height, _ in (self.image, self.kernel, self.size)]
        return heights == [1, 1, 1]

    def backward(self) -> Geometry:
        """Return the geometry in which the flipped kernel convolves the gradient of the output."""
        (height, width), (top, left) = self.kernel, self.before
        return Geometry(self.size, self.kernel, self.image, (height - 1 - top, width - 1 - left))


class TileLayout:
    """Layout of a tile, and of the outputs that are computed from it. All sizes are in elements.

    Attributes:
        images_per_tile: The number of images in a tile.
        plane_size: The length of one plane, with the zeros behind it.
        image_stride: The distance from one image's planes to the next one's.
        channel_stride: The distance from one channel's plane to the next one's.
        row_stride: The distance from one row of a plane to the next one.
        contiguous_rows: True for 1-D data: the planes of one channel of all images follow one
            another and form one long row. Otherwise the planes of one image follow one another.
        tile_size: The length of a tile, with the zeros behind the last plane.
        origin: The offset of the image's first element in a plane.
        used_size: The height and width of the part of the image that outputs depend on.
        unpadded: True if no output depends on a zero around the image.
        offsets: The offset of each tap, in the order of channels, rows and columns.
        segments: The segments of a tile. If a row of outputs holds a vector, it has separate
            segments. Otherwise segments run through a whole plane, across the zeros between its
            rows.
        staging: The layout of the outputs in the staging buffer.
        staging_size: The length of the staging buffer, with a vector behind it; 0 for none.
        output_span: The number of elements from the first output in a plane to the last.
        lanes: The number of elements of a vector.
        dtype: The dtype of the elements.
        before: The rows and columns of zeros before the image.
        strides: The layout of images in the tile.
        tiling: The `Tiling` for kernels, as plain tuples.
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
        """Lay out a tile.

        Args:
            images_per_tile: The number of images in a tile.
            channels: The number of channels of an image.
            outputs: The number of output channels.
            geometry: The shapes of the convolution.
            reverse: True to read the kernel from its end.
            dtype: The dtype of the elements.
            lanes: The number of elements of a vector.
        """
        (image_rows, image_columns), (height, width), (rows, columns), (top, left) = geometry
        self.images_per_tile, self.lanes, self.dtype = images_per_tile, lanes, dtype
        self.before = geometry.before
        self.row_stride, self.contiguous_rows = geometry.row_stride, geometry.contiguous_rows
        input_rows, input_columns = geometry.input_extent
        # The first vector of an image is aligned: aligned vectors are loaded faster.
        aligned_start = -(top * self.row_stride + left) % lanes
        self.origin = aligned_start + top * self.row_stride + left
        self.used_size = (
            max(0, min(image_rows, input_rows - top)),
            max(0, min(image_columns, input_columns - left)),
        )
        self.unpadded = geometry.before == (0, 0) and self.used_size == geometry.input_extent
        if self.contiguous_rows:
            self.plane_size = self.row_stride
            length = aligned_start + images_per_tile * self.plane_size + left
            padded_length = round_up(length, lanes) + lanes
            self.image_stride = self.plane_size
            self.channel_stride = _avoid_page_multiple(padded_length, lanes, dtype)
        else:
            # Sums of products read whole vectors, so zeros follow the last row.
            length = aligned_start + input_rows * self.row_stride + left
            padded_length = round_up(length, lanes) + lanes
            self.plane_size = self.channel_stride = _avoid_page_multiple(
                padded_length, lanes, dtype
            )
            self.image_stride = channels * self.plane_size
        count = channels if self.contiguous_rows else images_per_tile
        self.tile_size = count * max(self.image_stride, self.channel_stride)
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
        self.strides = TileStrides(
            self.image_stride,
            self.channel_stride,
            self.row_stride,
            self.origin,
            channels,
            *self.used_size,
        )
        self.tiling = self.tiling_with(self.staging)

    def tiling_with(self, staging: StagingLayout) -> tuple[Any, ...]:
        """Return the `Tiling` for kernels, with another staging buffer."""
        size, images = self.tile_size, self.images_per_tile
        return plain(Tiling(self.strides, images, size, self.segments, staging))

    def _split_rows(self, outputs: int, size: Pair) -> None:
        """Divide every row of the outputs into separate segments."""
        rows, columns = size
        starts = [*range(0, columns - self.lanes + 1, self.lanes)]
        if columns % self.lanes:
            # The last segment overlaps with the one before: both write the same numbers there.
            starts.append(columns - self.lanes)
        images, lines = np.arange(self.images_per_tile), np.arange(rows)
        self.segments = Segments(
            outputs=_starts(images * (outputs * rows * columns), lines * columns, starts),
            inputs=_starts(images * self.image_stride, lines * self.row_stride, starts),
            counts=np.arange(self.images_per_tile + 1) * (rows * len(starts)),
        )
        self.staging = StagingLayout(channel=0, image=0, row=0, rows=rows, columns=columns)
        self.staging_size = 0

    def _flatten_rows(self, outputs: int, size: Pair) -> None:
        """Divide each plane, or a row of several planes, into segments across the ends of rows."""
        runs, length = self.images_per_tile, self.output_span
        images = np.arange(self.images_per_tile + 1)
        if self.contiguous_rows:
            runs, length = 1, (self.images_per_tile - 1) * self.image_stride + self.output_span
            lengths = images * self.image_stride - self.image_stride + self.output_span
            counts = -(-lengths // self.lanes)
            counts[0] = 0
        else:
            counts = images * -(-length // self.lanes)
        run = round_up(length, self.lanes)
        first, starts = np.zeros(1, np.int64), [*range(0, run, self.lanes)]
        self.segments = Segments(
            outputs=_starts(np.arange(runs) * (outputs * run), first, starts),
            inputs=_starts(np.arange(runs) * self.image_stride, first, starts),
            counts=counts,
        )
        image_stride = self.image_stride if self.contiguous_rows else outputs * run
        self.staging = StagingLayout(run, image_stride, self.row_stride, *size)
        # Rows are copied a vector at a time, so one vector is read behind the last row.
        self.staging_size = runs * outputs * run + self.lanes


tile_layout = functools.lru_cache(maxsize=256)(TileLayout)


def should_flatten_rows(channels: int, geometry: Geometry, lanes: int) -> bool:
    """Return True if segments that cross the ends of rows are cheaper.

    Such segments also compute the gaps between rows, and their results are copied from the staging
    buffer. Segments of single rows overlap, unless the length of a row is a multiple of a vector's.

    Args:
        channels: The number of channels of an image.
        geometry: The shapes of the convolution.
        lanes: The number of elements of a vector.
    """
    (_, columns), taps = geometry.size, channels * math.prod(geometry.kernel)
    flattened_cost = (taps + STORE_COST) * geometry.row_stride
    return columns < lanes or flattened_cost < taps * round_up(columns, lanes)


@functools.lru_cache(maxsize=256)
def forward_images_per_tile(images: int, channels: int, geometry: Geometry, lanes: int) -> int:
    """Return the number of images in a tile of the forward pass.

    It is the smallest number whose blocks are at most `MAX_OVERHEAD` times as many as possible.

    Args:
        images: The number of images of the batch.
        channels: The number of channels of an image.
        geometry: The shapes of the convolution.
        lanes: The number of elements of a vector.
    """
    (rows, columns), row_stride = geometry.size, geometry.row_stride
    flattened = should_flatten_rows(channels, geometry, lanes)

    def blocks(count: int) -> int:
        if not flattened:
            segments = count * rows * -(-columns // lanes)
        elif geometry.contiguous_rows:
            segments = -(-((count - 1) * row_stride + columns) // lanes)
        else:
            segments = count * -(-((rows - 1) * row_stride + columns) // lanes)
        return -(-segments // SEGMENTS)

    def all_blocks(count: int) -> int:
        tiles, remainder = divmod(images, count)
        return tiles * blocks(count) + (blocks(remainder) if remainder else 0)

    counts = range(1, min(images, MAX_IMAGES) + 1)
    fewest = min(map(all_blocks, counts))
    return next(count for count in counts if all_blocks(count) <= MAX_OVERHEAD * fewest)


def wgrad_images_per_tile(images: int, geometry: Geometry) -> int:
    """Return the number of images in a tile for the gradient of the weight."""
    return min(images, max(1, WGRAD_TILE // math.prod(geometry.input_extent)))


def padded_sum_count(outputs: int, taps: int) -> int:
    """Return the number of sums for outputs and taps, both rounded up to whole blocks."""
    return round_up(outputs, OUTPUTS) * round_up(taps, TAPS)


@functools.lru_cache(maxsize=256)
def tap_positions(sizes: tuple[int, ...], strides: tuple[int, ...]) -> Positions:
    """Return the position of each weight in memory, in row-major order.

    Args:
        sizes: The sizes of the weight: channels, rows and columns.
        strides: The stride of each.

    Shape:
        (product of the sizes,).
    """
    return _steps(sizes, strides).reshape(-1)


def _steps(sizes: tuple[int, ...], strides: tuple[int, ...]) -> Positions:
    """Return the position of every index, in the shape of the sizes."""
    result: Positions = np.zeros(sizes, np.int64)
    for dim, (size, stride) in enumerate(zip(sizes, strides, strict=True)):
        result += np.expand_dims(
            np.arange(size) * stride, tuple(d for d in range(len(sizes)) if d != dim)
        )
    return result


def _starts(images: Positions, rows: Positions, segments: list[int]) -> Positions:
    """Return the start of each segment of each row of each image, one-dimensional."""
    starts: Positions = np.add.outer(np.add.outer(images, rows), segments)
    return starts.astype(np.int64).reshape(-1)


def _avoid_page_multiple(count: int, lanes: int, dtype: np.dtype[Any]) -> int:
    """Return the distance, one vector longer if it is a multiple of `PAGE_BYTES`."""
    return count + lanes if count * dtype.itemsize % PAGE_BYTES == 0 else count
