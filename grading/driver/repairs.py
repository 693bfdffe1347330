"""Faults that a submission has inherited from the course's own template, and their repair.

A check of a learner's function must not fail for what was given. A function is repaired only where
it shows the fault, and what was repaired is told on request, as `repairs.told`; what there is to
say about it, the judge knows.
"""

import importlib
from typing import Any

import numpy as np

from grading.driver import editions
from grading.driver.arrays import cells_and_strides, elements
from grading.driver.family import Family
from grading.protocol.messages import Array, Request, Response

family = Family()

_told: list[str] = []
_looked_at: list[Any] = []


@family.operation
def told(request: Request) -> Response:
    """Return the names of the functions that were repaired."""
    return Response(request, plain=list(_told))


def repair_templates(backend: Any) -> None:
    """Look for the faults of the functions of a backend once, and repair what shows them."""
    view = editions.view_function(backend)
    if any(view is each for each in _looked_at):
        return
    _looked_at.append(view)
    if _has_template():
        _repair_view(view, backend)


def _has_template() -> bool:
    """Return whether the course's template is given: in this repository's layout nothing is."""
    try:
        importlib.import_module("mt_tensor")
    except ImportError:
        return True
    return False


def repair_reduce(loops: Any) -> None:
    """Let the reduction of a class of loops go on until one element of the dimension is left.

    The course's template stops after one round, in which a block folds at most 1024 elements.
    """
    if not _has_template():
        return
    given = loops.reduce

    def reduce(fn: Any, start: float = 0.0) -> Any:
        once = given(fn, start)

        def whole(a: Any, dim: int) -> Any:
            out, length = once(a, dim), a.shape[dim]
            while 1 < out.shape[dim] < length:
                if "CudaOps.reduce" not in _told:
                    _told.append("CudaOps.reduce")
                out, length = once(out, dim), out.shape[dim]
            return out

        return whole

    loops.reduce = staticmethod(reduce)


def _repair_view(view: Any, backend: Any) -> None:
    """Hand View.backward a contiguous gradient, if it is right for no other one."""
    given = view.backward
    if not _view_is_right(backend, contiguous=True) or _view_is_right(backend, contiguous=False):
        return

    def backward(ctx: Any, grad_output: Any) -> Any:
        return given(ctx, _contiguous(grad_output))

    view.backward = staticmethod(backward)
    if not _view_is_right(backend, contiguous=False):
        view.backward = staticmethod(given)
    elif "View.backward" not in _told:
        _told.append("View.backward")


def _view_is_right(backend: Any, contiguous: bool) -> bool:
    """Return whether a view hands a gradient of some layout back element by element."""
    tensors = importlib.import_module("minitorch.tensor")
    gradient = np.arange(6.0).reshape(2, 3) if contiguous else np.arange(6.0).reshape(3, 2).T
    try:
        x = tensors.Tensor.make(np.zeros(6), (6,), backend=backend)
        x.requires_grad_(True)
        cells, strides = cells_and_strides(gradient)
        x.view(2, 3).backward(tensors.Tensor.make(cells, (2, 3), strides, backend=backend))
        return bool(np.array_equal(_read(x.grad), gradient.reshape(-1)))
    except Exception:
        # Whatever is wrong, a check of the learner's own functions will say it better.
        return False


def _read(tensor: Any) -> Array:
    data = tensor._tensor
    return elements(data._storage, data.shape, data.strides)


def _contiguous(tensor: Any) -> Any:
    """Return a tensor in row-major order, made without any function of the submission."""
    array = np.ascontiguousarray(_read(tensor))
    return type(tensor).make(array.reshape(-1).copy(), array.shape, backend=tensor.backend)
