"""Puts what is mended in place of numba's."""

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
from .observing import Launch, observer

_numba_call = kernel.FakeCUDAKernel.__call__
_numba_within = devicearray.FakeWithinKernelCUDAArray


def mend() -> None:
    """Mend the simulator of numba, for all kernels of this process. Twice is as good as once."""
    kernelapi.threading = blocks.Threading
    kernelapi.FakeCUDAShared.array = memory.shared_array
    kernel.BlockManager.run = blocks.run_block
    kernel.swapped_cuda_module = _swapped
    kernel.FakeCUDAKernel.__call__ = _call
    for name, operation in vars(kernelapi.FakeCUDAAtomic).items():
        if inspect.isfunction(operation) and not hasattr(operation, "__wrapped__"):
            setattr(kernelapi.FakeCUDAAtomic, name, _atomic(operation))
    if not hasattr(cuda, "is_cuda_array"):
        # What the course's template asks before it copies a tensor to the device.
        cuda.is_cuda_array = _is_cuda_array


def _is_cuda_array(obj: Any) -> bool:
    return hasattr(obj, "__cuda_ndarray__") or hasattr(obj, "__cuda_array_interface__")


def _call(self: Any, *arguments: Any) -> Any:
    """Launch a kernel, its arrays watched if there is an observer; or call a device function."""
    told = observer()
    if self._device or told is None or self.grid_dim is None:
        return _numba_call(self, *arguments)
    grid, block = kernel.normalize_kernel_dimensions(self.grid_dim, self.block_dim)
    told.begins(Launch(self.fn.__name__, grid, block))
    names = _names_of_arrays(self.fn, arguments)

    def within(item: Any) -> memory.Watched:
        return memory.Watched(item._ary, next(names), shared=False)

    kernel.FakeWithinKernelCUDAArray = within
    try:
        return _numba_call(self, *arguments)
    finally:
        kernel.FakeWithinKernelCUDAArray = _numba_within


def _names_of_arrays(fn: Callable[..., Any], arguments: tuple[Any, ...]) -> Iterator[str]:
    """Go through the names of the parameters that are given arrays."""
    for name, argument in zip(inspect.signature(fn).parameters, arguments, strict=False):
        is_array = isinstance(argument, np.ndarray) and argument.ndim > 0
        if is_array or isinstance(argument, devicearray.FakeCUDAArray | kernel.ArgHint):
            yield name


def _atomic(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operation whose accesses are known to be one."""

    @functools.wraps(operation)
    def known(*arguments: Any) -> Any:
        thread = blocks.current()
        thread.atomic = True
        try:
            return operation(*arguments)
        finally:
            thread.atomic = False

    return known


@contextmanager
def _swapped(fn: Any, module: Any) -> Iterator[None]:
    """Let `cuda` in a function's module mean the running launch, until that ends.

    numba's version ends this with the function. A device function that waits at a barrier is
    still running in one thread when it has returned in another.
    """
    if module is None:  # A device function is called by the host.
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
