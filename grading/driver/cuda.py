"""What is asked of a GPU alone."""

import importlib
from typing import Any

import numba.cuda
import numpy as np

from grading.driver import simulated
from grading.driver.backends import backend
from grading.driver.calls import to_tensor
from grading.driver.family import Family
from grading.protocol.messages import Array, Request, Response

family = Family()

cuda_ops: Any = importlib.import_module("minitorch.cuda_ops")
cuda: Any = numba.cuda
simulated.prepare()


@family.operation
def available(request: Request) -> Response:
    """Return whether there is a GPU, or a simulator in its place."""
    return Response(request, plain=bool(cuda.is_available()))


@family.operation
def sum_practice(request: Request) -> Response:
    """Add up a vector block by block; return the storage of the result."""
    (vector,) = (to_tensor(array, backend("cuda")) for array in request.arrays)
    return Response(request, (_storage(cuda_ops.sum_practice(vector)),))


@family.operation
def mm_practice(request: Request) -> Response:
    """Multiply two small square matrices in one block; return the storage of the result."""
    a, b = (to_tensor(array, backend("cuda")) for array in request.arrays)
    return Response(request, (_storage(cuda_ops.mm_practice(a, b)),))


def _storage(data: Any) -> Array:
    storage = data._storage
    if hasattr(storage, "copy_to_host"):
        storage = storage.copy_to_host()
    return np.array(storage, np.float64)
