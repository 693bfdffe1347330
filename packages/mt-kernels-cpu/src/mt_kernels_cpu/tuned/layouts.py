"""Where everything lies when kernels slide over planes: worked out once for each shape.

See `mt_kernels_cpu.tuned.planes` for what planes, taps, offsets and segments are.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

Pair = tuple[int, int]
Positions = npt.NDArray[np.int64]

PAGE = 4096
"""Bytes: numbers that lie so far apart compete for the same places in the processor's cache."""


class Layout:
    """Images of one shape, a kernel of one size, and the outputs asked for.

    Attributes:
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
        to: Where in a channel of the output each segment begins.
        at: Where in an image's planes it begins.
        length: From the first output in a plane to the last.
    """

    def __init__(
        self,
        count: int,
        channels: int,
        image: Pair,
        kernel: Pair,
        size: Pair,
        before: Pair,
        reverse: bool,
        dtype: np.dtype[Any],
        lanes: int,
    ) -> None:
        """Lay out planes.

        Args:
            count: How many images there are.
            channels: The channels of an image.
            image: Its height and width.
            kernel: The height and width of a kernel.
            size: How many rows and columns of outputs there are.
            before: How many rows and columns of zeros are before the image.
            reverse: Whether the kernel is read from its end.
            dtype: The dtype of the numbers.
            lanes: How many of them a vector holds.
        """
        (height, width), (rows, columns), (top, left) = kernel, size, before
        self.row = max(columns, image[1]) + width - 1
        self.inside = top * self.row + left
        needed = (rows + height - 1, columns + width - 1)
        self.fitting = (
            max(0, min(image[0], needed[0] - top)),
            max(0, min(image[1], needed[1] - left)),
        )
        self.complete = before == (0, 0) and self.fitting == needed
        self.joined = image[0] == height == rows == 1
        self.plane = _rounded(needed[0] * self.row, lanes)
        if self.joined:
            self.image, self.channel = self.plane, _apart(count * self.plane, lanes, dtype)
        else:
            # Sums of products read whole vectors, so there are zeros behind the last row.
            self.plane = self.channel = _apart(self.plane + lanes, lanes, dtype)
            self.image = channels * self.plane
        self.cells = (channels if self.joined else count) * max(self.image, self.channel)
        self.cells += _rounded(width, lanes) + lanes
        self.length = (rows - 1) * self.row + columns
        taps = _steps((channels, height, width), (self.channel, self.row, 1))
        if reverse:
            taps = taps[:, ::-1, ::-1]
        self.offsets = np.ascontiguousarray(taps).reshape(-1)
        starts = [*range(0, columns - lanes + 1, lanes)]
        if columns > lanes and columns % lanes:
            # The last one overlaps with the one before: both write the same numbers there.
            starts.append(columns - lanes)
        self.to = _flat(np.add.outer(np.arange(rows) * columns, starts))
        self.at = _flat(np.add.outer(np.arange(rows) * self.row, starts))


layout = functools.lru_cache(maxsize=256)(Layout)


@functools.lru_cache(maxsize=256)
def tap_positions(sizes: tuple[int, int, int], strides: tuple[int, int, int]) -> Positions:
    """Return where in memory each weight of one output's kernel lies.

    Args:
        sizes: Channels, rows and columns.
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


def _flat(positions: Positions) -> Positions:
    return positions.astype(np.int64).reshape(-1)


def _rounded(count: int, lanes: int) -> int:
    """Round up to whole vectors."""
    return -(-count // lanes) * lanes


def _apart(count: int, lanes: int, dtype: np.dtype[Any]) -> int:
    """Lengthen a distance at which many numbers are read that would be one of whole pages."""
    return count + lanes if count * dtype.itemsize % PAGE == 0 else count
