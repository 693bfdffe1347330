"""Calling a function of tensors on arrays, forward and backward."""

from collections.abc import Callable
from typing import Any

from grading.driver.arrays import cells_and_strides, elements
from grading.driver.backends import backend
from grading.driver.blame import own
from grading.driver.repairs import repair_templates
from grading.protocol.messages import Array, Request, Response
from minitorch.tensor import Tensor


def to_tensor(array: Array, on: Any, requires_grad: bool = False) -> Any:
    """Make a tensor with the elements and the strides of an array."""
    with own:
        cells, strides = cells_and_strides(array)
    tensor: Any = Tensor.make(cells, array.shape, strides, backend=on)
    if requires_grad:
        tensor.requires_grad_(True)
    return tensor


def to_array(tensor: Any) -> Array:
    """Read the elements of a tensor from its memory."""
    data = tensor._tensor
    return elements(data._storage, data.shape, data.strides)


def call_function(request: Request, function: Callable[..., Any]) -> Response:
    """Call a function of tensors, with the options as keywords.

    The option `backend` says where, "simple" if it is left out. With an upstream gradient, all
    operands want gradients, but for those that the option `constants` names.
    """
    options = dict(request.options)
    on = backend(options.pop("backend", "simple"))
    constants = options.pop("constants", ())
    wanted = request.upstream is not None
    tensors = [
        to_tensor(array, on, wanted and i not in constants)
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
