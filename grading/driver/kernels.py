"""Direct calls of kernels, on storages that lie between guard elements."""

import functools
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numba as _numba
import numpy as np

from grading.driver.arrays import elements, storage_and_strides
from grading.driver.attribution import grader_code
from grading.driver.family import Family
from grading.protocol.messages import Array, Request, Response

family = Family()

numba: Any = _numba

GUARDS = 16
"""Number of guard elements on each side of a storage; writes further outside are not noticed."""

GUARD = 777.0
"""Value of the guard elements around an output; `checking/kernels.py` expects the same one."""


class Guarded:
    """An array in memory between guard elements, with the same strides."""

    def __init__(self, array: Array, guard: float) -> None:
        with grader_code:
            storage, self.strides = storage_and_strides(array)
            self.shape = array.shape
            self.size = len(storage)
            self.buffer = np.full(self.size + 2 * GUARDS, guard)
            self.storage = self.buffer[GUARDS : GUARDS + self.size]
            self.storage[:] = storage

    def tuple(self) -> tuple[Array, Array, Array]:
        """Return the storage, the shape and the strides, as arguments of kernels."""
        return self.storage, np.array(self.shape, np.int64), np.array(self.strides, np.int64)

    def elements(self) -> Array:
        """Return the elements, with the shape of the array."""
        return elements(self.storage, self.shape, self.strides)

    def guards(self) -> Array:
        """Return the guard elements of both sides, as an array of shape (2 * GUARDS,)."""
        return np.concatenate([self.buffer[:GUARDS], self.buffer[GUARDS + self.size :]])


def arguments(options: Mapping[str, Any], out: Guarded, operands: Sequence[Guarded]) -> list[Any]:
    """Return the arguments of a kernel; a convolution takes the size of the output, too."""
    size = [out.size] if options["kernel"].startswith("tensor_conv") else []
    inputs = [part for operand in operands for part in operand.tuple()]
    return [*out.tuple(), *size, *inputs, *options.get("more", ())]


@family.operation
def run(request: Request) -> Response:
    """Call a kernel on an output and its operands.

    The first array is the output before the call. The option `module` names the file, "fast_ops"
    for example, `kernel` the kernel in it, and `fn` the scalar function of the kernel, if it takes
    one. `more` are the arguments after the storages.

    Returns:
        The output, its guard elements, and the operands, after the call.
    """
    options = request.options
    out = Guarded(request.arrays[0], GUARD)
    # A kernel that reads outside an operand gets NaN.
    operands = [Guarded(array, np.nan) for array in request.arrays[1:]]
    kernel = find_kernel(options["module"], options["kernel"], options.get("fn"))
    kernel(*arguments(options, out, operands))
    after = tuple(operand.elements() for operand in operands)
    return Response(request, (out.elements(), out.guards(), *after))


@family.operation
def repeat(request: Request) -> Response:
    """Call a kernel many times on copies of the output; results that differ show a race.

    The options are those of `run`, `times`, the number of calls, and `threads`, the number of
    numba's threads or None for all.

    Shape:
        output (...) → (times, ...).
    """
    options = request.options
    kernel = find_kernel(options["module"], options["kernel"], options.get("fn"))
    first, *others = request.arrays
    operands = [Guarded(array, np.nan) for array in others]
    # numba starts its threads once; the submission's environment variable sets their number.
    numba.config.reload_config()
    with grader_code:
        before = numba.get_num_threads()
        # The configuration may exceed the started threads: a submission may set the variable late.
        numba.set_num_threads(options["threads"] or numba.np.ufunc.parallel.NUM_THREADS)
    results = np.empty((options["times"], *first.shape))
    try:
        for result in results:
            out = Guarded(first, GUARD)
            kernel(*arguments(options, out, operands))
            result[...] = out.elements()
    finally:
        numba.set_num_threads(before)
    return Response(request, (results,))


@functools.cache
def find_kernel(module: str, name: str, fn: str | None) -> Any:
    """Return a kernel of the submission, with one of its scalar functions if `fn` names one."""
    kernel = getattr(importlib.import_module(f"minitorch.{module}"), name)
    if fn is None:
        return kernel
    formula = getattr(importlib.import_module("minitorch.operators"), fn)
    if module == "fast_ops":
        formula = numba.njit(formula)
    return kernel(formula)
