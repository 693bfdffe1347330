"""Operations for the GPU tasks."""

import importlib
from typing import Any

import numba.cuda

from grading.driver import simulated
from grading.driver.backends import backend
from grading.driver.calls import to_tensor
from grading.driver.family import Family
from grading.driver.results import float_array
from grading.protocol.messages import Array, Request, Response

family = Family()

cuda_ops: Any = importlib.import_module("minitorch.cuda_ops")
cuda: Any = numba.cuda
simulated.prepare()


@family.operation
def available(request: Request) -> Response:
    """Return whether there is a GPU or a simulated one."""
    return Response(request, plain=bool(cuda.is_available()))


@family.operation
def sum_practice(request: Request) -> Response:
    """Sum a vector block by block; return the storage of the result.

    With the option `lockstep`, the threads of a warp need no barrier on the simulator.
    """
    (vector,) = (to_tensor(array, backend("cuda")) for array in request.arrays)

    def call() -> Any:
        return cuda_ops.sum_practice(vector)

    result = simulated.in_lockstep(call) if request.options.get("lockstep") else call()
    return Response(request, (_storage(result),))


@family.operation
def defines(request: Request) -> Response:
    """Return whether a file of the submission defines a name."""
    file: Any = importlib.import_module(f"minitorch.{request.options['file']}")
    return Response(request, plain=hasattr(file, request.options["name"]))


@family.operation
def mm_practice(request: Request) -> Response:
    """Multiply two small square matrices in one block; return the storage of the result."""
    a, b = (to_tensor(array, backend("cuda")) for array in request.arrays)
    return Response(request, (_storage(cuda_ops.mm_practice(a, b)),))


def _storage(data: Any) -> Array:
    return float_array(data._storage).copy()
