"""The base class of observers of simulated kernels, and the events that they receive."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from numba.cuda import simulator

Point = tuple[int, int, int]
"""Index of a block in a grid, or of a thread in a block, or a size: (x, y, z)."""

Site = tuple[CodeType, int]
"""A call in a kernel: the code object and the offset of the instruction in bytes."""

HERE, NUMBA = str(Path(__file__).parent), str(Path(simulator.__file__).parent)
"""Folders of the source files whose frames are not part of a kernel."""


@dataclass(frozen=True)
class Launch:
    """One launch of a kernel.

    Attributes:
        kernel: The name of the kernel.
        blocks: The size of the grid.
        threads: The size of a block.
    """

    kernel: str
    blocks: Point
    threads: Point


@dataclass(frozen=True)
class Barrier:
    """A barrier at which a thread waits.

    Attributes:
        path: The call of the barrier and the calls around it, the innermost first.
        file: The source file of the innermost call.
        line: The line of the innermost call.
    """

    path: tuple[Site, ...]
    file: str
    line: int


class Observer:
    """Base class of observers, which ignores all events."""

    def on_launch(self, launch: Launch) -> None:
        """Receive the start of a launch, before its first block."""

    def on_access(self, array: Any, address: int, written: float | None) -> None:
        """Receive an access of the running thread to memory.

        Args:
            array: The `Watched` array.
            address: The address of one element.
            written: The value that was written; None for a read.
        """

    def waits_at(self, site: Site, line: int) -> bool:
        """Return True if a thread that reaches a barrier waits there."""
        return True

    def on_barrier(self, block: Sequence[Any]) -> None:
        """Receive the state in which each thread of a block waits at a barrier or has ended.

        Args:
            block: The threads of the block, each a `SimulatedThread`.
        """


present: list[Observer] = []
"""The observers of the active `observing` blocks, the innermost last."""


def current_observer() -> Observer | None:
    """Return the observer of the innermost `observing` block; None if there is none."""
    return present[-1] if present else None


def kernel_frame() -> FrameType:
    """Return the frame of the running kernel or device function."""
    frame: FrameType = sys._getframe(1)
    while frame.f_back is not None and _is_simulator(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def barrier_here() -> Barrier:
    """Return the barrier at which the running kernel or device function waits."""
    innermost = kernel_frame()
    path: list[Site] = []
    frame: FrameType | None = innermost
    while frame is not None:
        if not _is_simulator(frame.f_code.co_filename):
            path.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return Barrier(tuple(path), innermost.f_code.co_filename, innermost.f_lineno)


def short(point: Point, size: Point) -> str:
    """Return an index as text, without trailing dimensions of size 1."""
    dims = max((dim + 1 for dim in range(3) if size[dim] > 1), default=1)
    return str(point[0]) if dims == 1 else str(tuple(point[:dims]))


def _is_simulator(file: str) -> bool:
    return file.startswith((HERE, NUMBA))
