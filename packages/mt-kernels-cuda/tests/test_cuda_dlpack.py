"""DLPack structures are compatible with NumPy."""

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
    """An object that `numpy.from_dlpack` accepts."""

    def __init__(self, data: TensorData) -> None:
        self.data = data

    def __dlpack__(self, **options: Any) -> Any:
        storage: Any = self.data.storage
        return dlpack.export(self.data, storage.ctypes.data, HOST)

    def __dlpack_device__(self) -> tuple[int, int]:
        return HOST


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4)])
def test_numpy_reads_an_exported_tensor(shape: tuple[int, ...], dtype: Any) -> None:
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


def test_an_exported_tensor_is_alive_while_it_is_used() -> None:
    before = len(dlpack._exported)
    numbers = np.arange(4.0)
    seen = np.from_dlpack(Exporter(TensorData(numbers, (4,))))
    freed = weakref.ref(numbers)
    del numbers
    gc.collect()
    assert freed() is not None
    assert seen.tolist() == [0.0, 1.0, 2.0, 3.0]
    del seen
    gc.collect()
    assert freed() is None
    assert len(dlpack._exported) == before


def test_an_unused_capsule_releases_its_tensor() -> None:
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
def test_an_array_of_numpy_is_imported(array: Any) -> None:
    taken = dlpack.Import(array.__dlpack__())
    interface: Any = taken.__cuda_array_interface__
    address, _ = interface["data"]
    assert address == array.ctypes.data
    assert interface["typestr"] == array.dtype.str
    assert (interface["shape"], interface["strides"]) == (array.shape, array.strides)


def test_an_import_releases_its_tensor() -> None:
    array = np.arange(3.0)
    taken = dlpack.Import(array.__dlpack__())
    exported = weakref.ref(array)
    del array
    gc.collect()
    assert exported() is not None
    del taken
    gc.collect()
    assert exported() is None


def test_a_capsule_can_be_used_once() -> None:
    capsule = np.zeros(2).__dlpack__()
    dlpack.Import(capsule)
    with pytest.raises(BufferError, match="used before"):
        dlpack.Import(capsule)
    with pytest.raises(BufferError, match="elements of type 5"):
        dlpack.Import(np.zeros(2, np.complex64).__dlpack__())


class OnGpu:
    """An array in device memory of another library."""

    def __init__(self, **changes: Any) -> None:
        interface = {"shape": (2, 3), "strides": None, "typestr": "<f4", "data": (4096, False)}
        self.__cuda_array_interface__ = {**interface, "version": 3, **changes}


def test_device_arrays_are_viewed_as_one_range_of_memory() -> None:
    float32 = np.dtype(np.float32)
    flat, shape, strides = dlpack.as_flat(OnGpu(), float32)
    assert flat.__cuda_array_interface__["shape"] == (6,)
    assert (shape, strides) == ((2, 3), (3, 1))
    transposed = OnGpu(strides=(4, 16))
    flat, shape, strides = dlpack.as_flat(transposed, float32)
    assert flat.__cuda_array_interface__["shape"] == (10,)
    assert (shape, strides) == ((2, 3), (1, 4))
    assert flat.owner is transposed


def test_arrays_that_cannot_be_shared_are_an_error() -> None:
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
    """A tensor of another library in device memory."""

    def __dlpack__(self, **options: Any) -> Any:
        raise BufferError("the device is read first")

    def __dlpack_device__(self) -> tuple[int, int]:
        return (dlpack.CUDA, 0)


def test_a_host_backend_names_the_device_of_the_tensor() -> None:
    with pytest.raises(TypeError, match="on device 2:0, and Reference"):
        REFERENCE.from_dlpack(Elsewhere())


class DeviceArray(np.ndarray):
    """A host array with the interface of numba's arrays in device memory."""

    stream: int | None = None

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        data = (self.ctypes.data, False)
        known = {"shape": self.shape, "typestr": self.dtype.str, "data": data, "strides": None}
        return {**known, "stream": self.stream, "version": 3}


def device_array(count: int, dtype: Any = np.float32, stream: int | None = None) -> Any:
    array = np.arange(count).astype(dtype).view(DeviceArray)
    array.stream = stream
    return array


TENSORS_ON_A_GPU = [
    TensorData(device_array(6), (2, 3)),
    TensorData(device_array(6, np.float64), (2, 3)).permute(1, 0),
    TensorData(device_array(12)[1:], (2, 2), (4, 2)),
    TensorData(device_array(3), (2, 3), (0, 1)),
    TensorData(device_array(1), ()),
    TensorData(device_array(1), (2, 0, 3)),
]


@pytest.mark.parametrize("data", TENSORS_ON_A_GPU, ids=str)
def test_device_tensors_have_the_array_interface(data: TensorData) -> None:
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
    # 0 is not allowed; 1 is the default stream.
    assert interface["stream"] == 1
    if data.size == 0:
        assert address == 0
        return
    for index in np.ndindex(*data.shape):
        position = address + int(np.dot(index, interface["strides"]) if index else 0)
        number = np.ctypeslib.as_array(
            (ctypes.c_uint8 * data.storage.dtype.itemsize).from_address(position)
        ).view(data.storage.dtype)
        assert number[0] == data.get(index)


def test_the_interface_names_the_stream() -> None:
    assert TensorData(device_array(6, stream=77), (6,)).__cuda_array_interface__["stream"] == 77
    assert not hasattr(TensorData(np.zeros(6), (2, 3)), "__cuda_array_interface__")


@pytest.mark.parametrize("data", TENSORS_ON_A_GPU, ids=str)
def test_a_device_tensor_is_imported_again(data: TensorData) -> None:
    flat, shape, strides = dlpack.as_flat(data, data.storage.dtype)
    assert (shape, strides) == (data.shape, data.strides)
    known = flat.__cuda_array_interface__
    assert known["data"] == data.__cuda_array_interface__["data"]
    assert known["stream"] == 1
