"""Operations that the judge times: many calls per request, on inputs that the worker stores.

`prepare` computes the inputs. The judge times `run`, from the request to the reply. The request
names the windows of the stored rows that are the operands. The reply has one number for each
result, which depends on all its elements.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from grading.driver import FAMILIES
from grading.driver.arrays import with_precision
from grading.driver.attribution import grader_code
from grading.driver.backends import backend
from grading.driver.family import Family
from grading.driver.results import ResultError, float_array, integer
from grading.driver.timed_inputs import Rows, arranged
from grading.protocol.messages import Array, Request, Response
from minitorch.tensor import Tensor

family = Family()

_prepared: dict[str, Rows] = {}


@family.operation
def prepare(request: Request) -> Response:
    """Compute the rows of numbers from a seed, and discard the previous ones."""
    options = request.options
    _prepared.clear()
    _prepared["rows"] = Rows(
        options["seed"], options["sizes"], options["results"], options["domain"]
    )
    return Response(request)


@family.operation
def run(request: Request) -> Response:
    """Call a function once for each list of starts; return the digests.

    The option `function` names it, "tensor.matmul" for example. `shapes` are the shapes of the
    operands; `permuted` is true if they are transposed in memory; `starts` are the starts of all
    operands, for each call. If `chain` is true, the first operand of a call is the result of the
    previous one, and only the last result is digested. The array of the request, if there is one,
    multiplies the first operand of the first call along its last dimension.
    """
    options = request.options
    rows, on = _prepared["rows"], backend(options["backend"])
    function = _function(options["function"])
    chain, more = options["chain"], options["more"]
    result: Any = None
    digests: list[float] = []
    with _one_thread():
        for starts in options["starts"]:
            operands = _operands(rows, options, starts, on)
            if chain and result is not None:
                operands[0] = result
            elif request.arrays:
                operands[0] = _scaled(operands[0], request.arrays[0], on)
            result = function(*operands, **more)
            if not chain:
                digests.append(rows.digest(_elements(result)))
        if chain and result is not None:
            digests.append(rows.digest(_elements(result)))
    return Response(request, plain=digests)


def _operands(rows: Rows, options: Mapping[str, Any], starts: Any, on: Any) -> list[Any]:
    operands = []
    for which, (start, shape) in enumerate(zip(starts, options["shapes"], strict=True)):
        elements = rows.operand(which, start, int(np.prod(shape)))
        operands.append(_tensor(arranged(elements, shape, options["permuted"]), on))
    return operands


def _tensor(array: Array, on: Any) -> Any:
    """Return a tensor of an array's memory; a backend that reads float32 gets a copy."""
    storage = array.reshape(-1, order="C" if array.flags.c_contiguous else "F")
    strides = tuple(stride // array.itemsize for stride in array.strides)
    return Tensor.make(with_precision(storage, on), array.shape, strides, backend=on)


def _scaled(operand: Any, factors: Array, on: Any) -> Any:
    return _tensor(_elements(operand) * factors, on)


def _elements(tensor: Any) -> Array:
    """Return the elements of a tensor without a copy.

    Raises:
        ResultError: An element lies outside the storage.
    """
    data = tensor._tensor
    storage = float_array(data._storage)
    shape = tuple(integer(size, "the shape of a tensor") for size in data.shape)
    strides = tuple(integer(stride, "the strides of a tensor") for stride in data.strides)
    last = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if min((*shape, *strides)) < 0 or last >= len(storage):
        raise ResultError(
            f"a tensor of shape {shape} and strides {strides} reaches beyond its storage of "
            f"{len(storage)} elements"
        )
    steps = tuple(stride * storage.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(storage, shape, steps, writeable=False)


def _function(name: str) -> Callable[..., Any]:
    group, _, function = name.partition(".")
    found: Callable[..., Any] = importlib.import_module(FAMILIES[group]).FUNCTIONS[function]
    return found


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run numba's parallel loops on one thread, as the NumPy baseline does."""
    numba = importlib.import_module("numba")
    numba.config.reload_config()
    with grader_code:
        before = numba.get_num_threads()
        numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)


__all__ = ["family"]
