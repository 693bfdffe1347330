"""Sequential runs of a kernel's Python source under the recorder.

The kernel and the functions that it calls are rebuilt from their code objects. Their globals and
closures are copies in which `prange`, NumPy and compiled functions are replaced. numba and the
modules of the submission are not changed.
"""

from collections.abc import Callable, Sequence
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numba as _numba
import numpy as np

from grading.driver.recording import Recording, Tape, UnrecordableError

numba: Any = _numba

THREADS = 8
"""Result of `numba.get_num_threads` for a kernel under the recorder."""


class ModuleView:
    """A module whose attributes are replaced for the source under the recorder."""

    def __init__(self, module: ModuleType, sources: "Sources", parallel: bool) -> None:
        self._module = module
        self._sources = sources
        self._parallel = parallel

    def __getattr__(self, name: str) -> Any:
        return self._sources.replaced(getattr(self._module, name), self._parallel)


class Sources:
    """Functions rebuilt from their source, with replacements for the functions that they call."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._built: dict[tuple[int, bool], FunctionType] = {}

    def of_kernel(self, kernel: Any) -> Callable[..., None]:
        """Return the source of a kernel.

        Raises:
            UnrecordableError: It has none.
        """
        # A kernel that is compiled in two ways has its parallel version in this attribute.
        compiled = getattr(kernel, "parallel", kernel)
        source = self.replaced(compiled, parallel=False)
        if not isinstance(source, FunctionType) or source is compiled:
            raise UnrecordableError("the kernel has no source")
        return source

    def replaced(self, value: Any, parallel: bool) -> Any:
        """Return the replacement of a value.

        Args:
            value: A value that a function uses.
            parallel: True if the function is compiled with `parallel=True`.
        """
        if value is numba.prange:
            return self.tape.prange if parallel else range
        if value is numba.pndindex:
            return self.tape.pndindex if parallel else np.ndindex
        if value is numba.get_thread_id:
            if not self.tape.counting:
                raise UnrecordableError("the kernel calls numba.get_thread_id")
            return lambda: 0
        if value is numba.get_num_threads:
            return lambda: THREADS
        if isinstance(value, numba.types.Type):
            # Calls of numba's types in a kernel have the same result as those of NumPy's types.
            return numba.np.numpy_support.as_dtype(value).type
        if isinstance(value, ModuleType):
            return ModuleView(value, self, parallel)
        home = str(getattr(value, "__module__", None) or "")
        if home.partition(".")[0] == "numpy":
            return self._adopting(value)
        if isinstance(getattr(value, "py_func", None), FunctionType):
            options = getattr(value, "targetoptions", {})
            inlined = options.get("inline", "never") != "never"
            # An inlined function is compiled with the options of its caller.
            own = bool(options.get("parallel")) or (inlined and parallel)
            return self._rebuilt(value.py_func, own)
        if isinstance(value, FunctionType) and home.partition(".")[0] != "numba":
            return self._rebuilt(value, parallel)
        return value

    def _adopting(self, value: Any) -> Any:
        """Return a wrapper of a NumPy function that records results; else the value itself."""
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
        # Stored before its names are replaced, because it may call itself.
        self._built[key] = built
        for name in _names(code):
            if name in scope:
                scope[name] = self.replaced(scope[name], parallel)
        for cell, own in zip(cells, function.__closure__ or (), strict=True):
            try:
                value = own.cell_contents
            except ValueError:  # The cell is still empty.
                continue
            cell.cell_contents = self.replaced(value, parallel)
        return built


def _names(code: CodeType) -> set[str]:
    """Return all names that a code object and its nested code objects use."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def record(kernel: Any, arguments: Sequence[Any], tape: Tape | None = None) -> Recording:
    """Run the source of a kernel and return the accesses of each iteration.

    Args:
        kernel: A kernel that numba compiled, or a plain function.
        arguments: Its arguments; the kernel may write to arrays.
        tape: Stores the accesses; None for a new tape.

    Raises:
        UnrecordableError: The source does not run under the recorder.
        Exception: The source raised it; the compiled kernel may not raise it.
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
