"""Launches of kernels: their threads and their arguments.

Threads come in *blocks*; those of a block share a small fast memory and can wait for one another.
The blocks of a launch are its *grid*; they run in any order and know nothing of one another.
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
"""Threads of a block of map, zip and reduce, a power of two. The simulator switches to
each of them in Python, so that small blocks are faster there."""

TILE = 4 if SIMULATED else 16
"""Rows and columns of a block of matrix multiplication and convolution, with a thread for each
place."""

LARGEST_GRID = 65_535
"""Blocks along the second and third dimension of a grid, at most. The first has no such limit."""

LAYOUT_CACHE_SIZE, TABLE_CACHE_SIZE = 4096, 64
"""The numbers of shapes and strides, and of tables, that stay in device memory: those used last."""


def blocks_for(count: int, each: int) -> int:
    """Return how many blocks it takes if each does its share of a count.

    >>> blocks_for(32, 32), blocks_for(33, 32)
    (1, 2)
    """
    return -(-count // each)


class KernelError(RuntimeError):
    """A kernel failed; the message names it, its launch, and the shapes of its arguments."""


class Table(ABC):
    """An array for a kernel that is computed from few numbers, and cached by them."""

    @abstractmethod
    def array(self) -> npt.NDArray[np.integer]:
        """Compute the array."""


@dataclass(frozen=True, eq=False)
class Launch:
    """A kernel with everything that it is launched with.

    Attributes:
        kernel: The kernel.
        blocks: The grid's size, in up to three dimensions.
        threads: The size of a block, in up to three dimensions.
        arguments: Tensors, arrays, tables and numbers in the order of the kernel's parameters; a
            tensor stands for three of them, storage, shape and strides.
    """

    kernel: Kernel
    blocks: int | tuple[int, ...]
    threads: int | tuple[int, ...]
    arguments: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The name of the kernel."""
        return self.kernel.__name__

    def parts(self, place: Callable[[tuple[int, ...] | Table], Any]) -> list[Any]:
        """Return one value for each of the kernel's parameters.

        Args:
            place: Makes an array of a table, and of a tensor's shape or strides.
        """
        parts: list[Any] = []
        for argument in self.arguments:
            if isinstance(argument, TensorData):
                # No dimensions at all become one of size 1: it has the same element, and kernels
                # need not know empty arrays.
                pair = (argument.shape or (1,), argument.strides or (1,))
                parts += [argument.storage, *map(place, pair)]
            elif isinstance(argument, Table):
                parts.append(place(argument))
            else:
                parts.append(argument)
        return parts

    def __str__(self) -> str:
        """Say all of it in one line."""
        arguments = ", ".join(_described(argument) for argument in self.arguments)
        return f"{self.name}[grid {self.blocks}, block {self.threads}]({arguments})"


def run(launch: Launch, stream: Any = 0, wait: bool = False) -> None:
    """Launch a kernel; it runs while the host goes on.

    Args:
        launch: The launch; its tensors and arrays are in device memory.
        stream: The queue of the device in which it waits.
        wait: Return only when it is done, so that its errors are raised here and not at the next
            call that happens to wait for the device.

    Raises:
        TypeError: An operand is in host memory.
        KernelError: The kernel could not be launched, or failed, and is waited for. Otherwise the
            error is numba's own.
    """
    for argument in launch.arguments:
        check_place(launch.name, argument)
    try:
        with warnings.catch_warnings():
            # Small tensors keep a small part of a GPU busy; nothing can be done about it.
            warnings.filterwarnings("ignore", message="Grid size")
            # Infinity and NaN come silently on a GPU, and so they do in the simulator.
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
    """Return an operand's type and shape, a number as it is."""
    if isinstance(argument, TensorData):
        kind: Any = argument.storage
        return f"{kind.dtype}{argument.shape} strides {argument.strides}"
    if hasattr(argument, "dtype") and hasattr(argument, "shape"):
        return f"{argument.dtype}{tuple(argument.shape)}"
    return repr(argument)


def array_of(numbers: tuple[int, ...] | Table) -> npt.NDArray[np.integer]:
    """Return a table, a shape or strides as the array that a kernel receives."""
    return numbers.array() if isinstance(numbers, Table) else np.array(numbers, np.int64)


def _on_device(numbers: tuple[int, ...] | Table, stream: Any) -> Any:
    """Return a table, a shape or strides in device memory, the same array every time.

    Copying it anew for each launch would take longer than most kernels do. Each stream has copies
    of its own, which it made itself: what another one copies may not be there yet.
    """
    return (_kept_table if isinstance(numbers, Table) else _kept_layout)(numbers, stream)


def _sent(numbers: tuple[int, ...] | Table, stream: Any) -> Any:
    return cuda.to_device(array_of(numbers), stream=stream)


_kept_layout = functools.lru_cache(maxsize=LAYOUT_CACHE_SIZE)(_sent)
_kept_table = functools.lru_cache(maxsize=TABLE_CACHE_SIZE)(_sent)


def check_place(operation: str, *operands: Any) -> None:
    """Raise TypeError unless all tensors and arrays among the operands are in device memory."""
    for operand in operands:
        storage: Any = operand.storage if isinstance(operand, TensorData) else operand
        # numba marks its arrays with the first, in the simulator, too; others with the second.
        if isinstance(storage, np.ndarray) or not (
            np.isscalar(storage)
            or isinstance(storage, tuple | Table)
            or hasattr(storage, "__cuda_ndarray__")
            or hasattr(storage, "__cuda_array_interface__")
        ):
            raise TypeError(
                f"{operation}: an operand of shape {tuple(operand.shape)} is in host memory, a "
                f"{type(storage).__name__}; bring it to the device with Cuda.from_numpy, or a "
                "whole tensor with .to(backend)"
            )
