"""What runs beside the code under test and does what the checks ask for.

The driver is the only part of `grading` that imports `minitorch`. It turns arrays into tensors,
calls the submission, and turns what comes back into arrays and plain values. It judges nothing and
knows no right answer.

Each family of operations is a module of its own, imported when it is first asked for, so that a
submission that lacks a file answers everything that needs none.
"""

import contextlib
import importlib
from functools import cache

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
    """Answer a request.

    Raises:
        KeyError: There is no such operation.
        Exception: Whatever the code under test raises.
    """
    _import_package()
    name, _, operation = request.operation.partition(".")
    family: Family = importlib.import_module(FAMILIES[name]).family
    return family.perform(operation, request)


@cache
def _import_package() -> None:
    """Import the submission's package, as far as it goes.

    Its `__init__` imports every file. Where one of a later task fails, those before it are there
    by their own names all the same, and only who asks for the others hears of it.
    """
    with contextlib.suppress(Exception):
        importlib.import_module("minitorch")
