"""Shapes, strides, positions and broadcasting, compared with NumPy."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple
from numpy.lib.stride_tricks import as_strided

from mt_tensor.layout import (
    MAX_DIMS,
    IndexingError,
    as_integers,
    broadcast_index,
    broadcast_strides,
    broadcasts_to,
    check_shape,
    index_to_position,
    infer_shape,
    is_contiguous,
    merged,
    normalize_dim,
    normalize_dims,
    shape_broadcast,
    span,
    strides_from_shape,
    to_index,
)

small_shapes = st.lists(st.integers(0, 4), max_size=5).map(tuple)


@st.composite
def deep_shapes(draw: st.DrawFn) -> tuple[int, ...]:
    """Draw up to 32 dimensions, most of them of size 1."""
    shape = [1] * draw(st.integers(6, MAX_DIMS))
    for _ in range(draw(st.integers(0, 5))):
        shape[draw(st.integers(0, len(shape) - 1))] = 2
    return tuple(shape)


shapes = small_shapes | deep_shapes()


@st.composite
def broadcastable(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw a shape, and a smaller one that broadcasts to it."""
    big = draw(shapes)
    kept = big[draw(st.integers(0, len(big))) :]
    return big, tuple(1 if draw(st.booleans()) else size for size in kept)


# Positions


@given(shapes)
@example(())
@example((0,))
@example((1,) * MAX_DIMS)
@example((2,) * 10)
def test_ordinals_give_each_index_and_each_position_once(shape: tuple[int, ...]) -> None:
    strides = strides_from_shape(shape)
    index = np.full(len(shape), -1)
    for ordinal, expected in enumerate(np.ndindex(shape)):
        to_index(ordinal, shape, index)
        assert tuple(index) == expected
        assert index_to_position(index, strides) == ordinal


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99)), max_size=MAX_DIMS))
def test_position_is_the_scalar_product(pairs: list[tuple[int, int]]) -> None:
    index = np.array([i for i, _ in pairs], np.int64)
    strides = np.array([s for _, s in pairs], np.int64)
    assert index_to_position(index, strides) == np.dot(index, strides)


@given(broadcastable())
def test_broadcast_index_agrees_with_numpy(
    pair: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    big, small = pair
    array = np.arange(math.prod(small)).reshape(small)
    repeated = np.broadcast_to(array, big)
    index = [-1] * len(small)
    for big_index in np.ndindex(big):
        broadcast_index(big_index, big, small, index)
        assert array[tuple(index)] == repeated[big_index]


def test_out_index_may_be_an_array_or_a_list() -> None:
    for out in ([0, 0], np.zeros(2, np.int64), np.zeros(2, np.int32)):
        to_index(5, np.array([2, 3]), out)
        assert list(out) == [1, 2]
        broadcast_index(np.array([7, 1, 2]), (8, 2, 3), np.array([2, 1]), out)
        assert list(out) == [1, 0]


# Broadcasting


@given(small_shapes, small_shapes)
@example((), ())
@example((0,), (1,))
@example((0,), (2,))
@example((1, 0), (3, 1))
@example((2,), (3,))
@example((5, 1, 5, 1), (1, 5, 1, 5))
def test_shape_broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    try:
        expected = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(IndexingError):
            shape_broadcast(a, b)
    else:
        assert shape_broadcast(a, b) == shape_broadcast(b, a) == expected
        assert shape_broadcast(list(a), np.array(b, np.int64)) == expected  # type: ignore[arg-type]


@given(broadcastable())
def test_broadcasting_to_a_larger_shape_returns_that_shape(
    pair: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    big, small = pair
    assert shape_broadcast(big, small) == big
    assert broadcasts_to(small, big)


@given(small_shapes, small_shapes)
def test_broadcasts_to(shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    try:
        np.broadcast_to(np.empty(shape), target)
    except ValueError:
        assert not broadcasts_to(shape, target)
    else:
        assert broadcasts_to(shape, target)


def test_the_broadcast_error_names_operation_shapes_and_sizes() -> None:
    with pytest.raises(
        IndexingError,
        match=r"add: shapes \(2, 3\) and \(4, 1, 2\) .* sizes 3 and 2 differ.* view",
    ):
        shape_broadcast((2, 3), (4, 1, 2), "add")


# Strides


@given(shapes.filter(lambda shape: 0 not in shape))
def test_strides_from_shape(shape: tuple[int, ...]) -> None:
    assert strides_from_shape(shape) == tuple(s // 8 for s in np.empty(shape).strides)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw a shape with strides that are row-major in some dimensions."""
    shape = draw(small_shapes)
    strides = list(strides_from_shape(shape))
    for _ in range(draw(st.integers(0, 2)) if shape else 0):
        strides[draw(st.integers(0, len(shape) - 1))] = draw(st.integers(0, 30))
    return shape, tuple(strides)


@given(layouts())
@example(((1, 3), (77, 1)))
@example(((0, 3), (77, 55)))
@example(((3, 0), (77, 55)))
@example(((2, 2), (2, 0)))
def test_is_contiguous(layout: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    shape, strides = layout
    array = as_strided(np.empty(1), shape, tuple(8 * s for s in strides))
    assert is_contiguous(shape, strides) == array.flags.c_contiguous


@given(layouts())
def test_span_ends_after_the_last_position(
    layout: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    shape, strides = layout
    positions = (index_to_position(index, strides) for index in np.ndindex(shape))
    assert span(shape, strides) == max(positions, default=-1) + 1


# Dimensions and sizes in user arguments


@given(broadcastable())
def test_broadcast_strides_agree_with_numpy(
    pair: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    big, small = pair
    array = np.empty(small, np.int8)
    expected = np.broadcast_to(array, big).strides
    received = broadcast_strides(big, small, array.strides)
    # The stride of a dimension of size 1 is never used.
    used = [(a, b) for a, b, n in zip(received, expected, big, strict=True) if n > 1]
    assert all(a == b for a, b in used)


@given(st.lists(st.integers(0, 3), max_size=4).map(tuple), st.data())
def test_merged_layouts_have_the_same_positions(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    strides = [tuple(data.draw(st.integers(0, 12)) for _ in shape) for _ in range(2)]
    sizes, steps = merged(shape, *strides)
    assert 1 not in sizes
    for before, after in zip(strides, steps, strict=True):
        expected = [np.dot(index, before) if index else 0 for index in np.ndindex(*shape)]
        assert [np.dot(index, after) if index else 0 for index in np.ndindex(*sizes)] == expected


def test_merge_to_the_fewest_dimensions() -> None:
    assert merged((2, 3, 4), (12, 4, 1), (12, 4, 1)) == ((24,), ((1,), (1,)))
    assert merged((2, 1, 3, 4), (12, 9, 4, 1), (1, 7, 8, 2)) == ((2, 12), ((12, 1), (1, 2)))
    assert merged((1, 1), (5, 1)) == ((), ((),))


@given(st.integers(-8, 8), st.integers(0, 6))
def test_normalize_dim(dim: int, dims: int) -> None:
    try:
        expected = normalize_axis_index(dim, dims)
    except np.exceptions.AxisError:
        with pytest.raises(IndexingError, match=f"sum: no dimension {dim}; allowed: "):
            normalize_dim(dim, dims, "sum")
    else:
        assert normalize_dim(dim, dims, "sum") == expected


@given(st.lists(st.integers(-4, 4), max_size=4).map(tuple), st.integers(0, 4))
def test_normalize_dims(named: tuple[int, ...], dims: int) -> None:
    try:
        expected = normalize_axis_tuple(named, dims)
    except ValueError:
        with pytest.raises(IndexingError, match=r"sum: .* (allowed: |twice)"):
            normalize_dims(named, dims, "sum")
    else:
        assert normalize_dims(named, dims, "sum") == expected
        assert normalize_dims(list(named), dims, "sum") == expected
        assert normalize_dims(iter(named), dims, "sum") == expected
        assert normalize_dims(np.array(named, np.int64), dims, "sum") == expected


def test_all_dims_and_one() -> None:
    assert normalize_dims(None, 3, "sum") == (0, 1, 2)
    assert normalize_dims(None, 0, "sum") == normalize_dims((), 3, "sum") == ()
    assert normalize_dims(-1, 3, "sum") == normalize_dims(np.int32(2), 3, "sum") == (2,)  # type: ignore[arg-type]


@pytest.mark.parametrize("dim", [1.0, "1", (0, 1.5), [None]])
def test_dims_that_are_not_integers(dim: object) -> None:
    with pytest.raises(TypeError, match=r"sum: .* sequence of integers"):
        normalize_dims(dim, 3, "sum")  # type: ignore[arg-type]


@given(st.lists(st.integers(-1, 6), max_size=4).map(tuple), st.integers(0, 24))
@example((3, -1), 12)
@example((-1,), 0)
@example((0, -1), 0)
@example((2, 0, 3), 0)
@example((-1, -1), 4)
@example((-1, 3), 7)
@example((), 1)
def test_infer_shape(shape: tuple[int, ...], size: int) -> None:
    try:
        expected = np.empty(size).reshape(shape).shape
    except ValueError:
        with pytest.raises(IndexingError, match=f"view: {size} elements .* may be -1"):
            infer_shape(size, shape)
    else:
        assert infer_shape(size, shape) == expected


def test_infer_shape_refuses_other_negative_sizes() -> None:
    with pytest.raises(IndexingError):
        infer_shape(6, (-2, -3))


@pytest.mark.parametrize("shape", [(2, 3), [2, 3], np.array([2, 3]), (np.int8(2), np.uint64(3))])
def test_check_shape_gives_a_tuple_of_ints(shape: Sequence[int]) -> None:
    checked = check_shape(shape, "zeros")
    assert checked == (2, 3)
    assert [type(size) for size in checked] == [int, int]


@pytest.mark.parametrize("shape", [3, 2.0, (2.5,), (2.0,), "23", None, ((2, 3),)])
def test_invalid_shapes(shape: object) -> None:
    with pytest.raises(TypeError, match=r"zeros: .* sequence of integers, such as \(2, 3\)"):
        check_shape(shape, "zeros")  # type: ignore[arg-type]


def test_shapes_out_of_range() -> None:
    with pytest.raises(IndexingError, match=r"zeros: shape \(2, -1\) has a negative size"):
        check_shape((2, -1), "zeros")
    assert check_shape((1,) * MAX_DIMS, "zeros") == (1,) * 32
    with pytest.raises(IndexingError, match=r"zeros: 33 dimensions; .* at most 32"):
        check_shape((1,) * (MAX_DIMS + 1), "zeros")


def test_as_integers_keeps_the_cause() -> None:
    with pytest.raises(TypeError) as caught:
        as_integers([1, 2.5], "view")  # type: ignore[list-item]
    assert isinstance(caught.value.__cause__, TypeError)


def test_indexing_errors_are_index_errors_and_runtime_errors() -> None:
    assert issubclass(IndexingError, IndexError)
    assert issubclass(IndexingError, RuntimeError)
