"""Right positions, indices and broadcasting: tasks 2.1 and 2.2."""

import itertools
import math

from grading.diagnosis.derived.solution import Solution
from grading.diagnosis.derived.solutions.memory import Shape, Strides
from grading.diagnosis.layout import UNWRITTEN
from grading.diagnosis.mistakes import plain
from grading.protocol.messages import Request, Response


def index_to_position(index: list[int], strides: Strides) -> int:
    """Return the position in memory."""
    position = 0  # the start of the position
    for dim in range(len(strides)):  # the loop over the dimensions
        position += index[dim] * strides[dim]  # the sum of the products
    return position


def to_index(ordinal: int, shape: Shape, out_index: list[int]) -> None:
    """Write the index of an ordinal."""
    rest = ordinal  # the start of the rest
    for dim in range(len(shape) - 1, -1, -1):  # the loop over the dimensions
        out_index[dim] = rest % shape[dim]  # the index in a dimension
        rest = rest // shape[dim]  # the rest of the ordinal


def broadcast_index(
    big_index: list[int], big_shape: Shape, shape: Shape, out_index: list[int]
) -> None:
    """Write the index into a small shape."""
    lead = len(big_shape) - len(shape)  # the offset of the dimensions
    for dim in range(len(shape)):  # the loop over the dimensions
        if shape[dim] > 1:  # the test if a dimension is broadcast
            out_index[dim] = big_index[lead + dim]  # the index in a dimension
        else:
            out_index[dim] = 0  # the index in a dimension of size 1


def shape_broadcast(a: Shape, b: Shape) -> Shape:
    """Return the common shape of two shapes without sizes of 0.

    Raises:
        IndexingError: The shapes do not fit.
    """
    dims = max(len(a), len(b))  # the number of dimensions
    shape = [1] * dims  # the start of the common shape
    for dim in range(1, dims + 1):  # the loop over the dimensions
        m = a[-dim] if dim <= len(a) else 1  # the size in the first shape
        n = b[-dim] if dim <= len(b) else 1  # the size in the second shape
        if m != n and m != 1 and n != 1:  # the test if two sizes fit
            raise IndexingError("the shapes do not fit")
        shape[-dim] = max(m, n)  # the common size
    return shape


def shape_broadcast_by_choice(a: Shape, b: Shape) -> Shape:
    """Return the common shape of two shapes, each size chosen by a test for 1.

    Raises:
        IndexingError: The shapes do not fit.
    """
    dims = max(len(a), len(b))  # the number of dimensions
    shape = [1] * dims  # the start of the common shape
    for dim in range(1, dims + 1):  # the loop over the dimensions
        m = a[-dim] if dim <= len(a) else 1  # the size in the first shape
        n = b[-dim] if dim <= len(b) else 1  # the size in the second shape
        if m != n and m != 1 and n != 1:  # the test if two sizes fit
            raise IndexingError("the shapes do not fit")
        shape[-dim] = n if m == 1 else m  # the common size
    return shape


class IndexingError(IndexError):
    """The exception of the course for a wrong index."""


def permute(shape: Shape, order: list[int]) -> Shape:
    """Return a shape with its dimensions in an order.

    Raises:
        IndexingError: The order is not a permutation.
    """
    if sorted(order) != list(range(len(shape))):  # the test of the order in `permute`
        raise IndexingError("the order is not a permutation")
    return [shape[dim] for dim in order]


def respond_to_position(request: Request) -> Response | None:
    """Return the position of an index."""
    return plain(request, index_to_position(request.options["index"], request.options["strides"]))


def respond_to_indices(request: Request) -> Response | None:
    """Return the index of every ordinal."""
    shape = list(request.options["shape"])
    found = []
    for ordinal in range(math.prod(shape)):
        index = [UNWRITTEN] * len(shape)
        to_index(ordinal, shape, index)
        found.append(index)
    return plain(request, found)


def respond_to_broadcast(request: Request) -> Response | None:
    """Return the index into the small shape for every index of the large one."""
    big, small = list(request.options["big"]), list(request.options["small"])
    found = []
    for index in itertools.product(*map(range, big)):
        out_index = [UNWRITTEN] * len(small)
        broadcast_index(list(index), big, small, out_index)
        found.append(out_index)
    return plain(request, found)


def respond_to_common_shape(request: Request) -> Response | None:
    """Return the common shape."""
    return plain(request, shape_broadcast(list(request.options["a"]), list(request.options["b"])))


def respond_to_chosen_shape(request: Request) -> Response | None:
    """Return the common shape, computed by choice."""
    a, b = list(request.options["a"]), list(request.options["b"])
    return plain(request, shape_broadcast_by_choice(a, b))


def respond_to_permutation(request: Request) -> Response | None:
    """Return the shape after a wrong permutation; for a right one, predict only an exception."""
    if "order" not in request.options:
        return None
    found = permute(list(request.arrays[0].shape), list(request.options["order"]))
    return plain(request, found) if request.operation == "layout.permute_badly" else None


SOLUTIONS = (
    Solution(("2.1",), r"layout\.position", respond_to_position, (index_to_position,)),
    Solution(("2.1",), r"layout\.indices", respond_to_indices, (to_index,)),
    Solution(
        ("2.1",),
        r"layout\.(describe|write_and_permute|permute_badly)",
        respond_to_permutation,
        (permute,),
    ),
    Solution(("2.2",), r"layout\.broadcast", respond_to_broadcast, (broadcast_index,)),
    Solution(
        ("2.2",), r"layout\.common_shape", respond_to_common_shape, (shape_broadcast,), strict=True
    ),
    Solution(
        ("2.2",),
        r"layout\.common_shape",
        respond_to_chosen_shape,
        (shape_broadcast_by_choice,),
        strict=True,
    ),
)
"""Right solutions of the functions of shapes."""
