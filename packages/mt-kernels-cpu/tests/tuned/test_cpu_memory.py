"""Memory of the tuned backend: copies, pickles, and operands in any storage."""

import copy
import pickle
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest

from mt_kernels_cpu.tuned import Tuned
from mt_kernels_cpu.tuned.buffers import ALIGNMENT
from mt_kernels_cpu.tuned.convolution.form import Convolution
from mt_kernels_cpu.tuned.convolution.max_over_time import MaxOverTime
from mt_kernels_cpu.tuned.layers.pooling import MaxPool2d
from mt_tensor import TensorData, operators
from tools.layouts import LAYOUTS


def test_copies_and_pickles_compute() -> None:
    backend = Tuned()
    a = backend.from_numpy(np.ones(3, np.float32))
    backend.zip(operators.add, a, a)
    for other in (copy.deepcopy(backend), pickle.loads(pickle.dumps(backend))):
        assert other == backend
        assert other.to_numpy(other.zip(operators.add, a, a)).tolist() == [2.0, 2.0, 2.0]


def test_a_backend_with_buffers_can_be_copied_and_pickled() -> None:
    backend = Tuned(np.float64)
    copied = backend.zeros((100_000,))
    for other in (copy.deepcopy(backend), pickle.loads(pickle.dumps(backend))):
        assert other == backend
        assert not np.shares_memory(other.empty((100_000,)).storage, copied.storage)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["of the other dtype", "with gaps between elements"])
def test_operands_that_vectors_cannot_be_loaded_from(dtype: Any, kind: str) -> None:
    backend, rng = Tuned(dtype), np.random.default_rng(0)
    other = np.float32 if dtype == np.float64 else np.float64

    def both(*shape: int) -> tuple[TensorData, TensorData]:
        numbers = rng.integers(-9, 9, shape)
        spread = np.repeat(numbers.reshape(-1), 2).astype(dtype)[::2]
        elements = (
            spread if kind == "with gaps between elements" else numbers.astype(other).reshape(-1)
        )
        return TensorData(elements, shape), backend.from_numpy(numbers)

    def results(x: TensorData, w: TensorData, b: TensorData, g: TensorData) -> Iterator[Any]:
        yield backend.convolve(x, w)
        out, saved = cast(Any, Convolution.forward)(
            backend, (True, True, True), x, w, b, (0,), (40,), (1,), True
        )
        yield from (out, *Convolution.backward(backend, saved, g))
        out, saved = cast(Any, MaxOverTime.forward)(
            backend, (True, True, True), x, w, b, (0,), (40,), (1,)
        )
        yield from (out, *MaxOverTime.backward(backend, saved, b.view(1, 3, 1)))
        images = TensorData(x.storage, (1, 2, 2, 20))
        yield cast(Any, MaxPool2d.forward)(backend, (True,), images, (2, 2))[0]

    unusual, native = zip(both(1, 2, 40), both(3, 2, 3), both(3), both(1, 3, 40), strict=True)
    for received, expected in zip(results(*unusual), results(*native), strict=True):
        np.testing.assert_array_equal(
            backend.to_numpy(received), backend.to_numpy(expected), strict=True
        )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_elements_are_copied_only_if_necessary(layout: str) -> None:
    backend = Tuned(np.float64)
    a = LAYOUTS[layout](backend, np.arange(6.0).reshape(2, 3))
    elements = backend.elements(a)
    np.testing.assert_array_equal(elements, backend.to_numpy(a).reshape(-1), strict=True)
    assert np.shares_memory(elements, a.storage) == a.is_contiguous()


@pytest.mark.parametrize("count", [1, 5, 100_000])
def test_scratch_is_aligned_to_cache_lines(count: int) -> None:
    scratch = Tuned().scratch(3, count)
    assert scratch.shape[0] == 3
    assert scratch.shape[1] >= count
    assert [row.ctypes.data % ALIGNMENT for row in scratch] == [0, 0, 0]
