"""Observers of simulated kernels."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from numba.cuda import simulator

Point = tuple[int, int, int]
"""A block of a grid, or a thread of a block: x, y and z."""

Site = tuple[CodeType, int]
"""A call in a kernel: its code, and the instruction in it."""

HERE, NUMBA = str(Path(__file__).parent), str(Path(simulator.__file__).parent)


@dataclass(frozen=True)
class Launch:
    """One launch of a kernel.

    Attributes:
        kernel: Its name.
        blocks: The size of the grid.
        threads: The size of a block.
    """

    kernel: str
    blocks: Point
    threads: Point


@dataclass(frozen=True)
class Barrier:
    """A barrier where a thread waits.

    Attributes:
        path: The call of the barrier, and the calls that led there, the innermost first.
        file: The source file of the innermost.
        line: Its line.
    """

    path: tuple[Site, ...]
    file: str
    line: int


class Observer:
    """Base class of observers; it ignores all events."""

    def on_launch(self, launch: Launch) -> None:
        """Called before the first block of a launch."""

    def on_access(self, array: Any, cell: int, written: float | None) -> None:
        """Called when a thread accesses memory.

        Args:
            array: The `Watched` array.
            cell: The address of one element.
            written: The number that was written; None if it is read.
        """

    def waits_at(self, site: Site, line: int) -> bool:
        """Return whether a thread that comes to a barrier waits there."""
        return True

    def on_barrier(self, block: Sequence[Any]) -> None:
        """Called when all threads of a block wait at a barrier or have ended.

        Args:
            block: Each `SimulatedThread` of the block.
        """


present: list[Observer] = []
"""The observers of the `observing` statements that are running, the innermost last."""


def current_observer() -> Observer | None:
    """Return the observer of the innermost `observing`, if there is one."""
    return present[-1] if present else None


def kernel_frame() -> FrameType:
    """Return the frame of the kernel, or of the device function, that is running."""
    frame: FrameType = sys._getframe(1)
    while frame.f_back is not None and _is_simulator(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def barrier_here() -> Barrier:
    """Return the barrier at which the running kernel, or device function, waits."""
    innermost = kernel_frame()
    path: list[Site] = []
    frame: FrameType | None = innermost
    while frame is not None:
        if not _is_simulator(frame.f_code.co_filename):
            path.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return Barrier(tuple(path), innermost.f_code.co_filename, innermost.f_lineno)


def short(point: Point, size: Point) -> str:
    """Return a point without the dimensions that the grid or the block does not have."""
    dims = max((dim + 1 for dim in range(3) if size[dim] > 1), default=1)
    return str(point[0]) if dims == 1 else str(tuple(point[:dims]))


def _is_simulator(file: str) -> bool:
    return file.startswith((HERE, NUMBA))
