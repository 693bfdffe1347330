"""Map and zip of the tuned backend: float4 accesses, few_dims layouts, single precision."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_kernels_cuda import TunedCuda
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_kernels_cuda.tuned.hardware.vec4 import aligned
from mt_kernels_cuda.tuned.operations.elementwise import few_dims
from mt_tensor import REFERENCE, TensorData, operators

SINGLE, DOUBLE = TunedCuda(), TunedCuda(np.float64)


def drawn(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 8 * THREADS + 3, 16 * THREADS])
@pytest.mark.parametrize("start", [0, 1, 4])
def test_vector_accesses_and_the_remainder(size: int, start: int) -> None:
    """Single precision is loaded four numbers at a time if the storage is aligned."""
    numbers = drawn(start + size).astype(np.float32)
    data = TensorData(SINGLE.from_numpy(numbers).storage[start:], (size,))
    assert aligned(data.storage) == (start % 4 == 0)
    one = SINGLE.from_numpy(np.array(2.0))
    view = numbers[start:]
    for result, expected in [
        (SINGLE.map(operators.neg, data), -view),
        (SINGLE.zip(operators.add, data, data), view + view),
        (SINGLE.zip(operators.mul, data, one), view * 2),
        (SINGLE.zip(operators.mul, one, data), view * 2),
    ]:
        received = SINGLE.to_numpy(result)
        assert received.dtype == np.float32
        np.testing.assert_array_equal(received, expected)


def test_layouts_of_many_dimensions_use_the_kernels_of_the_course() -> None:
    shape = (2,) * 6
    a = DOUBLE.from_numpy(drawn(*shape)).permute(5, 3, 1, 4, 2, 0)
    out = DOUBLE.from_numpy(np.zeros(shape)).permute(1, 0, 3, 2, 5, 4)
    expected = DOUBLE.to_numpy(a)
    assert few_dims(out.shape, out.strides, a.strides) is None
    np.testing.assert_array_equal(DOUBLE.to_numpy(DOUBLE.map(operators.neg, a, out)), -expected)
    total = DOUBLE.zip(operators.add, a, DOUBLE.from_numpy(drawn(2)), out)
    np.testing.assert_allclose(DOUBLE.to_numpy(total), expected + drawn(2))


@given(st.data())
@settings(max_examples=100)
def test_merged_layouts_have_the_same_positions(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 3), max_size=4)))
    layouts = [tuple(data.draw(st.integers(0, 12)) for _ in shape) for _ in range(2)]
    answer = few_dims(shape, *layouts)
    assert answer is not None
    dims, numbers = answer
    sizes, steps = numbers[:dims], [numbers[dims * k : dims * (k + 1)] for k in (1, 2)]
    for before, after in zip(layouts, steps, strict=True):
        expected = [np.dot(index, before) if index else 0 for index in np.ndindex(*shape)]
        assert [np.dot(index, after) for index in np.ndindex(*sizes)] == expected


def test_results_agree_with_the_reference_in_single_precision() -> None:
    a, b = drawn(5, 6), drawn(6, 7)
    operations: list[Callable[..., TensorData]] = [
        lambda wview, x, y: wview.matmul(x, y),
        lambda wview, x, y: wview.map(operators.sigmoid, x),
        lambda wview, x, y: wview.zip(operators.mul, x, x),
    ]
    for operation in operations:
        received, expected = (
            wview.to_numpy(operation(wview, wview.from_numpy(a), wview.from_numpy(b)))
            for wview in (SINGLE, REFERENCE)
        )
        assert received.dtype == np.float32
        np.testing.assert_allclose(received, expected, rtol=2e-6, atol=2e-6)
