"""Shapes, strides, positions, indices and tensor data."""

import numpy as np

from grading.driver.arrays import cells_and_strides
from grading.driver.family import Family
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
    return Response(request, plain=int(index_to_position(index, strides)))


@family.operation
def indices(request: Request) -> Response:
    """Return the index of every ordinal of a shape, written into arrays with spare cells."""
    shape = np.array(request.options["shape"], np.int64)
    found = []
    for ordinal in range(int(shape.prod())):
        index = np.full(len(shape), -1, np.int64)
        to_index(ordinal, shape, index)
        found.append(index.tolist())
    return Response(request, plain=found)


@family.operation
def broadcast(request: Request) -> Response:
    """Return the index that each index of a large shape is paired with in a small one."""
    big, small = (np.array(request.options[name], np.int64) for name in ("big", "small"))
    found = []
    for index in np.ndindex(*big.tolist()):
        out = np.full(len(small), -1, np.int64)
        broadcast_index(np.array(index, np.int64), big, small, out)
        found.append(out.tolist())
    return Response(request, plain=found)


@family.operation
def common_shape(request: Request) -> Response:
    """Return the shape of two tensors combined."""
    result = shape_broadcast(tuple(request.options["a"]), tuple(request.options["b"]))
    return Response(request, plain=list(result))


def tensor_data(request: Request) -> TensorData:
    """Make tensor data with the values and the strides of the operand."""
    array = request.arrays[0]
    cells, strides = cells_and_strides(array)
    return TensorData(cells, array.shape, strides)


@family.operation
def describe(request: Request) -> Response:
    """Describe tensor data in all ways it knows, after permuting it if an order is given."""
    data = tensor_data(request)
    if "order" in request.options:
        data = data.permute(*request.options["order"])
    listed = [tuple(int(i) for i in index) for index in data.indices()]
    storage, shape, strides = data.tuple()
    return Response(
        request,
        plain={
            "shape": list(data.shape),
            "strides": list(data.strides),
            "size": int(data.size),
            "dims": int(data.dims),
            "contiguous": bool(data.is_contiguous()),
            "indices": [list(index) for index in sorted(listed)],
            "elements": [float(data.get(index)) for index in np.ndindex(*data.shape)],
            "tuple": [len(storage), shape.tolist(), strides.tolist()],
        },
    )


@family.operation
def index(request: Request) -> Response:
    """Return the position of an index in tensor data; errors are what is looked for."""
    return Response(request, plain=int(tensor_data(request).index(tuple(request.options["index"]))))


@family.operation
def assign(request: Request) -> Response:
    """Set elements of tensor data; return its storage."""
    data = tensor_data(request)
    for key, value in request.options["assignments"]:
        data.set(tuple(key), value)
    return Response(request, (np.array(data._storage, np.float64),))


@family.operation
def strides(request: Request) -> Response:
    """Return the strides of tensor data made from a shape alone."""
    shape = tuple(request.options["shape"])
    data = TensorData(np.zeros(int(np.prod(shape))), shape)
    return Response(request, plain=list(data.strides))


@family.operation
def permute_badly(request: Request) -> Response:
    """Permute by an order that is none; an error is what is looked for."""
    permuted = tensor_data(request).permute(*request.options["order"])
    return Response(request, plain=list(permuted.shape))


__all__ = ["family"]
