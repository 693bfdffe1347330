"""TensorData: storage, shape and strides, compared with NumPy's strided arrays."""

import copy
import itertools
import math
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

from mt_tensor import MAX_DIMS, IndexingError, TensorData
from mt_tensor.layout import span

shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@st.composite
def strided(draw: st.DrawFn, shape: tuple[int, ...] | None = None) -> TensorData:
    """Draw a tensor of any strides on a storage that may be longer than needed."""
    if shape is None:
        shape = draw(shapes)
    strides = [draw(st.integers(0, 12)) for _ in shape]
    length = span(shape, strides) + draw(st.integers(0, 3))
    return TensorData(np.arange(float(length)), shape, strides)


def as_array(data: TensorData) -> npt.NDArray[Any]:
    """Return the tensor as a strided NumPy array."""
    step = data.storage.itemsize
    return as_strided(data.storage, data.shape, tuple(step * s for s in data.strides))


def elements(data: TensorData) -> list[float]:
    """Return the elements one by one."""
    return [data.get(index) for index in data.indices()]


# Construction


@given(strided())
def test_elements_agree_with_numpy(data: TensorData) -> None:
    array = as_array(data)
    assert data.size == array.size
    assert data.dims == array.ndim
    assert list(data.indices()) == list(np.ndindex(array.shape))
    assert elements(data) == array.flatten().tolist()


@given(shapes)
@example((1,) * MAX_DIMS)
def test_default_strides_are_row_major(shape: tuple[int, ...]) -> None:
    array = np.arange(float(math.prod(shape))).reshape(shape)
    data = TensorData(array.reshape(-1), shape)
    assert data.is_contiguous()
    assert elements(data) == array.flatten().tolist()


def test_an_array_is_shared_and_an_iterable_copied_to_float64() -> None:
    array = np.zeros(4, np.float32)
    shared = TensorData(array, (2, 2))
    assert shared.storage is shared._storage is array
    shared.set((1, 0), 5)
    assert array.tolist() == [0, 0, 5, 0]

    numbers = [1, 2, 3, 4]
    for given_numbers in (numbers, tuple(numbers), iter(numbers)):
        copied = TensorData(given_numbers, (2, 2))
        assert copied.storage.dtype == np.float64
        assert elements(copied) == [1.0, 2.0, 3.0, 4.0]
    copied.set((0, 0), 9.0)
    assert numbers == [1, 2, 3, 4]


def test_a_strided_array_as_storage() -> None:
    data = TensorData(np.arange(10.0)[::-2], (2, 2))
    assert elements(data) == [9.0, 7.0, 5.0, 3.0]


def test_shape_and_strides_become_tuples_of_ints() -> None:
    data = TensorData(np.zeros(6), np.array([2, 3]), np.array([1, 2]))  # type: ignore[arg-type]
    assert (data.shape, data.strides) == ((2, 3), (1, 2))
    assert {type(n) for n in data.shape + data.strides} == {int}


def test_a_storage_may_be_longer_than_needed_and_not_shorter() -> None:
    storage = np.arange(7.0)
    assert elements(TensorData(storage, (2, 3))) == [0, 1, 2, 3, 4, 5]
    assert elements(TensorData(storage, (2, 2), (4, 2))) == [0, 2, 4, 6]
    with pytest.raises(IndexingError, match=r"\(2, 2\) with strides \(5, 2\) spans 8 .* has 7"):
        TensorData(storage, (2, 2), (5, 2))
    with pytest.raises(IndexingError, match="spans 8 elements of storage, and the storage has 7"):
        TensorData(storage, (2, 4))
    with pytest.raises(IndexingError, match="spans 1 elements of storage, and the storage has 0"):
        TensorData([], ())
    assert TensorData([], (3, 0, 2), (100, 100, 100)).size == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.zeros(6), (2, 3), (3,)), IndexingError, r"1 strides \(3,\) for 2 dimensions \(2, 3\)"),
        ((np.zeros(6), (2, 3), ()), IndexingError, "pass one stride for each dimension"),
        ((np.zeros(6), (2, 3), (3, -1)), IndexingError, r"strides \(3, -1\) must not be negative"),
        ((np.zeros(6), (-2, 3)), IndexingError, r"shape \(-2, 3\) has a negative size"),
        ((np.zeros(6), (2, 3.0)), TypeError, r"\(2, 3.0\) must be a sequence of integers"),
        ((np.zeros(6), 6), TypeError, "6 must be a sequence of integers"),
        ((np.zeros(6), (2, 3), (3.0, 1.0)), TypeError, "must be a sequence of integers"),
        ((np.zeros((2, 3)), (2, 3)), IndexingError, r"storage has 2 dimensions.*reshape\(-1\)"),
        ((np.float64(3.0), ()), IndexingError, "storage has 0 dimensions"),
        (([[1.0, 2.0]], (2,)), IndexingError, "storage has 2 dimensions"),
        ((np.zeros(1), (1,) * 33), IndexingError, "33 dimensions; a tensor has at most 32"),
        ((5.0, ()), TypeError, "not iterable"),
        ((["a"], (1,)), ValueError, "could not convert"),
    ],
)
def test_invalid_storage_shape_or_strides(
    arguments: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        TensorData(*arguments)


def test_other_attributes_are_rejected() -> None:
    with pytest.raises(AttributeError):
        TensorData([1.0], (1,)).grad = 1  # type: ignore[attr-defined]


# Indices


@given(strided(), st.data())
def test_set_changes_one_element(data: TensorData, draws: st.DataObject) -> None:
    if data.size == 0:
        return
    index = draws.draw(st.tuples(*(st.integers(0, n - 1) for n in data.shape)))
    before = data.storage.copy()
    data.set(index, -1.5)
    assert data.get(index) == -1.5
    assert np.flatnonzero(data.storage != before).tolist() == [data.index(index)]


def test_an_index_may_be_a_number_a_list_or_an_array() -> None:
    line = TensorData([1.0, 2.0, 3.0], (3,))
    assert line.get(2) == line.get(np.int32(2)) == line.get((2,)) == 3.0  # type: ignore[arg-type]
    table = TensorData([1.0, 2.0, 3.0, 4.0], (2, 2))
    assert table.get([1, 0]) == table.get(np.array([1, 0])) == 3.0  # type: ignore[arg-type]
    assert type(table.get((1, 0))) is float
    assert type(table.index(np.array([1, 0]))) is int  # type: ignore[arg-type]
    assert TensorData([7.0], ()).get(()) == 7.0


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ((2, 0), r"index \(2, 0\) is outside of shape \(2, 3\): 2 is not in range\(2\)"),
        ((0, 3), r"3 is not in range\(3\)"),
        ((0, -1), r"-1 is not in range\(3\)"),
        ((1,), r"\(1,\) has 1 numbers, and shape \(2, 3\) has 2 dimensions"),
        (1, r"\(1,\) has 1 numbers"),
        ((), r"\(\) has 0 numbers"),
        ((0, 0, 0), "has 3 numbers"),
        ((math.nan, 0), "nan is not in range"),
    ],
)
def test_invalid_indices(index: Any, message: str) -> None:
    data = TensorData(np.zeros(6), (2, 3))
    for use in (data.index, data.get, lambda i: data.set(i, 1.0)):
        with pytest.raises(IndexingError, match=message):
            use(index)


def test_a_float_is_not_an_index() -> None:
    with pytest.raises(TypeError):
        TensorData(np.zeros(2), (2,)).get((0.5,))  # type: ignore[arg-type]


def test_an_empty_tensor_has_no_index() -> None:
    empty = TensorData([], (2, 0))
    assert list(empty.indices()) == []
    with pytest.raises(IndexingError, match=r"0 is not in range\(0\)"):
        empty.get((0, 0))
    with pytest.raises(IndexingError, match=r"sample: shape \(2, 0\) has no elements"):
        empty.sample()


def test_samples_cover_all_indices_and_depend_on_the_seed() -> None:
    data = TensorData(np.zeros(6), (2, 3))
    rng = np.random.default_rng(0)
    drawn = [data.sample(rng) for _ in range(600)]
    counts = [drawn.count(index) for index in data.indices()]
    assert sum(counts) == 600
    assert min(counts) > 60
    assert data.sample(7) == data.sample(7)
    assert data.index(data.sample()) in range(6)
    assert TensorData([1.0], ()).sample() == ()


# Views


@given(strided(), st.randoms())
def test_permute(data: TensorData, random: Any) -> None:
    order = list(range(data.dims))
    random.shuffle(order)
    view = data.permute(*order)
    assert view.storage is data.storage
    assert np.array_equal(as_array(view), as_array(data).transpose(order))


@pytest.mark.parametrize("order", [(), (0,), (0, 0), (0, 2), (-1, 0), (0, 1, 2)])
def test_invalid_orders(order: tuple[int, ...]) -> None:
    with pytest.raises(IndexingError, match=r"permute: order .* each of the 2 dimensions .* once"):
        TensorData(np.zeros(6), (2, 3)).permute(*order)


@given(shapes, st.data())
def test_view_keeps_the_order_of_elements(shape: tuple[int, ...], draws: st.DataObject) -> None:
    size = math.prod(shape)
    data = TensorData(np.arange(float(size)), shape)
    factors = [f for f in itertools.product(range(1, 9), repeat=2) if math.prod(f) == size]
    new_shape = draws.draw(st.sampled_from([(size,), (1, size, 1), *factors]))
    view = data.view(*new_shape)
    assert view.storage is data.storage
    assert view.shape == new_shape
    assert elements(view) == elements(data)


def test_view_infers_one_size_and_requires_contiguity() -> None:
    data = TensorData(np.arange(6.0), (2, 3))
    assert data.view(3, -1).shape == (3, 2)
    assert data.view(-1).shape == (6,)
    assert TensorData([5.0], (1,)).view().get(()) == 5.0
    with pytest.raises(IndexingError, match=r"6 elements do not fit into shape \(4, -1\)"):
        data.view(4, -1)
    with pytest.raises(IndexingError, match=r"view: .* not contiguous; call contiguous\(\) first"):
        data.permute(1, 0).view(6)


@given(strided(), st.data())
def test_expand(data: TensorData, draws: st.DataObject) -> None:
    left = draws.draw(st.lists(st.integers(0, 3), max_size=2))
    new_shape = (*left, *(draws.draw(st.integers(0, 3)) if n == 1 else n for n in data.shape))
    view = data.expand(new_shape)
    assert view.storage is data.storage
    assert np.array_equal(as_array(view), np.broadcast_to(as_array(data), new_shape))


@pytest.mark.parametrize("new_shape", [(), (3,), (1, 1), (2, 2), (2, 4)])
def test_shapes_to_which_expand_cannot_broadcast(new_shape: tuple[int, ...]) -> None:
    with pytest.raises(IndexingError, match=r"expand: shape"):
        TensorData(np.zeros(6), (2, 3)).expand(new_shape)


# Descriptions


@given(strided())
def test_tuple_returns_the_arguments_of_kernels(data: TensorData) -> None:
    storage, shape, strides = data.tuple()
    assert storage is data.storage
    for numbers, expected in ((shape, data.shape), (strides, data.strides)):
        assert numbers.dtype == np.int64
        assert numbers.shape == (data.dims,)
        assert tuple(numbers) == expected
    assert data.tuple()[1] is shape, "the arrays are cached"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (TensorData([1.234], ()), "1.23"),
        (TensorData([1.0, -2.0], (2,)), "[1.00 -2.00]"),
        (TensorData([1, 2, 3, 4], (2, 2)), "[[1.00 2.00]\n [3.00 4.00]]"),
        (TensorData([1, 2, 3, 4], (2, 2)).permute(1, 0), "[[1.00 3.00]\n [2.00 4.00]]"),
        (
            TensorData([1, 2, 3, 4], (2, 2, 1)),
            "[[[1.00]\n  [2.00]]\n [[3.00]\n  [4.00]]]",
        ),
        (TensorData([], (0,)), "[]"),
        (TensorData([], (0, 3)), "[]"),
        (TensorData([], (2, 0)), "[[]\n []]"),
        (TensorData([math.nan, math.inf], (2,)), "[nan inf]"),
    ],
)
def test_to_string(data: TensorData, expected: str) -> None:
    assert data.to_string() == expected


def test_repr_names_the_layout() -> None:
    data = TensorData(np.zeros(6, np.float32), (2, 3)).permute(1, 0)
    assert repr(data) == "TensorData(shape=(3, 2), strides=(1, 3), dtype=float32)"


def test_shape_broadcast_is_a_static_method() -> None:
    assert TensorData.shape_broadcast((2, 1), (3,)) == (2, 3)


def test_copies_and_pickles_share_no_memory() -> None:
    data = TensorData(np.arange(6.0), (2, 3)).permute(1, 0)
    for twin in (copy.deepcopy(data), pickle.loads(pickle.dumps(data))):
        assert elements(twin) == elements(data)
        assert not np.shares_memory(twin.storage, data.storage)
