"""Rows against a loop over every index."""

import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cpu.rows import fewest_dims, find_rows
from mt_tensor import strides_from_shape

shapes = st.lists(st.integers(0, 4), max_size=4)


def array(numbers: list[int] | tuple[int, ...]) -> np.ndarray:
    return np.array(numbers, np.int64)


@given(shapes, st.integers(1, 5), st.data())
def test_rows_cover_every_element_once(
    shape: list[int], longest: int, draws: st.DataObject
) -> None:
    layouts = []
    for _ in range(2):
        kept = shape[draws.draw(st.integers(0, len(shape))) :]
        operand_shape = [n if draws.draw(st.booleans()) else 1 for n in kept]
        layouts.append((operand_shape, [draws.draw(st.integers(0, 9)) for _ in operand_shape]))

    received = []
    starts, lengths, steps = find_rows(
        array(shape),
        tuple((array(operand_shape), array(strides)) for operand_shape, strides in layouts),
        longest,
    )
    for row, length in enumerate(lengths.tolist()):
        assert length <= longest
        for i in range(length):
            received.append(tuple((starts[:, row] + np.uint64(i) * steps).tolist()))

    def position(index: tuple[int, ...], operand_shape: list[int], strides: list[int]) -> int:
        aligned = index[len(index) - len(operand_shape) :]
        return sum(i * s for i, n, s in zip(aligned, operand_shape, strides, strict=True) if n != 1)

    indices = itertools.product(*(range(n) for n in shape))
    assert received == [tuple(position(i, *layout) for layout in layouts) for i in indices]


def test_operands_of_one_layout_form_one_row() -> None:
    shape = (3, 1, 4, 5)
    dense = (array(shape), array(strides_from_shape(shape)))
    sizes, strides = fewest_dims(array(shape), (dense, dense))
    assert sizes.tolist() == [math.prod(shape)]
    assert strides.tolist() == [[1], [1]]


def test_dimensions_contiguous_in_every_operand_are_merged() -> None:
    shape = array((2, 3, 4))
    dense, permuted = array((12, 4, 1)), array((1, 8, 2))
    sizes, strides = fewest_dims(shape, ((shape, dense), (shape, permuted)))
    assert sizes.tolist() == [2, 12]
    assert strides.tolist() == [[12, 1], [1, 2]]
