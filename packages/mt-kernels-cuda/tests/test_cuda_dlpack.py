"""Structures of DLPack, written and read here, are those that NumPy reads and writes."""

import ctypes
import gc
import weakref
from typing import Any

import numpy as np
import pytest

from mt_kernels_cuda import Cuda, dlpack
from mt_tensor import REFERENCE, TensorData

HOST = (1, 0)


class Exporter:
    """What `numpy.from_dlpack` asks for a capsule."""

    def __init__(self, data: TensorData) -> None:
        self.data = data

    def __dlpack__(self, **options: Any) -> Any:
        storage: Any = self.data.storage
        return dlpack.export(self.data, storage.ctypes.data, HOST)

    def __dlpack_device__(self) -> tuple[int, int]:
        return HOST


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4)])
def test_numpy_reads_what_is_exported(shape: tuple[int, ...], dtype: Any) -> None:
    array = np.random.default_rng(0).normal(size=shape).astype(dtype)
    data = TensorData(array.reshape(-1).copy(), shape)
    if data.dims == 3:
        data, array = data.permute(2, 0, 1), array.transpose(2, 0, 1)
    seen = np.from_dlpack(Exporter(data))
    assert seen.dtype == dtype
    np.testing.assert_array_equal(seen, array)
    if array.size > 1:
        storage: Any = data.storage
        storage[0] = 7.0
        assert seen.flat[0] == 7.0


def test_what_is_exported_lives_as_long_as_it_is_seen() -> None:
    before = len(dlpack._exported)
    cells = np.arange(4.0)
    seen = np.from_dlpack(Exporter(TensorData(cells, (4,))))
    gone = weakref.ref(cells)
    del cells
    gc.collect()
    assert gone() is not None
    assert seen.tolist() == [0.0, 1.0, 2.0, 3.0]
    del seen
    gc.collect()
    assert gone() is None
    assert len(dlpack._exported) == before


def test_a_capsule_that_nobody_uses_lets_go() -> None:
    before = len(dlpack._exported)
    capsule = Exporter(TensorData(np.zeros(2), (2,))).__dlpack__()
    assert len(dlpack._exported) == before + 1
    del capsule
    assert len(dlpack._exported) == before


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(6, dtype=np.float32)[::2],
        np.arange(3),
        np.array(1.0),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_what_numpy_exports_is_read(array: Any) -> None:
    taken = dlpack.Import(array.__dlpack__())
    interface: Any = taken.__cuda_array_interface__
    address, _ = interface["data"]
    assert address == array.ctypes.data
    assert interface["typestr"] == array.dtype.str
    assert (interface["shape"], interface["strides"]) == (array.shape, array.strides)


def test_an_import_lets_go_of_its_tensor() -> None:
    array = np.arange(3.0)
    taken = dlpack.Import(array.__dlpack__())
    held = weakref.ref(array)
    del array
    gc.collect()
    assert held() is not None
    del taken
    gc.collect()
    assert held() is None


def test_a_capsule_is_used_once() -> None:
    capsule = np.zeros(2).__dlpack__()
    dlpack.Import(capsule)
    with pytest.raises(BufferError, match="used before"):
        dlpack.Import(capsule)
    with pytest.raises(BufferError, match="numbers of kind 5"):
        dlpack.Import(np.zeros(2, np.complex64).__dlpack__())


class OnGpu:
    """An array as other libraries describe those of a GPU."""

    def __init__(self, **changes: Any) -> None:
        given = {"shape": (2, 3), "strides": None, "typestr": "<f4", "data": (4096, False)}
        self.__cuda_array_interface__ = {**given, "version": 3, **changes}


def test_arrays_of_a_gpu_are_seen_as_one_run_of_memory() -> None:
    float32 = np.dtype(np.float32)
    flat, shape, strides = dlpack.as_flat(OnGpu(), float32)
    assert flat.__cuda_array_interface__["shape"] == (6,)
    assert (shape, strides) == ((2, 3), (3, 1))
    turned = OnGpu(strides=(4, 16))
    flat, shape, strides = dlpack.as_flat(turned, float32)
    assert flat.__cuda_array_interface__["shape"] == (10,)
    assert (shape, strides) == ((2, 3), (1, 4))
    assert flat.owner is turned


def test_what_cannot_be_shared_is_refused() -> None:
    backend = Cuda(np.float32)
    with pytest.raises(TypeError, match=r"no __cuda_array_interface__.*from_numpy"):
        backend.from_device(np.zeros(2))
    with pytest.raises(TypeError, match="an array of float64 for a backend of float32"):
        backend.from_device(OnGpu(typestr="<f8"))
    with pytest.raises(ValueError, match="must not be negative"):
        backend.from_device(OnGpu(strides=(-12, 4)))
    with pytest.raises(ValueError, match="multiples of 4"):
        backend.from_device(OnGpu(strides=(6, 2)))


class Elsewhere:
    """A tensor of another library in the memory of a GPU."""

    def __dlpack_device__(self) -> tuple[int, int]:
        return (dlpack.CUDA, 0)


def test_a_host_backend_says_where_the_tensor_is() -> None:
    with pytest.raises(TypeError, match="on device 2:0, and Reference"):
        REFERENCE.from_dlpack(Elsewhere())


class Cells(np.ndarray):
    """Stands for numba's array in the memory of a GPU."""

    stream: int | None = None

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        place = (self.ctypes.data, False)
        known = {"shape": self.shape, "typestr": self.dtype.str, "data": place, "strides": None}
        return {**known, "stream": self.stream, "version": 3}


def cells(count: int, dtype: Any = np.float32, stream: int | None = None) -> Any:
    array = np.arange(count).astype(dtype).view(Cells)
    array.stream = stream
    return array


TENSORS_ON_A_GPU = [
    TensorData(cells(6), (2, 3)),
    TensorData(cells(6, np.float64), (2, 3)).permute(1, 0),
    TensorData(cells(12)[1:], (2, 2), (4, 2)),
    TensorData(cells(3), (2, 3), (0, 1)),
    TensorData(cells(1), ()),
    TensorData(cells(1), (2, 0, 3)),
]


@pytest.mark.parametrize("data", TENSORS_ON_A_GPU, ids=str)
def test_tensors_of_a_gpu_describe_themselves(data: TensorData) -> None:
    """Field by field: https://numba.readthedocs.io/en/stable/cuda/cuda_array_interface.html."""
    interface = data.__cuda_array_interface__
    assert set(interface) == {"shape", "typestr", "data", "version", "strides", "stream"}
    assert interface["version"] == 3
    assert interface["shape"] == data.shape
    assert np.dtype(interface["typestr"]) == data.storage.dtype
    assert len(interface["strides"]) == len(data.shape)
    assert all(type(number) is int for number in (*interface["shape"], *interface["strides"]))
    address, read_only = interface["data"]
    assert (type(address), read_only) == (int, False)
    # 0 is no stream, and the device's own is 1.
    assert interface["stream"] == 1
    if data.size == 0:
        assert address == 0
        return
    for index in np.ndindex(*data.shape):
        place = address + int(np.dot(index, interface["strides"]) if index else 0)
        number = np.ctypeslib.as_array(
            (ctypes.c_uint8 * data.storage.dtype.itemsize).from_address(place)
        ).view(data.storage.dtype)
        assert number[0] == data.get(index)


def test_a_tensor_of_a_gpu_is_ready_in_its_stream() -> None:
    assert TensorData(cells(6, stream=77), (6,)).__cuda_array_interface__["stream"] == 77
    assert not hasattr(TensorData(np.zeros(6), (2, 3)), "__cuda_array_interface__")


@pytest.mark.parametrize("data", TENSORS_ON_A_GPU, ids=str)
def test_what_describes_itself_is_taken_back(data: TensorData) -> None:
    flat, shape, strides = dlpack.as_flat(data, data.storage.dtype)
    assert (shape, strides) == (data.shape, data.strides)
    known = flat.__cuda_array_interface__
    assert known["data"] == data.__cuda_array_interface__["data"]
    assert known["stream"] == 1
