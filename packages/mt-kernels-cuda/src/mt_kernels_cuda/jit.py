"""The one door to numba's compiler: scalar functions, device functions and kernels.

A *kernel* is launched from the host; a *device function* is called by kernels. Both are compiled
at first use. Division and overflow follow IEEE 754, with infinity and NaN in place of exceptions.
"""

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any, Protocol, TypeVar

from numba import cuda

F = TypeVar("F", bound=Callable[..., Any])

KERNEL_CACHE_SIZE = 256
"""The number of formulas whose kernels are kept, the most recently used ones."""


class Kernel(Protocol):
    """A compiled kernel. ``kernel[blocks, threads, stream](*arguments)`` launches it."""

    __name__: str
    py_func: Callable[..., None]

    def __getitem__(self, configuration: tuple[Any, ...], /) -> Callable[..., None]:
        """Return the kernel for a grid of blocks, a block of threads and, if need be, a stream."""


def kernel(fn: Callable[..., None]) -> Kernel:
    """Compile a function that is launched from the host. A decorator."""
    compiled: Kernel = cuda.jit(fn)
    return compiled


def device_function(fn: F) -> F:
    """Compile a function that kernels call. A decorator.

    What is compiled already, for the GPU or for the processor, stays as it is.
    """
    if not isinstance(fn, FunctionType):
        return fn
    compiled: F = cuda.jit(device=True)(fn)
    return compiled


def once_per_formula(make: Callable[[Any], Kernel]) -> Callable[[Any], Kernel]:
    """Let a function that makes a kernel of a formula make it once only. A decorator."""
    return functools.wraps(make)(functools.lru_cache(maxsize=KERNEL_CACHE_SIZE)(make))
