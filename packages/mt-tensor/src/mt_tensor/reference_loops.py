"""Map, zip and reduce as plain loops that are correct for every layout.

Each function takes a scalar function and returns a loop over ``(storage, shape, strides)``
triples, the signature of the compiled kernels. These loops are the specification: the tests
compare every other backend with them.
"""

import itertools
from collections.abc import Callable
from typing import TypeAlias

from mt_tensor.layout import Shape, Storage, Strides, broadcast_index, index_to_position

MapLoop: TypeAlias = Callable[[Storage, Shape, Strides, Storage, Shape, Strides], None]
ZipLoop: TypeAlias = Callable[
    [Storage, Shape, Strides, Storage, Shape, Strides, Storage, Shape, Strides], None
]
ReduceLoop: TypeAlias = Callable[[Storage, Shape, Strides, Storage, Shape, Strides, int], None]


def tensor_map(fn: Callable[[float], float]) -> MapLoop:
    """Return a loop that applies fn to the elements of `a`, broadcast to `out`."""

    def loop(
        out: Storage,
        out_shape: Shape,
        out_strides: Strides,
        a: Storage,
        a_shape: Shape,
        a_strides: Strides,
    ) -> None:
        a_index = [0] * len(a_shape)
        for out_index in itertools.product(*map(range, out_shape)):
            broadcast_index(out_index, out_shape, a_shape, a_index)
            value = fn(a[index_to_position(a_index, a_strides)])
            out[index_to_position(out_index, out_strides)] = value

    return loop


def tensor_zip(fn: Callable[[float, float], float]) -> ZipLoop:
    """Return a loop that applies fn to pairs of elements of `a` and `b`, broadcast to `out`."""

    def loop(
        out: Storage,
        out_shape: Shape,
        out_strides: Strides,
        a: Storage,
        a_shape: Shape,
        a_strides: Strides,
        b: Storage,
        b_shape: Shape,
        b_strides: Strides,
    ) -> None:
        a_index = [0] * len(a_shape)
        b_index = [0] * len(b_shape)
        for out_index in itertools.product(*map(range, out_shape)):
            broadcast_index(out_index, out_shape, a_shape, a_index)
            broadcast_index(out_index, out_shape, b_shape, b_index)
            value = fn(
                a[index_to_position(a_index, a_strides)],
                b[index_to_position(b_index, b_strides)],
            )
            out[index_to_position(out_index, out_strides)] = value

    return loop


def tensor_reduce(fn: Callable[[float, float], float]) -> ReduceLoop:
    """Return a loop that folds dimension `dim` of `a` into `out`.

    `out` has size 1 along that dimension and contains the initial value.
    """

    def loop(
        out: Storage,
        out_shape: Shape,
        out_strides: Strides,
        a: Storage,
        a_shape: Shape,
        a_strides: Strides,
        dim: int,
    ) -> None:
        for out_index in itertools.product(*map(range, out_shape)):
            first = index_to_position(out_index, a_strides)
            result = out[index_to_position(out_index, out_strides)]
            for i in range(a_shape[dim]):
                result = fn(result, a[first + i * a_strides[dim]])
            out[index_to_position(out_index, out_strides)] = result

    return loop
