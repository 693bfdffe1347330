"""Data of tensors, under the course's names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitorch
from minitorch import TensorData

numbers = st.floats(-100.0, 100.0)

shapes = st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple)


@st.composite
def tensor_datas(draw: st.DrawFn, shape: tuple[int, ...] | None = None) -> TensorData:
    """Draw data of a shape with strides in any order, as the course's tests do."""
    shape = draw(shapes) if shape is None else shape
    order = draw(st.permutations(range(len(shape))))
    size = int(minitorch.prod(shape))
    storage = draw(st.lists(numbers, min_size=size, max_size=size))
    data = TensorData(storage, tuple(shape[i] for i in order))
    data = data.permute(*np.argsort(order).tolist())
    assert data.shape == shape
    return data


def test_tensor_data_takes_layouts_as_given() -> None:
    assert TensorData([0.0] * 15, (3, 5), (5, 1)).is_contiguous()
    turned = TensorData(list(range(15)), (5, 3), (1, 5))
    assert not turned.is_contiguous()
    assert turned.shape == (5, 3) and turned.strides == (1, 5)
    assert (turned.size, turned.dims) == (15, 2)
    assert turned.get((1, 2)) == 11.0
    assert TensorData(np.zeros(7), (2, 3), (4, 1)).size == 6


def test_tensor_data_index_raises() -> None:
    data = TensorData([0.0] * 15, (3, 5))
    assert data.index((2, 1)) == 11
    for wrong in ((-1, 0), (0,), (3, 0), (0, 0, 0)):
        with pytest.raises(minitorch.IndexingError):
            data.index(wrong)


@given(tensor_datas())
def test_tensor_data_enumerates_every_index_once(data: TensorData) -> None:
    found = list(data.indices())
    assert len(found) == len(set(found)) == data.size
    assert {data.index(index) for index in found} == set(range(data.size))
    assert data.sample() in set(found)


@given(tensor_datas())
def test_tensor_data_as_three_arrays(data: TensorData) -> None:
    storage, shape, strides = data.tuple()
    assert storage is data._storage
    assert all(isinstance(a, np.ndarray) and a.ndim == 1 for a in (storage, shape, strides))
    assert tuple(shape) == data.shape and tuple(strides) == data.strides
    data.set((0,) * data.dims, 7.0)
    assert storage[0] == 7.0


def test_tensor_data_prints() -> None:
    assert TensorData([1.0, 2.0], (2,)).to_string() == "[1.00 2.00]"


def test_layout_functions() -> None:
    out = np.zeros(2, np.int64)
    minitorch.to_index(5, np.array([2, 3]), out)
    assert out.tolist() == [1, 2]
    assert minitorch.index_to_position(out, np.array([3, 1])) == 5
    minitorch.broadcast_index(
        big_index=np.array([4, 1, 2]),
        big_shape=np.array([5, 2, 3]),
        shape=np.array([2, 1]),
        out_index=out,
    )
    assert out.tolist() == [1, 0]
    assert minitorch.strides_from_shape((2, 3, 4)) == (12, 4, 1)
    assert minitorch.shape_broadcast((2, 1), (5,)) == TensorData.shape_broadcast((5,), (2, 1))
    with pytest.raises(minitorch.IndexingError):
        minitorch.shape_broadcast((2,), (3,))
    assert minitorch.MAX_DIMS == 32
