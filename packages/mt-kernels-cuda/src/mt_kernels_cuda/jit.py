"""Decorators that compile kernels and device functions with numba.

A *kernel* is launched from the host; a *device function* is called by kernels. Both are compiled
at first use. Division and overflow follow IEEE 754: they give infinity or NaN and no exception.
"""

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any, Protocol, TypeVar

from numba import cuda

from mt_tensor.outer_values import current, with_helpers

F = TypeVar("F", bound=Callable[..., Any])

KERNEL_CACHE_SIZE = 256
"""Number of kernels that each cache of kernels by formula keeps (least recently used ones go). With
fewer, programs that use many formulas compile again."""


class Kernel(Protocol):
    """A compiled kernel. ``kernel[blocks, threads, stream](*arguments)`` launches it."""

    __name__: str
    py_func: Callable[..., None]

    def __getitem__(self, configuration: tuple[Any, ...], /) -> Callable[..., None]:
        """Return the kernel for a grid of blocks, a block of threads and, if need be, a stream."""


def kernel(fn: Callable[..., None]) -> Kernel:
    """Compile a function that the host launches. A decorator."""
    compiled: Kernel = cuda.jit(fn)
    return compiled


def device_function(fn: F) -> F:
    """Compile a function that kernels call. A decorator.

    A function that is compiled already, for the GPU or the processor, is returned unchanged. The
    plain Python functions that it calls are compiled, too.
    """
    if not isinstance(fn, FunctionType):
        return fn
    compile: Any = cuda.jit(device=True)
    compiled: F = compile(with_helpers(fn, compile))
    return compiled


def inlined_device_function(fn: F) -> F:
    """Compile a part of a kernel that becomes part of it again. A decorator.

    Arrays in registers can only be passed to such a function: a call would need their addresses.
    """
    compiled: F = cuda.jit(device=True, inline=True)(fn)
    return compiled


def once_per_formula(make: Callable[[Any], Kernel]) -> Callable[[Any], Kernel]:
    """Cache the kernels that a function returns, by formula. A decorator.

    A new kernel is made after a constant that the formula reads has changed.
    """
    cached = functools.lru_cache(maxsize=KERNEL_CACHE_SIZE)(make)
    return functools.wraps(make)(lambda fn: cached(current(fn)))
