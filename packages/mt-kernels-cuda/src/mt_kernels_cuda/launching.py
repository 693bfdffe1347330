"""How many threads run a kernel, and how tensors become its arguments.

Threads come in *blocks*; those of a block share a small fast memory and can wait for one another.
The blocks of a launch are its *grid*; they run in any order and know nothing of one another.
"""

import functools
import warnings
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.gpu import SIMULATED
from mt_kernels_cuda.jit import Kernel
from mt_tensor import TensorData

BLOCK = 8 if SIMULATED else 256
"""Threads of a block of map, zip and reduce, a power of two. The simulator starts a Python thread
for each of them, so that small blocks are faster there."""

TILE = 4 if SIMULATED else 16
"""Rows and columns of a block of matrix multiplication and convolution, with a thread for each
place."""

LAYOUTS_KEPT = 4096
"""How many shapes and strides are kept in device memory; the longest unused are forgotten."""


def blocks_for(count: int, each: int) -> int:
    """Return how many blocks it takes if each does its share of a count.

    >>> blocks_for(32, 32), blocks_for(33, 32)
    (1, 2)
    """
    return -(-count // each)


def launch(kernel: Kernel, blocks: Any, threads: Any, *arguments: Any) -> None:
    """Launch a kernel; a tensor among the arguments becomes storage, shape and strides.

    Args:
        kernel: What to run.
        blocks: The grid's size, in up to three dimensions.
        threads: The size of a block, in up to three dimensions.
        arguments: Tensors in device memory, arrays there, and numbers.
    """
    parts: list[Any] = []
    for argument in arguments:
        if isinstance(argument, TensorData):
            layout = map(_on_device, (argument.shape, argument.strides))
            parts += [argument.storage, *layout]
        else:
            parts.append(argument)
    with warnings.catch_warnings():
        # Small tensors keep a small part of a GPU busy; nothing can be done about it.
        warnings.filterwarnings("ignore", message="Grid size")
        # Infinity and NaN come silently on a GPU, and so they do in the simulator.
        warnings.simplefilter("ignore", RuntimeWarning)
        kernel[blocks, threads](*parts)


@functools.lru_cache(maxsize=LAYOUTS_KEPT)
def _on_device(numbers: tuple[int, ...]) -> Any:
    """Return a shape or strides as an array in device memory, the same array every time.

    Copying it anew for each launch would take longer than most kernels do. No dimensions at all
    become one of size 1: it has the same element, and kernels need not know empty arrays.
    """
    return cuda.to_device(np.array(numbers or (1,), np.int64))


def check_place(operation: str, *tensors: TensorData) -> None:
    """Raise TypeError unless all tensors are in device memory."""
    for data in tensors:
        storage: Any = data.storage
        # numba marks its arrays with the first, in the simulator, too; others with the second.
        if not hasattr(storage, "__cuda_ndarray__") and not hasattr(
            storage, "__cuda_array_interface__"
        ):
            raise TypeError(
                f"{operation}: an operand of shape {data.shape} is in host memory, a "
                f"{type(storage).__name__}; bring it to the device with Cuda.from_numpy, or a "
                "whole tensor with .to(backend)"
            )
