"""Compilation of formulas, helpers and kernels: the only module that calls numba's compiler.

numba ignores type annotations, and type checkers cannot see numba's types; the decorators of this
module have types for both. Functions are compiled at their first call with a new combination of
argument types, and the process does not change before that. Division and overflow follow IEEE 754:
they give infinity and NaN, not exceptions, as on the reference backend.
"""

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

import numba
from numba.core.dispatcher import Dispatcher
from numba.core.errors import NumbaError
from numba.core.registry import CPUDispatcher, cpu_target

from mt_kernels_cpu.compiling import disk_cache, process
from mt_tensor import recording
from mt_tensor.outer_values import current, with_helpers

F = TypeVar("F", bound=Callable[..., Any])

_config: Any = numba.config

JIT_IS_DISABLED = bool(_config.DISABLE_JIT)
"""True if ``NUMBA_DISABLE_JIT=1`` is set: kernels run as plain Python then, slowly."""

REORDER_SUMS = frozenset({"contract", "nsz", "reassoc"})
"""LLVM's fast-math flags of kernels that may reorder sums, so that they are vectorised. NaN stays
NaN: the flags that ignore it are left out."""

KERNEL_CACHE_SIZE = 256
"""Number of formulas whose kernels stay in memory. Beyond, the longest unused kernel is compiled
again when it is needed."""


class KernelDispatcher(CPUDispatcher):
    """A compiled function whose calls are recorded with those of a step.

    Only calls from Python are recorded; those from other compiled functions are part of them.
    """


@recording.intercept(KernelDispatcher, "__call__")
def _record_kernel(recorder: recording.Recorder, call: Any, kernel: Any, *args: Any) -> Any:
    if kernel.targetoptions.get("parallel"):
        recording.refuse("calls a kernel that starts numba's threads")
    result = call(kernel, *args)
    recorder.ran(kernel, args, result)
    return result


class HelperDispatcher(KernelDispatcher):
    """A compiled function that kernels call.

    It has no wrapper for Python, which takes a third of the time to compile a small function. A
    call from Python therefore compiles the function once more.
    """

    def add_overload(self, result: Any) -> None:
        """Keep compiled code for kernels, and hide it from calls from Python."""
        self.overloads[tuple(result.signature.args)] = result

    @functools.cached_property
    def _for_python(self) -> Any:
        options = {**self.targetoptions, "no_cpython_wrapper": False}
        compiled = _jit(**options)(self.py_func)
        disk_cache.attach(compiled, cache=False)
        return compiled

    def _compile_for_args(self, *args: Any, **options: Any) -> Any:
        return self._for_python._compile_for_args(*args, **options)


def _compiled(fn: Callable[..., Any], cache: bool = False, **options: Any) -> Any:
    """Return a function that numba compiles at its first call with new argument types.

    Args:
        fn: The function.
        cache: True for a kernel, which Python calls: its machine code is stored on disk.
        options: numba's options.
    """
    # No function is called from C, so the wrapper for C is left out.
    compiled = _njit(
        error_model="numpy", no_cfunc_wrapper=True, no_cpython_wrapper=not cache, **options
    )(fn)
    if isinstance(compiled, Dispatcher):  # Otherwise numba is disabled.
        disk_cache.attach(compiled, cache)
        dispatcher: Any = compiled
        dispatcher.__class__ = KernelDispatcher if cache else HelperDispatcher
        dispatcher._compile_for_args = functools.partial(_compile, dispatcher._compile_for_args)
    return compiled


def _compile(compile_for_args: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call a dispatcher's method that compiles, and explain an error in one sentence.

    Raises:
        TypeError: numba cannot compile the function or one that it calls.
    """
    try:
        return compile_for_args(*args, **options)
    except NumbaError as error:
        raise TypeError(_explained(compile_for_args.__self__.py_func, error)) from error  # type: ignore[attr-defined]


def _explained(kernel: FunctionType, error: NumbaError) -> str:
    """Return the message for a kernel that does not compile."""
    formulas = [
        cell.cell_contents.py_func
        for cell in kernel.__closure__ or ()
        if isinstance(cell.cell_contents, Dispatcher)
    ]
    fn = formulas[0] if formulas else kernel
    place = f"{fn.__code__.co_filename}, line {fn.__code__.co_firstlineno}"
    lines = [line.strip() for line in str(error).splitlines()]
    reasons = [line for line in lines if line and not line.startswith(_NOISE)]
    return (
        f"{fn.__name__} ({place}) cannot be compiled: {reasons[0] if reasons else error}; a "
        "compiled formula may use numbers, tuples and arrays of numbers, functions of math and "
        "NumPy, and functions of these; mt_tensor.Reference runs any Python function"
    )


_NOISE = ("Failed in", "During:", "File ", "- Resolution failure")
"""Beginnings of lines of numba's messages that do not tell the reason."""


_jit: Any = numba.jit
_njit: Any = numba.njit
_target: Any = cpu_target
_DEFAULT_OPTIONS = getattr(_njit(lambda: None), "targetoptions", None)


def compiles_for(feature: str) -> bool:
    """Return whether code uses a feature of the processor, by LLVM's name, such as ``avx2``."""
    _, _, features = _target.target_context.codegen().magic_tuple()
    return f"+{feature}" in features.split(",")


def formula(fn: Callable[..., float]) -> Callable[..., float]:
    """Compile a scalar function for use inside kernels.

    Args:
        fn: A Python function, or one that numba can call: compiled by ``numba.njit``, or from
            `math` or NumPy.
    """
    if not isinstance(fn, FunctionType):
        return fn
    compiled: Callable[..., float] = _compiled(fn)
    return compiled


def prepared(fn: Any) -> Any:
    """Return a scalar function as it is to be compiled now.

    The compiler copies global constants into the code, so the result is another function after a
    constant that it reads has changed. Plain Python functions that it calls are compiled.
    """
    return compile_helpers(current(fn))


@functools.lru_cache(maxsize=KERNEL_CACHE_SIZE)
def compile_helpers(fn: Any) -> Any:
    """Return a scalar function of which the plain Python functions that it calls are compiled."""
    return with_helpers(fn, _compiled) if isinstance(fn, FunctionType) else fn


def helper(fn: F) -> F:
    """Compile a function for use inside kernels. A decorator."""
    compiled: F = _compiled(fn)
    return compiled


def inlined_helper(fn: F) -> F:
    """Compile a function that becomes part of each caller, however long it is. A decorator.

    The compiler does not vectorise a loop that contains a call.
    """
    compiled: F = _compiled(fn, forceinline=True)
    return compiled


def fastmath_helper(fn: F) -> F:
    """Compile a function for use inside kernels whose sums may be reordered. A decorator."""
    compiled: F = _compiled(fn, fastmath=set(REORDER_SUMS))
    return compiled


def nogil_kernel(fn: Callable[..., None]) -> Callable[..., None]:
    """Compile a kernel that releases the interpreter lock while it runs. A decorator.

    Kernels for several threads end with the arguments `first` and `last`, a range of their loop. So
    one compiled form serves one thread and several, which `mt_kernels_cpu.tuned.threads` starts.
    The kernel is compiled at its first call and cached on disk; its sums may be reordered.
    """
    compiled: Callable[..., None] = _compiled(
        fn, cache=True, nogil=True, fastmath=set(REORDER_SUMS)
    )
    return compiled


def strict_nogil_kernel(fn: Callable[..., None]) -> Callable[..., None]:
    """Compile a kernel as `nogil_kernel` does, without reordering its sums. A decorator.

    Functions that a kernel calls are compiled with its options, and a reordered exponential
    function would not be exact.
    """
    compiled: Callable[..., None] = _compiled(fn, cache=True, nogil=True)
    return compiled


def waiting_kernel(fn: F) -> F:
    """Compile a kernel that waits without the interpreter lock. A decorator.

    Observers receive no events of it: programs announce the kernels that compute, whose number does
    not depend on the number of threads.
    """
    compiled: Any = _compiled(fn, cache=True, nogil=True)
    if isinstance(compiled, Dispatcher):
        dispatcher: Any = compiled
        dispatcher._cache.is_reported = False
    result: F = compiled
    return result


def strict_kernel(fn: F) -> F:
    """Compile a kernel for one thread whose arithmetic is not reordered. A decorator.

    The kernel is compiled at its first call and cached on disk. It keeps the interpreter lock:
    releasing it would take as long as the smallest tensors do.
    """
    compiled: F = _compiled(fn, cache=True)
    return compiled


def fastmath_kernel(fn: F) -> F:
    """Compile a kernel as `strict_kernel` does; its sums may be reordered. A decorator."""
    compiled: F = _compiled(fn, cache=True, fastmath=set(REORDER_SUMS))
    return compiled


class Kernel:
    """Loop over memory, compiled in a parallel and a serial form. A decorator.

    Calling the kernel divides its ``numba.prange`` loop among all threads. `serial` runs the same
    loop on the calling thread: starting other threads takes tens of microseconds, more than a small
    tensor needs. Each form is compiled at its first call and cached on disk.

    Kernels may be called from several Python threads. Parallel calls then run one after the other,
    because not every threading layer of numba supports concurrent ones. If a process has used
    numba's threads and is forked, the serial form runs in the child.
    """

    def __init__(self, fn: Callable[..., None]) -> None:
        functools.update_wrapper(self, fn)
        self.parallel = _compiled(fn, cache=True, parallel=True)
        self.serial = _compiled(fn, cache=True)

    def __call__(self, *args: Any) -> None:
        """Run the loop on all threads, or on the calling thread if there are no others."""
        with process.parallel_lock:
            if process.may_use_threads():
                self.parallel(*args)
            else:
                self.serial(*args)

    def parallel_diagnostics(self, signature: Any = None, level: int = 1) -> None:
        """Print numba's diagnosis of the parallel loop.

        Args:
            signature: The argument types, all types of earlier calls if None.
            level: The amount of detail, 1 to 4.

        Raises:
            RuntimeError: ``NUMBA_DISABLE_JIT=1`` is set, so that nothing is compiled.
        """
        if JIT_IS_DISABLED:
            raise RuntimeError(
                "parallel_diagnostics: NUMBA_DISABLE_JIT is set, so that nothing is compiled; "
                "run the program without it"
            )
        # Code that was read from disk has no diagnosis, so compile it once more.
        fresh = _compiled(self.parallel.py_func, parallel=True)
        for known in self.parallel.signatures if signature is None else [signature]:
            fresh.compile(known)
        fresh.parallel_diagnostics(level=level)


def once_per_formula(make: Callable[[Callable[..., float]], Kernel]) -> Callable[[Any], Kernel]:
    """Cache the results of a function that makes a kernel of a formula. A decorator."""
    cached = functools.lru_cache(maxsize=KERNEL_CACHE_SIZE)(make)

    @functools.wraps(make)
    def kernel(fn: Any) -> Kernel:
        # A formula compiled without options shares the kernel of its Python function.
        has_default_options = isinstance(fn, Dispatcher) and fn.targetoptions == _DEFAULT_OPTIONS
        return cached(fn.py_func if has_default_options else fn)

    return kernel
