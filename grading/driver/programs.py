"""Runs of kernels from their texts under the recorder, in a process without a submission.

A request contains the functions that the judge has read in a submission's sources, and the values
of their names. This process imports no code of the submission, so the submission cannot replace
anything in it.
"""

import __future__

import builtins
import math
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numba as _numba
import numpy as np

from grading.driver.counting import index_calls
from grading.driver.family import Family
from grading.driver.kernels import GUARD, Guarded, arguments
from grading.driver.recording import Tape
from grading.driver.sources import record
from grading.protocol.messages import Request, Response

family = Family()

numba: Any = _numba

LIBRARIES: dict[str, Any] = {"builtins": builtins, "math": math, "numba": numba, "numpy": np}

FORMULAS: dict[str, Callable[..., float]] = {
    "neg": lambda x: -x,
    "mul": lambda x, y: x * y,
    "add": lambda x, y: x + y,
}
"""Scalar functions that kernels use."""


class Compiled:
    """A function that numba would compile, with its options."""

    def __init__(self, function: FunctionType, options: dict[str, Any]) -> None:
        self.py_func = function
        self.targetoptions = options


@family.operation
def accesses(request: Request) -> Response:
    """Run a kernel and record the accesses of each iteration of its `prange` loops.

    The first array is the output before the call, the others are the operands. Options:

    - `functions`: the kernel and all functions that it calls (`Program.plain`);
    - `fn`: the scalar function of the kernel, if it takes one;
    - `kernel`: the name of the kernel;
    - `more`: the arguments after the storages.

    Returns:
        The output, and the rows of `Recording.accesses`; as plain values, the recorded loops and
        arrays.

    Shape:
        output (...) → (...), (any, 5).
    """
    out, tape = _run(request, Tape())
    found = tape.recording()
    plain = {
        "loops": [list(loop) for loop in found.loops],
        "arrays": [list(array) for array in found.arrays],
    }
    return Response(request, (out.elements(), found.accesses), plain=plain)


@family.operation
def work(request: Request) -> Response:
    """Run a kernel and count the accesses of each iteration of its `prange` loops.

    The arrays and options are those of `accesses`.

    Returns:
        The output; rows of loop, iteration and number of accesses; and the positions of the output
        that iterations write. As a plain value, the number of accesses outside the loops.

    Shape:
        output (...) → (...), (any, 3), (any,).
    """
    out, tape = _run(request, Tape(counting=True))
    rows = np.array([(*key, count) for key, count in tape.work.items()], np.int64)
    written = np.array(sorted(tape.written), np.int64)
    return Response(
        request, (out.elements(), rows.reshape(-1, 3), written), plain=tape.work_outside
    )


@family.operation
def indexing(request: Request) -> Response:
    """Run a kernel and count its index computations.

    The arrays and options are those of `accesses`.

    Returns:
        The output, and the number as a plain value.
    """
    kernel, out, values = _call(request)
    calls = index_calls(kernel, values)
    return Response(request, (out.elements(),), plain=calls)


def _run(request: Request, tape: Tape) -> tuple[Guarded, Tape]:
    kernel, out, values = _call(request)
    record(kernel, values, tape)
    return out, tape


def _call(request: Request) -> tuple[Any, Guarded, list[Any]]:
    """Return a kernel, its output, and its arguments."""
    options = request.options
    out = Guarded(request.arrays[0], GUARD)
    operands = [Guarded(array, np.nan) for array in request.arrays[1:]]
    kernel = _built(options["functions"], options.get("fn"))
    return kernel, out, arguments(options, out, operands)


def _built(functions: Sequence[dict[str, Any]], fn: str | None) -> Any:
    """Compile the functions and connect their names; return the first, which is the kernel."""
    flags = __future__.annotations.compiler_flag
    made: list[Any] = []
    scopes: list[dict[str, Any]] = []
    for each in functions:
        scope: dict[str, Any] = {"__builtins__": {}}
        exec(compile(each["text"], each["file"], "exec", flags=flags, dont_inherit=True), scope)
        function = scope.pop(each["name"] or "kernel_of_one_line")
        scopes.append(function.__globals__)
        made.append(function if each["options"] is None else Compiled(function, each["options"]))
    for each, scope in zip(functions, scopes, strict=True):
        scope.update(
            {n: _value(kind, content, made, fn) for n, (kind, content) in each["names"].items()}
        )
    return made[0]


def _value(kind: str, content: Any, made: Sequence[Any], fn: str | None) -> Any:
    if kind == "function":
        return made[content]
    if kind == "formula":
        return FORMULAS[fn or ""]
    if kind == "constant":
        return tuple(content) if isinstance(content, list) else content
    top, *rest = content.split(".")
    value = LIBRARIES[top]
    for part in rest:
        value = getattr(value, part)
    return value
