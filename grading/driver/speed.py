"""Operations for the judge's clock: many in a row, on inputs that are held here, little to send.

`hold` prepares the inputs. `run` is timed by the judge, from the request to the reply: it names
the windows into the held rows that are the operands, calls the submission, and replies with one
number for each result, which depends on all of its elements.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from grading.driver import FAMILIES
from grading.driver.answers import AnswerError, cells, integer
from grading.driver.backends import backend
from grading.driver.blame import own
from grading.driver.family import Family
from grading.driver.held import Rows, arranged
from grading.protocol.messages import Array, Request, Response
from minitorch.tensor import Tensor

family = Family()

_held: dict[str, Rows] = {}


@family.operation
def hold(request: Request) -> Response:
    """Compute the rows from a seed, and forget all others."""
    options = request.options
    _held.clear()
    _held["rows"] = Rows(options["seed"], options["sizes"], options["results"], options["domain"])
    return Response(request)


@family.operation
def run(request: Request) -> Response:
    """Call a function once for each list of starts; return the digests.

    The option `function` names it, "tensor.matmul" for example; `shapes` are those of the
    operands, `permuted` whether they lie transposed in memory, `starts` where each operand
    starts, call by call. If the calls are a `chain`, the first operand of a call is the result of
    the one before, and only the last result is digested. The operand, if one is sent along,
    multiplies the first operand of the first call, along its last dimension.
    """
    options = request.options
    rows, on = _held["rows"], backend(options["backend"])
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
        cells = rows.operand(which, start, int(np.prod(shape)))
        operands.append(_tensor(arranged(cells, shape, options["permuted"]), on))
    return operands


def _tensor(array: Array, on: Any) -> Any:
    """Make a tensor of an array's own memory."""
    cells = array.reshape(-1, order="C" if array.flags.c_contiguous else "F")
    strides = tuple(stride // array.itemsize for stride in array.strides)
    return Tensor.make(cells, array.shape, strides, backend=on)


def _scaled(operand: Any, factors: Array, on: Any) -> Any:
    return _tensor(_elements(operand) * factors, on)


def _elements(tensor: Any) -> Array:
    """Read a tensor without a copy.

    Raises:
        AnswerError: An element lies outside of the storage.
    """
    data = tensor._tensor
    storage = cells(data._storage)
    shape = tuple(integer(size, "the shape of a tensor") for size in data.shape)
    strides = tuple(integer(stride, "the strides of a tensor") for stride in data.strides)
    last = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if min((*shape, *strides)) < 0 or last >= len(storage):
        raise AnswerError(
            f"a tensor of shape {shape} and strides {strides} reaches beyond its storage of "
            f"{len(storage)} cells"
        )
    steps = tuple(stride * storage.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(storage, shape, steps, writeable=False)


def _function(name: str) -> Callable[..., Any]:
    group, _, function = name.partition(".")
    found: Callable[..., Any] = importlib.import_module(FAMILIES[group]).FUNCTIONS[function]
    return found


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let numba's parallel loops run on one thread, as the baseline does."""
    numba = importlib.import_module("numba")
    numba.config.reload_config()
    with own:
        before = numba.get_num_threads()
        numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)


__all__ = ["family"]
