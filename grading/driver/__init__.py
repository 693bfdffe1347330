"""The driver: performs the requests of checks in the process of the code under test.

The driver is the only part of `grading` that imports `minitorch`. It converts arrays to tensors,
calls the submission, and converts the results to arrays and plain values. It contains no expected
results and does not judge.

Each family of operations is a separate module, imported with its first request. So a submission
that lacks a file can still answer requests that do not need it.
"""

import ast
import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path

from grading.driver.attribution import Options, forget, submission_code
from grading.driver.family import Family
from grading.driver.stand_ins import stand_ins
from grading.protocol.messages import Request, Response

FAMILIES = {
    "autodiff": "grading.driver.autodiff",
    "correction": "grading.driver.correction",
    "cuda": "grading.driver.cuda",
    "datasets": "grading.driver.datasets",
    "distributed": "grading.driver.distributed",
    "kernel": "grading.driver.kernels",
    "layout": "grading.driver.layout",
    "learn": "grading.driver.learn",
    "learners_tests": "grading.driver.learners_tests",
    "module": "grading.driver.modules",
    "nn": "grading.driver.nn",
    "operators": "grading.driver.operators",
    "repairs": "grading.driver.repairs",
    "scalar": "grading.driver.scalars",
    "source": "grading.driver.programs",
    "speed": "grading.driver.speed",
    "tensor": "grading.driver.tensors",
    "transformer": "grading.driver.transformer",
}
"""Modules with the handlers of operations, by the first part of an operation's name."""


def perform(
    request: Request, importing: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Response:
    """Perform a request.

    Args:
        request: The request.
        importing: Returns a context manager for the imports of the submission.

    Raises:
        KeyError: There is no such operation.
        Exception: The code under test raised it.
    """
    forget()
    name, _, operation = request.operation.partition(".")
    module = FAMILIES[name]
    with importing(), submission_code:
        _import_package()
        family: Family = importlib.import_module(module).family
    return family.perform(operation, replace(request, options=Options(request.options)))


@cache
def _import_package() -> None:
    """Import the submission's package, or the part of it that can be imported.

    Its `__init__` imports every file. If one file is missing or fails, the others are still
    imported, and only requests that need that file fail.
    """
    with stand_ins():
        try:
            importlib.import_module("minitorch")
        except Exception:
            _import_in_parts()


def _import_in_parts() -> None:
    """Run `__init__` statement by statement, and skip statements that fail."""
    for name in [name for name in sys.modules if name.startswith("minitorch.")]:
        # These modules refer to the package object whose import failed.
        del sys.modules[name]
    with contextlib.suppress(Exception):
        spec = importlib.util.find_spec("minitorch")
        assert spec is not None and spec.origin is not None
        package = sys.modules["minitorch"] = importlib.util.module_from_spec(spec)
        for statement in ast.parse(Path(spec.origin).read_bytes()).body:
            code = compile(ast.Module([statement], []), spec.origin, "exec")
            with contextlib.suppress(Exception):
                exec(code, vars(package))
