"""Launches of kernels: threads and arguments.

Threads are grouped in *blocks*. The threads of a block share a small fast memory and can wait for
one another. The blocks of a launch are its *grid*. They run in any order and cannot communicate.
"""

import functools
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from mt_kernels_cuda.gpu import SIMULATED
from mt_kernels_cuda.jit import Kernel
from mt_tensor import TensorData

BLOCK = 8 if SIMULATED else 256
"""Threads per block of map, zip and reduce, a power of two; reductions are wrong otherwise. The
simulator runs each thread in Python, so that small blocks are faster there."""

TILE = 4 if SIMULATED else 16
"""Rows and columns of a tile of matrix multiplication and convolution, and of its block of threads.
Its square is at most 1024, the limit of a GPU for a block."""

MAX_GRID = 65_535
"""Most blocks along the second and the third dimension of a grid (CUDA C++ Programming Guide,
"Technical Specifications per Compute Capability"). A launch with more fails."""

LAYOUT_CACHE_SIZE, TABLE_CACHE_SIZE = 4096, 64
"""Number of shapes and strides, and of tables, that are cached in device memory (least recently
used ones go). With fewer, kernels wait for copies."""


def blocks_for(count: int, each: int) -> int:
    """Return the number of blocks of size `each` that cover `count` elements.

    >>> blocks_for(32, 32), blocks_for(33, 32)
    (1, 2)
    """
    return -(-count // each)


class KernelError(RuntimeError):
    """A kernel failed; the message gives its name, launch shape and the shapes of its arguments."""


class Table(ABC):
    """An integer array that is computed from few numbers, which are the key of its cached copy."""

    @abstractmethod
    def array(self) -> npt.NDArray[np.integer]:
        """Compute the array."""


@dataclass(frozen=True, eq=False)
class Launch:
    """A kernel, its launch shape and its arguments.

    Attributes:
        kernel: The kernel.
        blocks: The size of the grid, in up to three dimensions.
        threads: The size of a block, in up to three dimensions.
        arguments: Tensors, arrays, tables and numbers in the order of the kernel's parameters. A
            tensor gives three arguments: storage, shape and strides.
    """

    kernel: Kernel
    blocks: int | tuple[int, ...]
    threads: int | tuple[int, ...]
    arguments: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The name of the kernel."""
        return self.kernel.__name__

    def parts(self, convert: Callable[[tuple[int, ...] | Table], Any]) -> list[Any]:
        """Return one value for each of the kernel's parameters.

        Args:
            convert: Converts a table, a shape or strides to an array.
        """
        parts: list[Any] = []
        for argument in self.arguments:
            if isinstance(argument, TensorData):
                # A tensor without dimensions is passed as one of shape (1,), so that kernels
                # receive no empty arrays.
                pair = (argument.shape or (1,), argument.strides or (1,))
                parts += [argument.storage, *map(convert, pair)]
            elif isinstance(argument, Table):
                parts.append(convert(argument))
            else:
                parts.append(argument)
        return parts

    def __str__(self) -> str:
        """Return name, launch shape and arguments in one line."""
        arguments = ", ".join(_described(argument) for argument in self.arguments)
        return f"{self.name}[grid {self.blocks}, block {self.threads}]({arguments})"


def run(launch: Launch, stream: Any = 0, wait: bool = False) -> None:
    """Launch a kernel. It runs asynchronously.

    Args:
        launch: The launch; its tensors and arrays are in device memory.
        stream: The CUDA stream; 0 is the default stream.
        wait: True to wait until the kernel is complete, so that this call raises its errors and not
            a later one.

    Raises:
        TypeError: An operand is in host memory.
        KernelError: The launch or the kernel failed and `wait` is true. Without `wait`, errors of
            numba are raised unchanged.
    """
    for argument in launch.arguments:
        check_on_device(launch.name, argument)
    try:
        with warnings.catch_warnings():
            # numba warns of small grids; small tensors need no larger ones.
            warnings.filterwarnings("ignore", message="Grid size")
            # As on a GPU, infinity and NaN arise without warnings in the simulator.
            warnings.simplefilter("ignore", RuntimeWarning)
            arguments = launch.parts(lambda numbers: _on_device(numbers, stream))
            launch.kernel[launch.blocks, launch.threads, stream](*arguments)
            if wait:
                cuda.synchronize()
    except Exception as error:
        if not wait:
            raise
        raise KernelError(f"{launch} failed: {type(error).__name__}: {error}") from error


def _described(argument: Any) -> str:
    """Return dtype, shape and strides of an operand, or a number, as text."""
    if isinstance(argument, TensorData):
        kind: Any = argument.storage
        return f"{kind.dtype}{argument.shape} strides {argument.strides}"
    if hasattr(argument, "dtype") and hasattr(argument, "shape"):
        return f"{argument.dtype}{tuple(argument.shape)}"
    return repr(argument)


def array_of(numbers: tuple[int, ...] | Table) -> npt.NDArray[np.integer]:
    """Return a table, a shape or strides as an integer array for a kernel."""
    return numbers.array() if isinstance(numbers, Table) else np.array(numbers, np.int64)


def _on_device(numbers: tuple[int, ...] | Table, stream: Any) -> Any:
    """Return a cached copy of a table, a shape or strides in device memory.

    A new copy for each launch would take longer than most kernels. Each stream has its own copies,
    because a copy that another stream has started may not be complete.
    """
    return (_cached_table if isinstance(numbers, Table) else _cached_layout)(numbers, stream)


def _copied(numbers: tuple[int, ...] | Table, stream: Any) -> Any:
    return cuda.to_device(array_of(numbers), stream=stream)


_cached_layout = functools.lru_cache(maxsize=LAYOUT_CACHE_SIZE)(_copied)
_cached_table = functools.lru_cache(maxsize=TABLE_CACHE_SIZE)(_copied)


def check_on_device(operation: str, *operands: Any) -> None:
    """Check that all tensors and arrays among the operands are in device memory.

    Raises:
        TypeError: One of them is in host memory.
    """
    for operand in operands:
        storage: Any = operand.storage if isinstance(operand, TensorData) else operand
        # Arrays of numba and its simulator have the first attribute, those of others the second.
        if isinstance(storage, np.ndarray) or not (
            np.isscalar(storage)
            or isinstance(storage, tuple | Table)
            or hasattr(storage, "__cuda_ndarray__")
            or hasattr(storage, "__cuda_array_interface__")
        ):
            raise TypeError(
                f"{operation}: an operand of shape {tuple(operand.shape)} is in host memory, a "
                f"{type(storage).__name__}; copy it to the device with Cuda.from_numpy, or copy a "
                "tensor with .to(backend)"
            )
