"""Strides, indices and broadcasting, computed by the definitions."""

import itertools
from collections.abc import Sequence


def strides(shape: Sequence[int]) -> list[int]:
    """Return the strides of a row-major tensor, in elements."""
    result = []
    for dim in range(len(shape)):
        stride = 1
        for size in shape[dim + 1 :]:
            stride *= size
        result.append(stride)
    return result


def indices(shape: Sequence[int]) -> list[list[int]]:
    """Return all indices in row-major order."""
    return [list(index) for index in itertools.product(*map(range, shape))]


def common_shape(a: Sequence[int], b: Sequence[int]) -> list[int] | None:
    """Return the broadcast shape of two shapes; None if they are incompatible."""
    result = []
    pairs = itertools.zip_longest(reversed(a), reversed(b), fillvalue=1)
    for m, n in pairs:
        if m != n and 1 not in (m, n):
            return None
        result.append(n if m == 1 else m)
    return result[::-1]


def broadcast(big: Sequence[int], small: Sequence[int]) -> list[list[int]]:
    """Return, in row-major order of the large shape, the index into the small shape."""
    lead = len(big) - len(small)
    return [
        [0 if size == 1 else i for i, size in zip(index[lead:], small, strict=True)]
        for index in indices(big)
    ]
