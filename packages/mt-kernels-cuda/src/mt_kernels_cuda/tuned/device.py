"""The base class of the tuned backend, with the properties of the device.

Fused forms are typed against `Device`, so that they do not import the backend, which imports them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cuda.backend import Cuda
from mt_kernels_cuda.jit import Kernel
from mt_kernels_cuda.tuned.hardware import shapes


class Device(Cuda):
    """A GPU backend that reports the number of blocks that run at once; float32 by default."""

    def __init__(
        self, dtype: npt.DTypeLike = np.float32, *, debug: bool = False, stream: Any = 0
    ) -> None:
        """Build a backend; see `Cuda` for the arguments."""
        super().__init__(dtype, debug=debug, stream=stream)
        self._blocks_at_once: dict[Kernel, int] = {}

    def blocks_at_once(self, kernel: Kernel, threads: int, arguments: list[Any]) -> int:
        """Return the number of blocks of a kernel that run at once; see `shapes.blocks_at_once`."""
        blocks = self._blocks_at_once.get(kernel)
        if blocks is None:
            blocks = shapes.blocks_at_once(kernel, threads, arguments)
            self._blocks_at_once[kernel] = blocks
        return blocks

    @property
    def processors(self) -> int:
        """The number of multiprocessors of the device."""
        return shapes.processors()
