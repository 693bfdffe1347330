"""Replacement of parts of numba's simulator by those of this package."""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numba import cuda
from numba.cuda.simulator import kernel, kernelapi
from numba.cuda.simulator.cudadrv import devicearray

from . import blocks, memory
from .observing import Launch, Observer, current_observer, present

_numba_call = kernel.FakeCUDAKernel.__call__
_numba_within = devicearray.FakeWithinKernelCUDAArray


def patch_simulator() -> None:
    """Patch numba's simulator for all kernels of this process. Idempotent."""
    kernelapi.threading = blocks.Threading
    kernelapi.FakeCUDAShared.array = memory.shared_array
    kernel.BlockManager.run = blocks.run_block
    kernel.swapped_cuda_module = _swapped
    kernel.FakeCUDAKernel.__call__ = _call
    for name, operation in vars(kernelapi.FakeCUDAAtomic).items():
        if inspect.isfunction(operation) and not hasattr(operation, "__wrapped__"):
            setattr(kernelapi.FakeCUDAAtomic, name, _atomic(operation))
    if not hasattr(cuda, "is_cuda_array"):
        # The simulator lacks this function. The course's template calls it before it copies a
        # tensor to the device.
        cuda.is_cuda_array = _is_cuda_array


def is_patched() -> bool:
    """Return True if this package, or a copy of it, has patched numba's simulator."""
    return not kernel.FakeCUDAKernel.__call__.__module__.startswith("numba.")


@contextmanager
def observing(each: Observer) -> Iterator[Observer]:
    """Make an observer the current one for a block, and patch the simulator.

    Example:
        ``with observing(RaceDetector()): kernel[blocks, threads](out)``
    """
    patch_simulator()
    present.append(each)
    try:
        yield each
    finally:
        present.pop()


def _is_cuda_array(obj: Any) -> bool:
    return hasattr(obj, "__cuda_ndarray__") or hasattr(obj, "__cuda_array_interface__")


def _call(self: Any, *arguments: Any) -> Any:
    """Launch a kernel, with watched arrays if there is an observer, or call a device function."""
    observer = current_observer()
    if self._device or observer is None or self.grid_dim is None:
        return _numba_call(self, *arguments)
    grid, block = kernel.normalize_kernel_dimensions(self.grid_dim, self.block_dim)
    observer.on_launch(Launch(self.fn.__name__, grid, block))
    names = _names_of_arrays(self.fn, arguments)

    def within(item: Any) -> memory.Watched:
        return memory.Watched(item._ary, next(names), shared=False)

    kernel.FakeWithinKernelCUDAArray = within
    try:
        return _numba_call(self, *arguments)
    finally:
        kernel.FakeWithinKernelCUDAArray = _numba_within


def _names_of_arrays(fn: Callable[..., Any], arguments: tuple[Any, ...]) -> Iterator[str]:
    """Yield the names of the parameters that receive arrays."""
    for name, argument in zip(inspect.signature(fn).parameters, arguments, strict=False):
        is_array = isinstance(argument, np.ndarray) and argument.ndim > 0
        if is_array or isinstance(argument, devicearray.FakeCUDAArray | kernel.ArgHint):
            yield name


def _atomic(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Return an atomic operation that sets `SimulatedThread.atomic` while it runs."""

    @functools.wraps(operation)
    def marked(*arguments: Any) -> Any:
        thread = blocks.current()
        thread.atomic = True
        try:
            return operation(*arguments)
        finally:
            thread.atomic = False

    return marked


@contextmanager
def _swapped(fn: Any, module: Any) -> Iterator[None]:
    """Replace `cuda` in the module of a function by the running launch, until the launch ends.

    numba's version restores `cuda` when the function returns. But a device function with a barrier
    may still run in one thread after it has returned in another.
    """
    if module is None:  # The host calls a device function.
        yield
        return
    outermost = not hasattr(module, "_replaced")
    if outermost:
        module._replaced = []
    names = fn.__globals__
    replaced = {name: value for name, value in names.items() if value is cuda}
    if replaced:
        module._replaced.append((names, replaced))
        names.update(dict.fromkeys(replaced, module))
    try:
        yield
    finally:
        if outermost:
            for names, replaced in module._replaced:
                names.update(replaced)
