"""Mistakes in positions, indices, strides and broadcasting: tasks 2.1 and 2.2."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles import layout
from grading.diagnosis.memory import contiguous_strides, paired, read, strides
from grading.diagnosis.mistakes import Mistake, modelled, plain, raising
from grading.protocol.messages import Array, Plain, Request, Response

UNWRITTEN = -1
"""Value of the elements of an index before the call."""


def position(cause: str, wrong: Callable[[Sequence[int], Sequence[int]], int]) -> Mistake:
    """Return a mistake in the position in memory; `wrong` gets the index and the strides."""

    def model(request: Request) -> Response:
        return plain(request, wrong(request.options["index"], request.options["strides"]))

    return modelled(("2.1",), cause, r"layout\.position", model)


def indices(cause: str, wrong: Callable[[int, Sequence[int]], list[int]]) -> Mistake:
    """Return a mistake in the index of an ordinal; `wrong` gets the ordinal and the shape."""

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


def _with_sizes(ordinal: int, shape: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """Return the index if other sizes divide the ordinal than the remainders belong to."""
    index = []
    for size, divisor in zip(reversed(shape), reversed(sizes), strict=True):
        index.append(ordinal % size)
        ordinal //= divisor
    return index[::-1]


def _unwritten(dim: int, ordinal: int, shape: Sequence[int]) -> list[int]:
    """Return the index with a dimension that keeps the value of the buffer."""
    index = [int(i) for i in np.unravel_index(ordinal, shape)]
    if index:
        index[dim] = UNWRITTEN
    return index


def _quotient_and_remainder_exchanged(ordinal: int, shape: Sequence[int]) -> list[int]:
    index = []
    for size in reversed(shape):
        index.append(ordinal // size)
        ordinal %= size
    return index[::-1]


def _with_sizes_of_neighbours(by: int, ordinal: int, shape: Sequence[int]) -> list[int]:
    return _with_sizes(ordinal, shape, np.roll(shape, by).tolist())


def _with_strides_alone(ordinal: int, shape: Sequence[int]) -> list[int]:
    return [ordinal // stride for stride in layout.strides(shape)]


def permuted(cause: str, wrong: Callable[[Array, Sequence[int]], list[int]]) -> Mistake:
    """Return a mistake in the strides after permuting; `wrong` gets the tensor and the order."""

    def explains(finding: Finding) -> bool | None:
        request = finding.request
        if request.operation != "layout.describe" or "order" not in request.options:
            return None
        (array,) = request.arrays
        order = request.options["order"]
        steps = wrong(array, order)
        received: Plain = None if finding.response is None else finding.response.plain
        shape = [array.shape[dim] for dim in order] if received is None else received["shape"]
        try:
            elements = [read(array, index, steps) for index in np.ndindex(*shape)]
        except IndexError:
            return "IndexError" in finding.kinds
        if received is None:
            return None
        return bool(received["strides"] == steps and received["elements"] == elements)

    return Mistake(("2.1",), cause, explains, predicts=True)


def reordered(cause: str, wrong: Callable[[Sequence[int]], list[int]]) -> Mistake:
    """Return a mistake in the order of shape and strides; `wrong` returns the order used."""

    def explains(finding: Finding) -> bool | None:
        request = finding.request
        if request.operation != "layout.describe" or "order" not in request.options:
            return None
        if finding.response is None:
            return None
        moved = request.arrays[0].transpose(wrong(request.options["order"]))
        received = finding.response.plain
        return bool(
            received["shape"] == list(moved.shape)
            and received["strides"] == strides(moved)
            and received["elements"] == moved.reshape(-1).tolist()
        )

    return Mistake(("2.1",), cause, explains, predicts=True)


def unpermuted_shape(finding: Finding) -> bool | None:
    """Return whether permuting did not change the shape."""
    request = finding.request
    if request.operation != "layout.describe" or "order" not in request.options:
        return None
    if finding.response is None:
        return None
    shape = list(request.arrays[0].shape)
    if shape == [shape[dim] for dim in request.options["order"]]:
        return None
    return bool(finding.response.plain["shape"] == shape)


def _only_shape(finding: Finding) -> bool | None:
    """Return whether the strides are right after permuting, and the shape is not."""
    request = finding.request
    if request.operation != "layout.describe" or "order" not in request.options:
        return None
    if finding.response is None:
        return None
    moved = request.arrays[0].transpose(request.options["order"])
    received = finding.response.plain
    return bool(received["strides"] == strides(moved) and received["shape"] != list(moved.shape))


def strides_of_shape(cause: str, wrong: Callable[[Sequence[int]], list[int]]) -> Mistake:
    """Return a mistake in the strides of a shape."""

    def model(request: Request) -> Response:
        return plain(request, wrong(request.options["shape"]))

    return modelled(("2.1",), cause, r"layout\.strides", model)


def described(cause: str, change: Callable[[Array], Plain]) -> Mistake:
    """Return a mistake in the description of tensor data.

    Args:
        cause: The likely cause, see `Mistake`.
        change: Returns the wrong parts of the description of an array, by their keys.
    """

    def explains(finding: Finding) -> bool | None:
        if finding.request.operation != "layout.describe" or finding.response is None:
            return None
        array = finding.request.arrays[0]
        wrong = change(array.transpose(finding.request.options.get("order", range(array.ndim))))
        return all(finding.response.plain[key] == value for key, value in wrong.items())

    return Mistake(("2.1",), cause, explains, predicts=True)


def _elements(array: Array, steps: list[int]) -> list[float]:
    try:
        return [read(array, index, steps) for index in np.ndindex(*array.shape)]
    except IndexError:
        return []


def broadcast(cause: str, wrong: Callable[[Sequence[int], Sequence[int]], list[int]]) -> Mistake:
    """Return a mistake in broadcasting an index; `wrong` gets the index and the small shape."""

    def model(request: Request) -> Response:
        big, small = request.options["big"], request.options["small"]
        return plain(request, [wrong(index, small) for index in layout.indices(big)])

    return modelled(("2.2",), cause, r"layout\.broadcast", model)


def _from_the_left(index: Sequence[int], small: Sequence[int]) -> list[int]:
    return [0 if n == 1 else i for i, n in zip(index, small, strict=False)]


def _without_last(index: Sequence[int], small: Sequence[int]) -> list[int]:
    return [*paired(index, small)[:-1], UNWRITTEN] if small else []


def _without_first(index: Sequence[int], small: Sequence[int]) -> list[int]:
    return [UNWRITTEN, *paired(index, small)[1:]] if small else []


def _without_ones(index: Sequence[int], small: Sequence[int]) -> list[int]:
    return [UNWRITTEN if n == 1 else i for i, n in zip(paired(index, small), small, strict=True)]


def _ones_only(index: Sequence[int], small: Sequence[int]) -> list[int]:
    return [i if n == 1 else UNWRITTEN for i, n in zip(paired(index, small), small, strict=True)]


def _shifted(by: int, index: Sequence[int], small: Sequence[int]) -> list[int]:
    """Return the index whose dimensions come from the left or the right neighbours."""
    lead = len(index) - len(small) + by
    return [0 if n == 1 else index[(lead + dim) % len(index)] for dim, n in enumerate(small)]


def _index_kept_in_size_one(index: Sequence[int], small: Sequence[int]) -> list[int]:
    return list(index[len(index) - len(small) :])


def combined(cause: str, wrong: Callable[[list[int], list[int]], list[int] | None]) -> Mistake:
    """Return a mistake in the common shape of two tensors."""

    def model(request: Request) -> Response | None:
        shape = wrong(request.options["a"], request.options["b"])
        if shape is None:
            return None
        return plain(request, shape)

    return modelled(("2.2",), cause, r"layout\.common_shape", model)


def _aligned_left(a: list[int], b: list[int]) -> list[int]:
    return [max(pair) for pair in zip_longest(a, b, fillvalue=1)]


def _changed(wrong: Callable[[list[int]], list[int]], a: list[int], b: list[int]) -> list[int]:
    return wrong(list(layout.common_shape(a, b) or ()))


def _aligned_right(a: Sequence[int], b: Sequence[int]) -> list[tuple[int, int]]:
    """Return the pairs of sizes of two shapes that are aligned at the right."""
    return list(zip_longest(reversed(a), reversed(b), fillvalue=1))[::-1]


def _stretches(shape: str, other: str) -> Callable[[Request], bool]:
    """Return a test whether a size of 1 has to stretch in a shape; both are "a" and "b"."""

    def stretches(request: Request) -> bool:
        pairs = _aligned_right(request.options[shape], request.options[other])
        return any(m == 1 != n for m, n in pairs)

    return stretches


def _incompatible_at_left(request: Request) -> bool:
    """Return whether shapes are compatible, but not if they are aligned at the left."""
    a, b = request.options["a"], request.options["b"]
    pairs = list(zip(a, b, strict=False))
    return layout.common_shape(a, b) is not None and any(
        m != n and 1 not in (m, n) for m, n in pairs
    )


def not_refused(finding: Finding) -> bool | None:
    """Return whether incompatible shapes were combined."""
    request = finding.request
    if request.operation != "layout.common_shape":
        return None
    if layout.common_shape(request.options["a"], request.options["b"]) is not None:
        return None
    return finding.response is not None


MISTAKES = [
    position("The index is not multiplied by the strides.", lambda index, steps: sum(index)),
    position(
        "The position lacks the last dimension.",
        lambda index, steps: sum(i * s for i, s in zip(index[:-1], steps[:-1], strict=True)),
    ),
    position(
        "The position lacks the first dimension.",
        lambda index, steps: sum(i * s for i, s in zip(index[1:], steps[1:], strict=True)),
    ),
    position(
        "You add index and strides. Multiply them.",
        lambda index, steps: sum(index) + sum(steps),
    ),
    position(
        "You use the strides in reverse order.",
        lambda index, steps: sum(i * s for i, s in zip(index, steps[::-1], strict=True)),
    ),
    position("You use only the last dimension.", lambda index, steps: index[-1] * steps[-1]),
    position("You use only the first dimension.", lambda index, steps: index[0] * steps[0]),
    position(
        "The position begins with 1. Begin with 0.",
        lambda index, steps: 1 + sum(i * s for i, s in zip(index, steps, strict=True)),
    ),
    position(
        "You add index and stride of each dimension. Multiply them.",
        lambda index, steps: sum(i + s for i, s in zip(index, steps, strict=True)),
    ),
    position(
        "You divide the index by the stride. Multiply them.",
        lambda index, steps: sum(i // s for i, s in zip(index, steps, strict=True)),
    ),
    position(
        "The terms of the position are subtracted. Add them.",
        lambda index, steps: -sum(i * s for i, s in zip(index, steps, strict=True)),
    ),
    position(
        "The position is overwritten in each dimension. Add up all dimensions.",
        lambda index, steps: index[-1] * steps[-1] if len(index) else 0,
    ),
    position(
        "You multiply the terms of all dimensions. Add them.",
        lambda index, steps: int(np.prod([i * s for i, s in zip(index, steps, strict=True)])),
    ),
    *(
        indices(f"The {words} dimension of the index is not written.", partial(_unwritten, dim))
        for dim, words in ((0, "first"), (-1, "last"))
    ),
    indices(
        "The quotient becomes the index, and the remainder is carried on. Exchange both.",
        _quotient_and_remainder_exchanged,
    ),
    indices(
        "The index counts from 1. Count from 0.",
        lambda ordinal, shape: [int(i) + 1 for i in np.unravel_index(ordinal, shape)],
    ),
    *(
        indices(
            "You divide by the size of a neighbouring dimension. Divide by the dimension's own.",
            partial(_with_sizes_of_neighbours, by),
        )
        for by in (1, -1)
    ),
    indices("The index is always 0.", lambda ordinal, shape: [0] * len(shape)),
    indices(
        "The ordinal is not divided by the size of a dimension before the next one.", _undivided
    ),
    indices(
        "The remainder is missing, so an index exceeds the size of its dimension.",
        _without_remainder,
    ),
    indices(
        "You divide the whole ordinal by each stride. Divide the remainder of the previous "
        "division.",
        _with_strides_alone,
    ),
    indices(
        "You divide by the last size in every dimension. Divide by the size of the dimension.",
        lambda ordinal, shape: _with_sizes(ordinal, shape, [shape[-1]] * len(shape)),
    ),
    indices(
        "You divide by the first size in every dimension. Divide by the size of the dimension.",
        lambda ordinal, shape: _with_sizes(ordinal, shape, [shape[0]] * len(shape)),
    ),
    indices(
        "The index is in reverse order.",
        lambda ordinal, shape: [int(i) for i in np.unravel_index(ordinal, shape)][::-1],
    ),
    indices(
        "The first dimension varies fastest. The last one has to.",
        lambda ordinal, shape: [int(i) for i in np.unravel_index(ordinal, shape, "F")],
    ),
    permuted(
        "The shape is permuted, but the strides are not permuted.", lambda x, order: strides(x)
    ),
    permuted(
        "You compute new strides for the permuted shape. Permute the old strides: the "
        "elements do not move in memory.",
        lambda x, order: contiguous_strides([x.shape[dim] for dim in order]),
    ),
    permuted(
        "You permute the strides by the inverse of the order.",
        lambda x, order: [strides(x)[int(dim)] for dim in np.argsort(order)],
    ),
    reordered(
        "Shape and strides are permuted by the inverse of the order.",
        lambda order: [int(dim) for dim in np.argsort(order)],
    ),
    reordered("Shape and strides are not permuted.", lambda order: sorted(order)),
    reordered(
        "Shape and strides are permuted by the reversed order.", lambda order: list(order)[::-1]
    ),
    reordered(
        "The dimensions are reversed, whatever the order is.",
        lambda order: sorted(order, reverse=True),
    ),
    permuted(
        "The strides are permuted by the reversed order.",
        lambda x, order: [strides(x)[dim] for dim in reversed(order)],
    ),
    Mistake(("2.1",), "The shape is permuted by another order than the strides.", _only_shape),
    Mistake(("2.1",), "The shape is not permuted.", unpermuted_shape),
    strides_of_shape("You return the sizes as strides.", list),
    strides_of_shape(
        "The strides grow from the left: the first dimension has stride 1. Compute them "
        "from the right.",
        lambda shape: [int(np.prod(shape[:dim])) for dim in range(len(shape))],
    ),
    strides_of_shape(
        "A stride includes the size of its own dimension. Multiply only the sizes to its right.",
        lambda shape: [int(np.prod(shape[dim:])) for dim in range(len(shape))],
    ),
    described(
        "The position lacks the last dimension.",
        lambda x: {"elements": _elements(x, [*strides(x)[:-1], 0])},
    ),
    described(
        "The strides are ignored: you compute positions as in a contiguous tensor.",
        lambda x: {"elements": _elements(x, contiguous_strides(x.shape))},
    ),
    *(
        raising(
            ("2.2",),
            "You write the index at the dimensions of the large shape. Write it at those of the "
            "small one.",
            r"layout\.broadcast",
            "IndexError",
            lambda request: len(request.options["big"]) > len(request.options["small"]),
            message,
        )
        for message in ("assignment", "out of bounds for axis 0")
    ),
    broadcast("You align dimensions at the left. Align them at the right.", _from_the_left),
    broadcast(
        "In a dimension of size 1 you keep the index of the large shape. Use index 0.",
        _index_kept_in_size_one,
    ),
    raising(
        ("2.2",),
        "You align dimensions at the left. Align them at the right.",
        r"layout\.broadcast",
        "IndexError",
        lambda request: len(request.options["big"]) != len(request.options["small"]),
    ),
    combined("You align the shapes at the left. Align them at the right.", _aligned_left),
    combined("You return the first shape. Combine both.", lambda a, b: a),
    combined(
        "The result has the number of dimensions of the first shape. Count missing dimensions "
        "of either shape as 1.",
        lambda a, b: list(layout.common_shape(a, b[-len(a) :]) or ()) if a else None,
    ),
    combined(
        "You take the smaller of two sizes. A size of 1 stretches.",
        lambda a, b: [min(pair) for pair in _aligned_right(a, b)],
    ),
    combined(
        "You take the larger of two sizes without a test whether they fit.",
        lambda a, b: [max(pair) for pair in _aligned_right(a, b)],
    ),
    combined(
        "The common shape is in reverse order.",
        lambda a, b: list(layout.common_shape(a, b) or ())[::-1],
    ),
    *(
        combined(cause, partial(_changed, wrong))
        for cause, wrong in (
            ("The common shape lacks its first dimension.", lambda shape: shape[1:]),
            ("The common shape lacks its last dimension.", lambda shape: shape[:-1]),
            ("All sizes of the common shape are 1.", lambda shape: [1] * len(shape)),
            ("The common shape has one dimension too many.", lambda shape: [1, *shape]),
        )
    ),
    combined(
        "The size 1 wins over the other size. The other size counts.",
        lambda a, b: [1 if 1 in pair else pair[0] for pair in _aligned_right(a, b)],
    ),
    combined("You return the second shape. Combine both.", lambda a, b: b),
    combined(
        "You return the shape with more dimensions. Combine both.", lambda a, b: max(a, b, key=len)
    ),
    raising(
        ("2.2",),
        "You align the shapes at the left. Align them at the right.",
        r"layout\.common_shape",
        "Exception",
        _incompatible_at_left,
    ),
    raising(
        ("2.2",),
        "A size of 1 stretches in the first shape only. It has to stretch in both.",
        r"layout\.common_shape",
        "Exception",
        _stretches("b", "a"),
    ),
    raising(
        ("2.2",),
        "A size of 1 stretches in the second shape only. It has to stretch in both.",
        r"layout\.common_shape",
        "Exception",
        _stretches("a", "b"),
    ),
    *(
        broadcast(cause, wrong)
        for cause, wrong in (
            ("The last dimension of the index is not written.", _without_last),
            ("The first dimension of the index is not written.", _without_first),
            ("Dimensions of size 1 are not written. Their index is 0.", _without_ones),
            ("Only dimensions of size 1 are written.", _ones_only),
        )
    ),
    broadcast(
        "The test for size 1 is reversed: other dimensions get index 0.",
        lambda index, small: [
            i if n == 1 else 0 for i, n in zip(index[len(index) - len(small) :], small, strict=True)
        ],
    ),
    broadcast(
        "Dimensions of size 1 get index 1. Their index is 0.",
        lambda index, small: [
            1 if n == 1 else i for i, n in zip(paired(index, small), small, strict=True)
        ],
    ),
    *(
        broadcast(
            "The dimensions of the large index are shifted. Align both shapes at the right.",
            partial(_shifted, by),
        )
        for by in (1, -1)
    ),
    broadcast("The index is always 0.", lambda index, small: [0] * len(small)),
    raising(
        ("2.2",),
        "You require equal sizes. A size of 1 broadcasts to any size.",
        r"layout\.common_shape",
        "Exception",
        lambda request: len(request.options["a"]) == len(request.options["b"]),
    ),
    raising(
        ("2.2",),
        "You reject shapes with different numbers of dimensions. Missing dimensions count as 1.",
        r"layout\.common_shape",
        "Exception",
        lambda request: len(request.options["a"]) != len(request.options["b"]),
    ),
    Mistake(("2.2",), "Incompatible shapes are not refused. Raise `IndexingError`.", not_refused),
]
