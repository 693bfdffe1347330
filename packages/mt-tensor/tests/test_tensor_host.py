"""Conversion to and from NumPy: equal elements, and shared memory where possible."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mt_tensor import REFERENCE, IndexingError, Reference, TensorData, host_array
from tools.layouts import LAYOUTS

Array: TypeAlias = npt.NDArray[Any]

shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)
SINGLE = Reference(np.float32)


def numbered(shape: tuple[int, ...], dtype: Any = np.float64) -> Array:
    """Return an array of distinct elements."""
    return np.arange(np.prod(shape, dtype=int), dtype=dtype).reshape(shape)


def expect(data: TensorData, array: Array) -> None:
    """Compare element by element, using only `TensorData.index`."""
    assert data.shape == array.shape
    for index in np.ndindex(array.shape):
        assert data.get(index) == array[index]


def misaligned(array: Array) -> Array:
    """Return the same elements at an address that is off by one byte."""
    raw = np.empty(array.nbytes + 1, np.uint8)[1:]
    out = np.frombuffer(raw.data, array.dtype).reshape(array.shape)
    out[...] = array
    return out


def read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array


def field(array: Array) -> Array:
    """Return the same elements with strides of twelve bytes, not a multiple of eight."""
    out = np.zeros(array.shape, np.dtype([("tag", "i4"), ("value", "f8")]))["value"]
    out[...] = array
    return out


# Sharing memory


@pytest.mark.parametrize(
    "arrange",
    [
        lambda a: a,
        lambda a: a.T,
        lambda a: np.asfortranarray(a),
        lambda a: a[1:],
        lambda a: a[:, ::2],
        lambda a: a[::2, 1:],
        lambda a: a[1, :],
        lambda a: a[:, 1],
        lambda a: a[None, :, None],
        lambda a: np.lib.stride_tricks.as_strided(a, (3, 3), (8, 8)),
        lambda a: np.lib.stride_tricks.as_strided(a, (3, 4), (0, 8)),
        lambda a: a.view(np.ndarray)[1:2],
    ],
)
def test_writable_float64_arrays_are_shared(arrange: Callable[[Array], Array]) -> None:
    array = arrange(numbered((3, 4)))
    data = REFERENCE.from_numpy(array)
    expect(data, array)
    assert np.shares_memory(data.storage, array)
    index = (0,) * array.ndim
    data.set(index, -1.0)
    assert array[index] == -1.0
    back = REFERENCE.to_numpy(data)
    assert np.array_equal(back, array)
    assert np.shares_memory(back, array)


@pytest.mark.parametrize(
    "arrange",
    [
        lambda a: a[::-1],
        lambda a: a[:, ::-2],
        read_only,
        lambda a: np.broadcast_to(a, (2, 3, 4)),
        lambda a: a.astype(np.float32),
        lambda a: a.astype(np.float16),
        lambda a: a.astype(np.longdouble),
        lambda a: a.astype(np.int8),
        lambda a: a.astype(np.uint64),
        lambda a: a > 4,
        lambda a: a.astype(">f8"),
        misaligned,
        field,
        lambda a: a[:, :0],
    ],
)
def test_other_arrays_are_copied(arrange: Callable[[Array], Array]) -> None:
    array = arrange(numbered((3, 4)))
    data = REFERENCE.from_numpy(array)
    expect(data, array)
    assert data.storage.dtype == np.float64
    assert data.storage.flags.writeable
    assert data.is_contiguous()
    assert not np.shares_memory(data.storage, array)


def test_float32_backend_shares_float32_arrays() -> None:
    array = numbered((3, 4), np.float32)
    assert np.shares_memory(SINGLE.from_numpy(array).storage, array)
    assert not np.shares_memory(SINGLE.from_numpy(array.astype(np.float64)).storage, array)


@pytest.mark.parametrize(
    "array",
    [np.array([1j]), np.array(["1"]), np.array([None]), np.array(["2024"], "datetime64[Y]")],
)
def test_arrays_of_other_than_real_dtypes(array: Array) -> None:
    with pytest.raises(TypeError, match=r"from_numpy: an array of .*a real dtype"):
        REFERENCE.from_numpy(array)


def test_too_many_dimensions() -> None:
    expect(REFERENCE.from_numpy(np.ones((1,) * 32)), np.ones((1,) * 32))
    with pytest.raises(IndexingError, match="from_numpy: 33 dimensions"):
        REFERENCE.from_numpy(np.ones((1,) * 33))


def test_scalars_become_tensors_without_dimensions() -> None:
    for number in (np.float64(2.5), np.array(2.5), np.int8(2)):
        data = REFERENCE.from_numpy(number)  # type: ignore[arg-type]
        assert (data.shape, data.get(())) == ((), float(number))


@given(shapes, st.data())
def test_any_slice_of_any_array(shape: tuple[int, ...], draws: st.DataObject) -> None:
    array = numbered(shape).transpose(draws.draw(st.permutations(range(len(shape)))))
    steps = st.sampled_from([-2, -1, 1, 2, 3])
    part = array[tuple(slice(None, None, draws.draw(steps)) for _ in shape)]
    data = REFERENCE.from_numpy(part)
    expect(data, part)
    assert np.array_equal(REFERENCE.to_numpy(data), part)


# Views of tensors as arrays


@pytest.mark.parametrize("layout", LAYOUTS)
@given(shape=shapes)
@example(shape=(1,) * 32)
def test_to_numpy_is_a_view_of_the_same_elements(layout: str, shape: tuple[int, ...]) -> None:
    data = LAYOUTS[layout](REFERENCE, numbered(shape))
    array = REFERENCE.to_numpy(data)
    expect(data, array)
    assert array.size == 0 or np.shares_memory(array, data.storage)
    if array.size and array.flags.writeable:
        array[(0,) * array.ndim] = -1.0
        assert data.get((0,) * array.ndim) == -1.0


@pytest.mark.parametrize(
    ("shape", "strides", "writable"),
    [
        ((3, 4), (1, 0), False),
        ((3, 2), (1, 0), False),
        ((2, 3), (0, 1), False),
        # The stride of a dimension of size 1 does not matter.
        ((3, 1), (2, 0), True),
        ((1, 3), (0, 2), True),
    ],
)
def test_broadcast_views_are_read_only(
    shape: tuple[int, ...], strides: tuple[int, ...], writable: bool
) -> None:
    array = host_array(TensorData(np.arange(6.0), shape, strides))
    assert array.flags.writeable == writable


def test_a_storage_longer_than_needed() -> None:
    storage = np.arange(9.0)
    assert host_array(TensorData(storage, (2, 2))).tolist() == [[0, 1], [2, 3]]
    assert host_array(TensorData(storage, (2, 2), (1, 3))).tolist() == [[0, 3], [1, 4]]


@pytest.mark.parametrize("step", [2, -1, -3])
def test_a_strided_storage(step: int) -> None:
    for strides in (None, (1, 2), (0, 1)):
        data = TensorData(np.arange(18.0)[::step], (2, 3), strides)
        expect(data, host_array(data))


# Allocation


@pytest.mark.parametrize("backend", [REFERENCE, SINGLE])
@given(shape=shapes)
@example(shape=(2,) * 10 + (1,) * 22)
def test_new_tensors(backend: Reference, shape: tuple[int, ...]) -> None:
    for data, value in ((backend.full(shape, 2.5), 2.5), (backend.zeros(shape), 0.0)):
        array = backend.to_numpy(data)
        assert array.shape == shape
        assert array.dtype == backend.dtype
        assert (array == value).all()
        assert data.is_contiguous()
    assert backend.empty(shape).shape == shape
    assert backend.empty(shape).storage.flags.writeable


@pytest.mark.parametrize("layout", LAYOUTS)
@given(shape=shapes)
def test_copies_are_contiguous_and_share_no_memory(layout: str, shape: tuple[int, ...]) -> None:
    data = LAYOUTS[layout](REFERENCE, numbered(shape))
    twin = REFERENCE.copy(data)
    expect(twin, host_array(data))
    assert twin.is_contiguous()
    assert not np.shares_memory(twin.storage, data.storage)


def test_contiguous_copies_only_other_layouts() -> None:
    data = REFERENCE.from_numpy(numbered((2, 3)))
    assert REFERENCE.contiguous(data) is data
    turned = data.permute(1, 0)
    assert REFERENCE.contiguous(turned).is_contiguous()
    expect(REFERENCE.contiguous(turned), host_array(turned))
