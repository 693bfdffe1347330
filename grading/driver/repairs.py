"""Repairs of faults that a submission has from the course's own template.

A check of a learner's function must not fail because of code that the template provides. A function
is repaired only if it has the fault. `repairs.repaired` returns the names of the repaired
functions, and the judge explains them in its report.
"""

import importlib
from typing import Any

import numpy as np

from grading.driver import editions
from grading.driver.arrays import storage_and_strides, to_array, with_precision
from grading.driver.family import Family
from grading.protocol.messages import Request, Response

family = Family()

_repaired: list[str] = []
_checked: list[Any] = []


@family.operation
def repaired(request: Request) -> Response:
    """Return the names of the functions that were repaired."""
    return Response(request, plain=list(_repaired))


def repair_templates(backend: Any) -> None:
    """Check the functions of a backend once, and repair those with a fault."""
    view = editions.view_function(backend)
    if any(view is each for each in _checked):
        return
    _checked.append(view)
    if _has_template():
        _repair_view(view, backend)


def _has_template() -> bool:
    """Return whether the submission uses the course's template, unlike this repository's layout."""
    try:
        importlib.import_module("mt_tensor")
    except ImportError:
        return True
    return False


def repair_reduce(loops: Any) -> None:
    """Repeat the reduction of a class of loops until one element of the dimension is left.

    The course's template stops after one round, in which a block reduces at most 1024 elements.
    """
    if not _has_template():
        return
    original = loops.reduce

    def reduce(fn: Any, start: float = 0.0) -> Any:
        reduce_once = original(fn, start)

        def reduce_completely(a: Any, dim: int) -> Any:
            out, length = reduce_once(a, dim), a.shape[dim]
            while 1 < out.shape[dim] < length:
                if "CudaOps.reduce" not in _repaired:
                    _repaired.append("CudaOps.reduce")
                out, length = reduce_once(out, dim), out.shape[dim]
            return out

        return reduce_completely

    loops.reduce = staticmethod(reduce)


def _repair_view(view: Any, backend: Any) -> None:
    """Pass a contiguous gradient to View.backward, if it is right only for contiguous ones."""
    original = view.backward
    if not _view_is_right(backend, contiguous=True) or _view_is_right(backend, contiguous=False):
        return

    def backward(ctx: Any, grad_output: Any) -> Any:
        return original(ctx, _contiguous(grad_output))

    view.backward = staticmethod(backward)
    if not _view_is_right(backend, contiguous=False):
        view.backward = staticmethod(original)
    elif "View.backward" not in _repaired:
        _repaired.append("View.backward")


def _view_is_right(backend: Any, contiguous: bool) -> bool:
    """Return whether the gradient of a view has the right elements.

    Args:
        backend: The backend of the tensors.
        contiguous: True to test a contiguous upstream gradient, False for a transposed one.
    """
    tensors = importlib.import_module("minitorch.tensor")
    gradient = np.arange(6.0).reshape(2, 3) if contiguous else np.arange(6.0).reshape(3, 2).T
    try:
        x = tensors.Tensor.make(with_precision(np.zeros(6), backend), (6,), backend=backend)
        x.requires_grad_(True)
        storage, strides = storage_and_strides(gradient)
        storage = with_precision(storage, backend)
        x.view(2, 3).backward(tensors.Tensor.make(storage, (2, 3), strides, backend=backend))
        return bool(np.array_equal(to_array(x.grad), gradient.reshape(-1)))
    except Exception:
        # The checks of the learner's own functions report this error.
        return False


def _contiguous(tensor: Any) -> Any:
    """Return a row-major copy of a tensor, without using the submission's functions on it."""
    array = np.ascontiguousarray(to_array(tensor))
    storage = with_precision(array.reshape(-1).copy(), tensor.backend)
    return type(tensor).make(storage, array.shape, backend=tensor.backend)
