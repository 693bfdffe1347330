"""Shapes, strides, positions, indices and tensor data."""

import numpy as np

from grading.driver.arrays import elements, storage_and_strides
from grading.driver.family import Family
from grading.driver.results import (
    IndexBuffer,
    ResultError,
    float_array,
    integer,
    integers,
    number,
    truth,
)
from grading.protocol.messages import Request, Response
from minitorch.tensor_data import (
    TensorData,
    broadcast_index,
    index_to_position,
    shape_broadcast,
    to_index,
)

family = Family()


@family.operation
def position(request: Request) -> Response:
    """Return the position of an index."""
    index, strides = (np.array(request.options[name], np.int64) for name in ("index", "strides"))
    return Response(
        request, plain=integer(index_to_position(index, strides), "`index_to_position`")
    )


@family.operation
def indices(request: Request) -> Response:
    """Return the index of every ordinal of a shape."""
    shape = np.array(request.options["shape"], np.int64)
    found = []
    for ordinal in range(int(shape.prod())):
        index = IndexBuffer.of(len(shape))
        to_index(ordinal, shape, index)
        found.append(index.tolist())
    return Response(request, plain=found)


@family.operation
def broadcast(request: Request) -> Response:
    """Return, for each index of a large shape, the broadcast index into a small one."""
    big, small = (np.array(request.options[name], np.int64) for name in ("big", "small"))
    found = []
    for index in np.ndindex(*big.tolist()):
        out = IndexBuffer.of(len(small))
        broadcast_index(np.array(index, np.int64), big, small, out)
        found.append(out.tolist())
    return Response(request, plain=found)


@family.operation
def common_shape(request: Request) -> Response:
    """Return the broadcast shape of two shapes."""
    result = shape_broadcast(tuple(request.options["a"]), tuple(request.options["b"]))
    if not isinstance(result, tuple):
        kind = type(result).__name__
        raise ResultError(f"`shape_broadcast` returned {kind}, expected a tuple")
    return Response(request, plain=integers(result, "`shape_broadcast`"))


def tensor_data(request: Request) -> TensorData:
    """Return tensor data with the elements and the strides of the operand."""
    array = request.arrays[0]
    storage, strides = storage_and_strides(array)
    return TensorData(storage, array.shape, strides)


@family.operation
def describe(request: Request) -> Response:
    """Return all properties of tensor data, permuted first if the options have an order."""
    data = tensor_data(request)
    if "order" in request.options:
        data = data.permute(*request.options["order"])
    listed = [tuple(integers(index, "`indices`")) for index in data.indices()]
    storage, shape, strides = data.tuple()
    return Response(
        request,
        plain={
            "shape": integers(data.shape, "the shape"),
            "strides": integers(data.strides, "the strides"),
            "size": integer(data.size, "the size"),
            "dims": integer(data.dims, "`dims`"),
            "contiguous": truth(data.is_contiguous(), "`is_contiguous`"),
            "indices": [list(index) for index in sorted(listed)],
            "elements": [number(data.get(index), "`get`") for index in np.ndindex(*data.shape)],
            "tuple": [len(storage), integers(shape), integers(strides)],
        },
    )


@family.operation
def index(request: Request) -> Response:
    """Return the position of an index in tensor data; the checks expect errors."""
    found = tensor_data(request).index(tuple(request.options["index"]))
    return Response(request, plain=integer(found, "`index`"))


@family.operation
def assign(request: Request) -> Response:
    """Set elements of tensor data; return its storage."""
    data = tensor_data(request)
    for key, value in request.options["assignments"]:
        data.set(tuple(key), value)
    return Response(request, (float_array(data._storage).copy(),))


@family.operation
def strides(request: Request) -> Response:
    """Return the strides of tensor data that is created from a shape alone."""
    shape = tuple(request.options["shape"])
    data = TensorData(np.zeros(int(np.prod(shape))), shape)
    return Response(request, plain=integers(data.strides, "the strides"))


@family.operation
def write_and_permute(request: Request) -> Response:
    """Permute tensor data, add 100 to each element of its storage; return the permuted elements.

    The driver reads them from the storage of the permuted data, to see if both share memory.
    """
    data = tensor_data(request)
    permuted = data.permute(*request.options["order"])
    data._storage[:] = data._storage + 100.0
    return Response(request, (elements(permuted._storage, permuted.shape, permuted.strides),))


@family.operation
def permute_badly(request: Request) -> Response:
    """Permute by an invalid order; the checks expect an error."""
    permuted = tensor_data(request).permute(*request.options["order"])
    return Response(request, plain=integers(permuted.shape, "the shape"))


__all__ = ["family"]
