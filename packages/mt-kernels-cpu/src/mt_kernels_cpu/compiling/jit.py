"""The one door to numba: how formulas, helpers and kernels are compiled.

numba ignores type annotations, and type checkers know nothing of numba; here they meet. Functions
are compiled at their first call with a new combination of argument types, and nothing changes in
the process before that. Division and overflow follow IEEE 754, with infinity and NaN in place of
exceptions, as on the reference backend.
"""

import functools
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

import numba
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target

from mt_kernels_cpu.compiling import disk_cache

F = TypeVar("F", bound=Callable[..., Any])

REORDER_SUMS = frozenset({"contract", "nsz", "reassoc"})
"""Lets the compiler add up in another order, several numbers at a time. NaN stays NaN."""

KERNEL_CACHE_SIZE = 256
"""Number of formulas whose kernels are kept in memory; the longest unused are forgotten."""


def _compiled(fn: Callable[..., Any], cache: bool = False, **options: Any) -> Any:
    """Let numba compile a function at its first call with new types of arguments.

    Args:
        fn: The function.
        keep: True to keep the machine code on disk.
        options: numba's options.
    """
    # These functions are not called from C, so the wrapper for C is left out.
    compiled = _njit(error_model="numpy", no_cfunc_wrapper=True, **options)(fn)
    if isinstance(compiled, Dispatcher):  # Else numba is switched off.
        disk_cache.attach(compiled, cache)
    return compiled


_njit: Any = numba.njit
_target: Any = cpu_target
_DEFAULT_OPTIONS = getattr(_njit(lambda: None), "targetoptions", None)


def compiles_for(feature: str) -> bool:
    """Return whether code is made for processors with a feature, by LLVM's name: ``avx2``, say."""
    _, _, features = _target.target_context.codegen().magic_tuple()
    return f"+{feature}" in features.split(",")


def formula(fn: Callable[..., float]) -> Callable[..., float]:
    """Compile a scalar function for use inside of kernels.

    Args:
        fn: A Python function, or something that numba can call as it is: a function compiled by
            ``numba.njit``, or one of `math` or NumPy.
    """
    if not isinstance(fn, FunctionType):
        return fn
    compiled: Callable[..., float] = _compiled(fn)
    return compiled


def helper(fn: F) -> F:
    """Compile a function for use inside of kernels. A decorator."""
    compiled: F = _compiled(fn)
    return compiled


def fastmath_helper(fn: F) -> F:
    """Compile a function for use inside of kernels whose sums may be reordered. A decorator."""
    compiled: F = _compiled(fn, fastmath=set(REORDER_SUMS))
    return compiled


def nogil_kernel(fn: Callable[..., None]) -> Callable[..., None]:
    """Compile a kernel that leaves the interpreter to other threads while it runs. A decorator.

    It works through a part of its loop, from a first to a last pass, which are its arguments: so
    one compiled form serves one thread and several, which `mt_kernels_cpu.tuned.threads` starts.
    It is compiled at its first call and kept on disk; its sums may be reordered.
    """
    compiled: Callable[..., None] = _compiled(
        fn, cache=True, nogil=True, fastmath=set(REORDER_SUMS)
    )
    return compiled


def strict_kernel(fn: F) -> F:
    """Compile a kernel for one thread whose arithmetic stays as it is written. A decorator.

    It is compiled at its first call and kept on disk. Other threads of Python have their turn when
    it is done: giving the interpreter up and taking it back would take as long as the smallest
    tensors do.
    """
    compiled: F = _compiled(fn, cache=True)
    return compiled


class Kernel:
    """A loop over memory, compiled in two ways from the same lines. A decorator.

    Calling the kernel spreads its ``numba.prange`` loop over all threads. Its twin `serial` runs
    that loop on the calling thread: handing work to others takes tens of microseconds, which a
    small tensor does not repay. Each is compiled when it is first needed, and kept on disk.

    Kernels may be called from several Python threads; parallel ones then take turns, because not
    every threading layer of numba allows more.
    """

    def __init__(self, fn: Callable[..., None]) -> None:
        functools.update_wrapper(self, fn)
        self.parallel = _compiled(fn, cache=True, parallel=True)
        self.serial = _compiled(fn, cache=True)

    def __call__(self, *args: Any) -> None:
        """Run on all threads."""
        with _parallel_lock:
            self.parallel(*args)

    def parallel_diagnostics(self, signature: Any = None, level: int = 1) -> None:
        """Print what numba made of the parallel loop.

        Args:
            signature: The argument types in question; all those called so far unless given.
            level: How much to print, 1 to 4.
        """
        # Code that was read from disk comes without a diagnosis, so compile it once more.
        fresh = _compiled(self.parallel.py_func, parallel=True)
        for known in self.parallel.signatures if signature is None else [signature]:
            fresh.compile(known)
        fresh.parallel_diagnostics(level=level)


_parallel_lock = threading.RLock()


def once_per_formula(make: Callable[[Callable[..., float]], Kernel]) -> Callable[[Any], Kernel]:
    """Let a function that makes a kernel of a formula make it once only. A decorator."""
    cached = functools.lru_cache(maxsize=KERNEL_CACHE_SIZE)(make)

    @functools.wraps(make)
    def kernel(fn: Any) -> Kernel:
        # A formula compiled by the caller without any options means the same as its source.
        has_default_options = isinstance(fn, Dispatcher) and fn.targetoptions == _DEFAULT_OPTIONS
        return cached(fn.py_func if has_default_options else fn)

    return kernel
