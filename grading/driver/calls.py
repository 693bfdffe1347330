"""Calls of tensor functions on arrays, forward and backward."""

from collections.abc import Callable
from typing import Any

from grading.driver.arrays import storage_and_strides, to_array, with_precision
from grading.driver.attribution import grader_code
from grading.driver.backends import backend
from grading.driver.repairs import repair_templates
from grading.protocol.messages import Array, Request, Response
from minitorch.tensor import Tensor


def to_tensor(array: Array, on: Any, requires_grad: bool = False) -> Any:
    """Return a tensor with the elements and the strides of an array."""
    with grader_code:
        storage, strides = storage_and_strides(array)
        storage = with_precision(storage, on)
    tensor: Any = Tensor.make(storage, array.shape, strides, backend=on)
    if requires_grad:
        tensor.requires_grad_(True)
    return tensor


def call_function(request: Request, function: Callable[..., Any]) -> Response:
    """Call a tensor function, with the options as keyword arguments.

    The option `backend` names the backend, "simple" by default. With an upstream gradient, all
    operands need gradients, except those whose numbers are in the option `constants`.
    """
    options = dict(request.options)
    on = backend(options.pop("backend", "simple"))
    constants = options.pop("constants", ())
    differentiate = request.upstream is not None
    tensors = [
        to_tensor(array, on, differentiate and i not in constants)
        for i, array in enumerate(request.arrays)
    ]
    result = function(*tensors, **options)
    arrays = (to_array(result),)
    if request.upstream is None:
        return Response(request, arrays)
    repair_templates(on)
    result.backward(to_tensor(request.upstream, on))
    gradients = tuple(None if t.grad is None else to_array(t.grad) for t in tensors)
    return Response(request, arrays, gradients)
