"""The bare loops over memory, called on storages that lie between guard cells."""

import functools
import importlib
from typing import Any

import numba as _numba
import numpy as np
from numba.np.ufunc import parallel as _parallel

from grading.driver.arrays import cells_and_strides, elements
from grading.driver.blame import own
from grading.driver.family import Family
from grading.protocol.messages import Array, Request, Response

family = Family()

numba: Any = _numba
parallel_module: Any = _parallel

GUARDS = 16
"""Cells on either side of a storage that belong to nobody."""

GUARD = 777.0
"""What stands in the cells around an output."""


class Guarded:
    """An array laid out in memory between guard cells."""

    def __init__(self, array: Array, guard: float) -> None:
        with own:
            cells, self.strides = cells_and_strides(array)
            self.shape = array.shape
            self.size = len(cells)
            self.buffer = np.full(self.size + 2 * GUARDS, guard)
            self.storage = self.buffer[GUARDS : GUARDS + self.size]
            self.storage[:] = cells

    def tuple(self) -> tuple[Array, Array, Array]:
        """Return storage, shape and strides, as kernels take them."""
        return self.storage, np.array(self.shape, np.int64), np.array(self.strides, np.int64)

    def elements(self) -> Array:
        """Return the elements."""
        return elements(self.storage, self.shape, self.strides)

    def guards(self) -> Array:
        """Return the cells on both sides."""
        return np.concatenate([self.buffer[:GUARDS], self.buffer[GUARDS + self.size :]])


@family.operation
def run(request: Request) -> Response:
    """Call a kernel on an output and its operands.

    The first array is the output as it is before. The option `module` names the file, "fast_ops"
    for example, `kernel` the kernel in it, `fn` the formula that makes a kernel of it, if any;
    `more` are the arguments that follow the storages.

    Returns:
        The output, the cells around it, and the operands, as they are afterwards.
    """
    options = request.options
    out = Guarded(request.arrays[0], GUARD)
    # Whoever reads beside an operand computes with NaN.
    operands = [Guarded(array, np.nan) for array in request.arrays[1:]]
    kernel = find_kernel(options["module"], options["kernel"], options.get("fn"))
    size = [out.size] if options["kernel"].startswith("tensor_conv") else []
    inputs = [part for operand in operands for part in operand.tuple()]
    kernel(*out.tuple(), *size, *inputs, *options.get("more", ()))
    after = tuple(operand.elements() for operand in operands)
    return Response(request, (out.elements(), out.guards(), *after))


@family.operation
def repeat(request: Request) -> Response:
    """Call a kernel many times on fresh outputs; a race shows where the results differ.

    The options are those of `run`, and `times`, and `threads`: how many numba may use, None for
    all.

    Shape:
        The output's → (times, the output's).
    """
    options = request.options
    kernel = find_kernel(options["module"], options["kernel"], options.get("fn"))
    first, *others = request.arrays
    inputs = [part for array in others for part in Guarded(array, np.nan).tuple()]
    # As the compiler does: threads are launched once, as many as the submission's variable says.
    numba.config.reload_config()
    with own:
        before = numba.get_num_threads()
        # The configuration may say more than were launched: a submission may set the variable late.
        numba.set_num_threads(options["threads"] or parallel_module.NUM_THREADS)
    results = np.empty((options["times"], *first.shape))
    try:
        for result in results:
            out = Guarded(first, GUARD)
            size = [out.size] if options["kernel"].startswith("tensor_conv") else []
            kernel(*out.tuple(), *size, *inputs, *options.get("more", ()))
            result[...] = out.elements()
    finally:
        numba.set_num_threads(before)
    return Response(request, (results,))


@functools.cache
def find_kernel(module: str, name: str, fn: str | None) -> Any:
    """Return a kernel of the submission, made of one of its own formulas if one is named."""
    kernel = getattr(importlib.import_module(f"minitorch.{module}"), name)
    if fn is None:
        return kernel
    formula = getattr(importlib.import_module("minitorch.operators"), fn)
    if module == "fast_ops":
        formula = numba.njit(formula)
    return kernel(formula)
