"""What runs beside the code under test and does what the checks ask for.

The driver is the only part of `grading` that imports `minitorch`. It turns arrays into tensors,
calls the submission, and turns what comes back into arrays and plain values. It judges nothing and
knows no right answer.

Each family of operations is a module of its own, imported when it is first asked for, so that a
submission that lacks a file answers everything that needs none.
"""

import ast
import contextlib
import importlib
import importlib.util
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

from grading.driver.blame import Options, forget, into
from grading.driver.family import Family
from grading.protocol.messages import Request, Response

FAMILIES = {
    "autodiff": "grading.driver.autodiff",
    "cuda": "grading.driver.cuda",
    "datasets": "grading.driver.datasets",
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
}
"""The modules that answer, by the first part of an operation's name."""


def perform(request: Request) -> Response:
    """Response a request.

    Raises:
        KeyError: There is no such operation.
        Exception: Whatever the code under test raises.
    """
    forget()
    name, _, operation = request.operation.partition(".")
    module = FAMILIES[name]
    with into:
        _import_package()
        family: Family = importlib.import_module(module).family
    return family.perform(operation, replace(request, options=Options(request.options)))


@cache
def _import_package() -> None:
    """Import the submission's package, as far as it goes.

    Its `__init__` imports every file. Where one of them is absent or fails, the others are there
    all the same, and only who asks for that one hears of it.
    """
    try:
        importlib.import_module("minitorch")
    except Exception:
        _import_in_parts()


def _import_in_parts() -> None:
    """Run `__init__` statement by statement, and leave out those that fail."""
    for name in [name for name in sys.modules if name.startswith("minitorch.")]:
        # They have kept the package that could not be imported.
        del sys.modules[name]
    with contextlib.suppress(Exception):
        spec = importlib.util.find_spec("minitorch")
        assert spec is not None and spec.origin is not None
        package = sys.modules["minitorch"] = importlib.util.module_from_spec(spec)
        for statement in ast.parse(Path(spec.origin).read_bytes()).body:
            code = compile(ast.Module([statement], []), spec.origin, "exec")
            with contextlib.suppress(Exception):
                exec(code, vars(package))
