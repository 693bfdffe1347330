"""Memory of the backend: copies to the device and back, operands in host memory, streams."""

import copy
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numba import cuda

from mt_kernels_cuda import Cuda, TunedCuda, mm_practice, sum_practice
from mt_kernels_cuda.elementwise import fill
from mt_tensor import REFERENCE, IndexingError, TensorData, operators

DEVICE = Cuda()

ARRAYS: list[npt.NDArray[Any]] = [
    np.arange(6.0).reshape(2, 3),
    np.arange(6.0).reshape(2, 3).T,
    np.arange(24.0).reshape(2, 3, 4)[:, ::-2, 1:],
    np.broadcast_to(np.arange(3.0), (2, 3)),
    np.array(2.5),
    np.zeros((2, 0, 3)),
    np.arange(4, dtype=np.uint8),
    np.array([True, False]),
    np.array([0.1, 0.2], np.float32),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_a_copy_to_the_device_and_back_is_equal(
    array: npt.NDArray[Any], dtype: npt.DTypeLike
) -> None:
    backend = Cuda(dtype)
    data = backend.from_numpy(array)
    assert data.shape == array.shape
    assert data.is_contiguous()
    back = backend.to_numpy(data)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, array.astype(dtype))


def test_device_memory_is_independent_of_host_memory() -> None:
    array = np.zeros(2)
    data = DEVICE.from_numpy(array)
    array[0] = 1.0
    fetched = DEVICE.to_numpy(data)
    assert fetched.tolist() == [0.0, 0.0]
    fetched[1] = 1.0
    assert DEVICE.to_numpy(data).tolist() == [0.0, 0.0]


def test_views_are_copied_to_the_host_correctly() -> None:
    numbers = np.arange(24.0)
    data = DEVICE.from_numpy(numbers)
    for start, shape, strides in [(0, (3, 4), (1, 3)), (5, (2, 2), (9, 2)), (3, (2, 3), (0, 1))]:
        view = TensorData(data.storage[start:], shape, strides)
        expected = REFERENCE.to_numpy(TensorData(numbers[start:], shape, strides))
        np.testing.assert_array_equal(DEVICE.to_numpy(view), expected)
        copy = DEVICE.contiguous(view)
        assert copy.is_contiguous()
        np.testing.assert_array_equal(DEVICE.to_numpy(copy), expected)


@pytest.mark.parametrize("shape", [(), (3, 4), (2, 0), (1,)])
def test_full_and_empty(shape: tuple[int, ...]) -> None:
    np.testing.assert_array_equal(DEVICE.to_numpy(DEVICE.full(shape, 2.5)), np.full(shape, 2.5))
    assert DEVICE.to_numpy(DEVICE.empty(shape)).shape == shape
    with pytest.raises(IndexingError, match="negative"):
        DEVICE.empty((2, -1))


def test_single_elements_are_read_and_written() -> None:
    data = DEVICE.from_numpy(np.arange(6.0).reshape(2, 3)).permute(1, 0)
    data.set((2, 1), 10.0)
    assert data.get((2, 1)) == 10.0
    assert DEVICE.to_numpy(data).tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 10.0]]


def test_results_keep_single_precision() -> None:
    backend = Cuda(np.float32)
    a = backend.from_numpy(np.full((2, 2), 0.1))
    for result in (
        backend.map(operators.exp, a),
        backend.zip(operators.add, a, a),
        backend.reduce(operators.add, a, 0, 0.0),
        backend.matmul(a, a),
    ):
        assert backend.to_numpy(result).dtype == np.float32
    np.testing.assert_allclose(backend.to_numpy(backend.matmul(a, a)), 0.02, rtol=1e-6)


def test_operands_in_host_memory_are_an_error() -> None:
    on_host, on_device = REFERENCE.zeros((2, 2)), DEVICE.zeros((2, 2))
    for operation in (
        lambda: DEVICE.map(operators.neg, on_host),
        lambda: DEVICE.map(operators.neg, on_device, on_host),
        lambda: DEVICE.zip(operators.add, on_device, on_host),
        lambda: DEVICE.reduce(operators.add, on_host, 0, 0.0),
        lambda: DEVICE.matmul(on_device, on_host),
        lambda: DEVICE.convolve(on_host.view(1, 2, 2), on_device.view(1, 2, 2)),
        lambda: DEVICE.convolve(on_device.view(1, 1, 2, 2), on_host.view(1, 1, 2, 2)),
        lambda: DEVICE.to_numpy(on_host),
        lambda: sum_practice(on_host.view(4)),
        lambda: mm_practice(on_device, on_host),
    ):
        with pytest.raises(TypeError, match=r"host memory.*from_numpy"):
            operation()


def test_arrays_of_text_are_an_error() -> None:
    with pytest.raises(TypeError, match="a real dtype"):
        DEVICE.from_numpy(np.array(["a"]))


def test_backends_are_pickled_without_their_streams() -> None:
    backend = TunedCuda(np.float64, debug=True)
    backend.map(operators.neg, backend.zeros((3,)))
    for again in (pickle.loads(pickle.dumps(backend)), copy.deepcopy(backend)):
        assert again == backend
        assert again.debug


def test_backends_are_equal_if_their_dtypes_are() -> None:
    assert Cuda() == Cuda(np.float64) != Cuda(np.float32)
    assert Cuda() != REFERENCE
    assert (Cuda().name, TunedCuda().name) == ("cuda", "cuda-tuned")
    assert Cuda() != TunedCuda(np.float64)


def drawn(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


@pytest.mark.parametrize("kind", [Cuda, TunedCuda])
def test_a_backend_computes_in_its_stream(kind: type[Cuda]) -> None:
    stream = cuda.stream()
    backend, usual = kind(np.float32, stream=stream), kind(np.float32)
    assert backend != usual
    assert backend == kind(np.float32, stream=stream)
    a = backend.from_numpy(drawn(3, 4))
    total = backend.reduce(operators.add, backend.matmul(a, a.permute(1, 0)), 0, 0.0)
    numbers = drawn(3, 4)
    expected = (numbers @ numbers.T).sum(0, keepdims=True)
    np.testing.assert_allclose(backend.to_numpy(total), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", [Cuda, TunedCuda])
def test_copies_use_the_stream_of_the_kernels(
    kind: type[Cuda], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies in the default stream would not be ordered with kernels in a non-blocking stream."""
    streams: list[Any] = []
    to_device, memory = cuda.to_device, type(DEVICE.allocate(1))
    copy_to_host, chosen = memory.copy_to_host, type(fill).__getitem__

    def sent(array: Any, stream: Any = 0, **options: Any) -> Any:
        streams.append(stream)
        return to_device(array, stream=stream, **options)

    def fetched(storage: Any, ary: Any = None, stream: Any = 0) -> Any:
        streams.append(stream)
        return copy_to_host(storage, ary, stream)

    def launched(made: Any, configuration: Any) -> Any:
        streams.append(configuration[2] if len(configuration) > 2 else 0)
        return chosen(made, configuration)

    monkeypatch.setattr(cuda, "to_device", sent)
    monkeypatch.setattr(memory, "copy_to_host", fetched)
    monkeypatch.setattr(type(fill), "__getitem__", launched)
    # The course's kernels receive layouts as arrays. The same layout occurs in all streams: no
    # stream may use the copy of another one.
    for stream in (cuda.stream(), cuda.stream(), 0):
        backend = kind(np.float32, stream=stream)
        a = backend.from_numpy(drawn(2, 3, 4, 5)).permute(3, 1, 2, 0)
        total = backend.reduce(operators.add, backend.zip(operators.add, a, a), 0, 0.0)
        product = backend.matmul(total, total.permute(0, 1, 3, 2))
        images = backend.convolve(product, backend.full((2, 3, 2, 2), 1.0))
        backend.to_numpy(backend.map(operators.neg, images.permute(1, 0, 3, 2)))
        assert streams
        assert all(each is stream for each in streams), streams
        streams.clear()
