"""The GPU as the tuned kernels see it, without the kernels.

Fused forms are typed against `Device`; `mt_kernels_cuda.tuned.backend` derives the backend from it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cuda.backend import Cuda
from mt_kernels_cuda.jit import Kernel
from mt_kernels_cuda.tuned.hardware import shapes


class Device(Cuda):
    """A GPU that reports how many blocks it runs at once; float32 unless another dtype is given."""

    def __init__(
        self, dtype: npt.DTypeLike = np.float32, *, debug: bool = False, stream: Any = 0
    ) -> None:
        """Build a backend; see `Cuda` for the arguments."""
        super().__init__(dtype, debug=debug, stream=stream)
        self._blocks_at_once: dict[Kernel, int] = {}

    def blocks_at_once(self, kernel: Kernel, threads: int, arguments: list[Any]) -> int:
        """Return how many blocks of a kernel run at the same time; see `shapes.blocks_at_once`."""
        blocks = self._blocks_at_once.get(kernel)
        if blocks is None:
            blocks = shapes.blocks_at_once(kernel, threads, arguments)
            self._blocks_at_once[kernel] = blocks
        return blocks

    @property
    def processors(self) -> int:
        """Number of multiprocessors of the device."""
        return shapes.processors()
