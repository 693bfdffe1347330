"""Mistakes in positions, indices, strides and broadcasting: tasks 2.1 and 2.2."""

from collections.abc import Callable, Sequence

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles import layout
from grading.diagnosis.memory import contiguous_strides, read, strides
from grading.diagnosis.mistakes import Mistake, modelled, plain, raising
from grading.protocol.messages import Array, Plain, Request, Response


def position(cause: str, wrong: Callable[[Sequence[int], Sequence[int]], int]) -> Mistake:
    """Return a mistake in the position of an index: of the index and the strides."""

    def model(request: Request) -> Response:
        return plain(request, wrong(request.options["index"], request.options["strides"]))

    return modelled(("2.1",), cause, r"layout\.position", model)


def indices(cause: str, wrong: Callable[[int, Sequence[int]], list[int]]) -> Mistake:
    """Return a mistake in the index of an ordinal: of the ordinal and the shape."""

    def model(request: Request) -> Response:
        shape = request.options["shape"]
        return plain(request, [wrong(ordinal, shape) for ordinal in range(int(np.prod(shape)))])

    return modelled(("2.1",), cause, r"layout\.indices", model)


def _undivided(ordinal: int, shape: Sequence[int]) -> list[int]:
    return [ordinal % size for size in shape]


def _without_remainder(ordinal: int, shape: Sequence[int]) -> list[int]:
    index = []
    for size in reversed(shape):
        index.append(ordinal)
        ordinal //= size
    return index[::-1]


def _with_strides_alone(ordinal: int, shape: Sequence[int]) -> list[int]:
    return [ordinal // stride for stride in layout.strides(shape)]


def permuted(cause: str, wrong: Callable[[Array, Sequence[int]], list[int]]) -> Mistake:
    """Return a mistake in the strides after permuting: of the tensor and the order."""

    def explains(finding: Finding) -> bool | None:
        request = finding.request
        if request.operation != "layout.describe" or "order" not in request.options:
            return None
        if finding.answer is None:
            return None
        (array,) = request.arrays
        steps = wrong(array, request.options["order"])
        received: Plain = finding.answer.plain
        shape = received["shape"]
        try:
            elements = [read(array, index, steps) for index in np.ndindex(*shape)]
        except IndexError:
            return False
        return bool(received["strides"] == steps and received["elements"] == elements)

    return Mistake(("2.1",), cause, explains)


def unpermuted_shape(finding: Finding) -> bool | None:
    """Return whether permuting left the shape as it was."""
    request = finding.request
    if request.operation != "layout.describe" or "order" not in request.options:
        return None
    if finding.answer is None:
        return None
    return bool(finding.answer.plain["shape"] == list(request.arrays[0].shape))


def made(cause: str, wrong: Callable[[Sequence[int]], list[int]]) -> Mistake:
    """Return a mistake in the strides of a shape."""

    def model(request: Request) -> Response:
        return plain(request, wrong(request.options["shape"]))

    return modelled(("2.1",), cause, r"layout\.strides", model)


def described(cause: str, change: Callable[[Array], Plain]) -> Mistake:
    """Return a mistake in what tensor data say of themselves."""

    def explains(finding: Finding) -> bool | None:
        if finding.request.operation != "layout.describe" or finding.answer is None:
            return None
        if "order" in finding.request.options:
            return None
        wrong = change(finding.request.arrays[0])
        return all(finding.answer.plain[key] == value for key, value in wrong.items())

    return Mistake(("2.1",), cause, explains)


def _elements(array: Array, steps: list[int]) -> list[float]:
    try:
        return [read(array, index, steps) for index in np.ndindex(*array.shape)]
    except IndexError:
        return []


def broadcast(cause: str, wrong: Callable[[Sequence[int], Sequence[int]], list[int]]) -> Mistake:
    """Return a mistake in the index that is paired: of a large index and the small shape."""

    def model(request: Request) -> Response:
        big, small = request.options["big"], request.options["small"]
        return plain(request, [wrong(index, small) for index in layout.indices(big)])

    return modelled(("2.2",), cause, r"layout\.broadcast", model)


def _from_the_left(index: Sequence[int], small: Sequence[int]) -> list[int]:
    return [0 if n == 1 else i for i, n in zip(index, small, strict=False)]


def _ones_kept(index: Sequence[int], small: Sequence[int]) -> list[int]:
    return list(index[len(index) - len(small) :])


def combined(cause: str, wrong: Callable[[list[int], list[int]], list[int] | None]) -> Mistake:
    """Return a mistake in the common shape of two tensors."""

    def model(request: Request) -> Response | None:
        shape = wrong(request.options["a"], request.options["b"])
        if shape is None:
            return None
        return plain(request, shape)

    return modelled(("2.2",), cause, r"layout\.common_shape", model)


def _lined_up_left(a: list[int], b: list[int]) -> list[int]:
    dims = max(len(a), len(b))
    pairs = zip(a + [1] * (dims - len(a)), b + [1] * (dims - len(b)), strict=True)
    return [max(m, n) for m, n in pairs]


def _refused_left(request: Request) -> bool:
    """Return whether only shapes that are lined up at the left are refused."""
    a, b = request.options["a"], request.options["b"]
    pairs = list(zip(a, b, strict=False))
    return layout.common_shape(a, b) is not None and any(
        m != n and 1 not in (m, n) for m, n in pairs
    )


def not_refused(finding: Finding) -> bool | None:
    """Return whether shapes were combined that do not go together."""
    request = finding.request
    if request.operation != "layout.common_shape":
        return None
    if layout.common_shape(request.options["a"], request.options["b"]) is not None:
        return None
    return finding.answer is not None


MISTAKES = [
    position("the index is not multiplied by the strides", lambda index, steps: sum(index)),
    position(
        "the last dimension is left out of the position",
        lambda index, steps: sum(i * s for i, s in zip(index[:-1], steps[:-1], strict=True)),
    ),
    position(
        "the first dimension is left out of the position",
        lambda index, steps: sum(i * s for i, s in zip(index[1:], steps[1:], strict=True)),
    ),
    position(
        "index and strides are added, not multiplied",
        lambda index, steps: sum(index) + sum(steps),
    ),
    position(
        "the strides are taken in reverse order",
        lambda index, steps: sum(i * s for i, s in zip(index, steps[::-1], strict=True)),
    ),
    position("only the last dimension counts", lambda index, steps: index[-1] * steps[-1]),
    indices("what is left of the ordinal is not divided by the size", _undivided),
    indices("the remainder is missing: an index grows beyond its size", _without_remainder),
    indices("each dimension divides the whole ordinal, no remainder is taken", _with_strides_alone),
    permuted("the shape is permuted, the strides are not permuted", lambda x, order: strides(x)),
    permuted(
        "permuting makes new strides for the new shape, so that the elements are in other places",
        lambda x, order: contiguous_strides([x.shape[dim] for dim in order]),
    ),
    permuted(
        "the inverse of the order is used for the strides",
        lambda x, order: [strides(x)[int(dim)] for dim in np.argsort(order)],
    ),
    Mistake(("2.1",), "permuting leaves the shape as it was", unpermuted_shape),
    made("strides are the sizes themselves", list),
    made(
        "strides grow from the left: the first dimension has stride 1",
        lambda shape: [int(np.prod(shape[:dim])) for dim in range(len(shape))],
    ),
    made(
        "a stride is multiplied by the size of its own dimension",
        lambda shape: [int(np.prod(shape[dim:])) for dim in range(len(shape))],
    ),
    described(
        "the last dimension is left out of the position",
        lambda x: {"elements": _elements(x, [*strides(x)[:-1], 0])},
    ),
    described(
        "the strides are ignored: positions are those of a contiguous tensor",
        lambda x: {"elements": _elements(x, contiguous_strides(x.shape))},
    ),
    broadcast("dimensions are lined up at the left, not at the right", _from_the_left),
    broadcast(
        "a dimension of size 1 keeps the index of the large shape; it has only index 0",
        _ones_kept,
    ),
    raising(
        ("2.2",),
        "dimensions are lined up at the left, not at the right",
        r"layout\.broadcast",
        "IndexError",
        lambda request: len(request.options["big"]) != len(request.options["small"]),
    ),
    combined("shapes are lined up at the left, not at the right", _lined_up_left),
    combined("the common shape is the first one", lambda a, b: a),
    combined("the common shape is the second one", lambda a, b: b),
    combined("the common shape is the longer one", lambda a, b: max(a, b, key=len)),
    raising(
        ("2.2",),
        "shapes are lined up at the left, not at the right",
        r"layout\.common_shape",
        "Exception",
        _refused_left,
    ),
    raising(
        ("2.2",),
        "shapes are demanded to be equal; a size of 1 stretches",
        r"layout\.common_shape",
        "Exception",
        lambda request: len(request.options["a"]) == len(request.options["b"]),
    ),
    raising(
        ("2.2",),
        "shapes with different numbers of dimensions are refused; missing ones count as 1",
        r"layout\.common_shape",
        "Exception",
        lambda request: len(request.options["a"]) != len(request.options["b"]),
    ),
    Mistake(("2.2",), "shapes that do not go together are not refused", not_refused),
]
