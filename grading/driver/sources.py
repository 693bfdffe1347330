"""Run the Python source of a kernel, one iteration of its `prange` loops after the other.

The functions, the kernel's and those that it calls, are rebuilt from their code objects: globals
and closures are copies in which `prange`, NumPy and compiled functions are replaced. numba itself
and the modules of the submission stay as they are.
"""

from collections.abc import Callable, Sequence
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numba as _numba
import numpy as np

from grading.driver.recording import Recording, Tape, UnrecordableError

numba: Any = _numba

THREADS = 8
"""The number of threads that a kernel is told when it asks."""


class ModuleView:
    """A module as the source under the recorder sees it."""

    def __init__(self, module: ModuleType, sources: "Sources", parallel: bool) -> None:
        self._module = module
        self._sources = sources
        self._parallel = parallel

    def __getattr__(self, name: str) -> Any:
        return self._sources.replaced(getattr(self._module, name), self._parallel)


class Sources:
    """Functions rebuilt from their source, with replacements for what they call."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._built: dict[tuple[int, bool], FunctionType] = {}

    def of_kernel(self, kernel: Any) -> Callable[..., None]:
        """Return the source of a kernel.

        Raises:
            UnrecordableError: It has none.
        """
        # A kernel that is compiled in two ways names the parallel one.
        compiled = getattr(kernel, "parallel", kernel)
        source = self.replaced(compiled, parallel=False)
        if not isinstance(source, FunctionType) or source is compiled:
            raise UnrecordableError("the kernel has no source")
        return source

    def replaced(self, value: Any, parallel: bool) -> Any:
        """Return what stands for a value in a function that is compiled in parallel, or not."""
        if value is numba.prange:
            return self.tape.prange if parallel else range
        if value is numba.pndindex:
            return self.tape.pndindex if parallel else np.ndindex
        if value is numba.get_thread_id:
            if not self.tape.counting:
                raise UnrecordableError("the kernel asks for the number of its thread")
            return lambda: 0
        if value is numba.get_num_threads:
            return lambda: THREADS
        if isinstance(value, numba.types.Type):
            # numba takes its own types for those of NumPy.
            return numba.np.numpy_support.as_dtype(value).type
        if isinstance(value, ModuleType):
            return ModuleView(value, self, parallel)
        home = str(getattr(value, "__module__", None) or "")
        if home.partition(".")[0] == "numpy":
            return self._adopting(value)
        if isinstance(getattr(value, "py_func", None), FunctionType):
            options = getattr(value, "targetoptions", {})
            inlined = options.get("inline", "never") != "never"
            # What is inlined is compiled as its caller is.
            own = bool(options.get("parallel")) or (inlined and parallel)
            return self._rebuilt(value.py_func, own)
        if isinstance(value, FunctionType) and home.partition(".")[0] != "numba":
            return self._rebuilt(value, parallel)
        return value

    def _adopting(self, value: Any) -> Any:
        """Return a function of NumPy whose results are recorded; other values as they are."""
        if isinstance(value, type | np.ufunc | np.ndarray | np.generic) or not callable(value):
            return value
        adopt = self.tape.adopt
        return lambda *args, **options: adopt(value(*args, **options))

    def _rebuilt(self, function: FunctionType, parallel: bool) -> FunctionType:
        key = id(function), parallel
        if key in self._built:
            return self._built[key]
        code = function.__code__
        scope: dict[str, Any] = dict(function.__globals__)
        cells = tuple(CellType() for _ in function.__closure__ or ())
        built = FunctionType(code, scope, function.__name__, function.__defaults__, cells)
        built.__kwdefaults__ = function.__kwdefaults__
        # Known before its names are replaced: it may call itself.
        self._built[key] = built
        for name in _names(code):
            if name in scope:
                scope[name] = self.replaced(scope[name], parallel)
        for cell, own in zip(cells, function.__closure__ or (), strict=True):
            try:
                value = own.cell_contents
            except ValueError:  # It is empty still.
                continue
            cell.cell_contents = self.replaced(value, parallel)
        return built


def _names(code: CodeType) -> set[str]:
    """Return all names that a code object and those inside it look up."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def record(kernel: Any, arguments: Sequence[Any], tape: Tape | None = None) -> Recording:
    """Run the source of a kernel and return which iteration touched which cell.

    Args:
        kernel: A kernel: compiled by numba, or a plain function.
        arguments: Its arguments; arrays among them are written to.
        tape: What keeps the accesses; a fresh one unless given.

    Raises:
        UnrecordableError: The source cannot be run under the recorder.
        Exception: Whatever the source raises; the compiled kernel may raise nothing.
    """
    tape = tape or Tape()
    source = Sources(tape).of_kernel(kernel)
    parameters = source.__code__.co_varnames[: source.__code__.co_argcount]
    names = [*parameters, *[""] * (len(arguments) - len(parameters))]
    watched = [
        tape.argument(each, name) if isinstance(each, np.ndarray) else each
        for each, name in zip(arguments, names, strict=False)
    ]
    with np.errstate(all="ignore"):
        source(*watched)
    return tape.recording()
