"""The course's exercises with shared memory, compared with NumPy."""

import numpy as np
import pytest

from mt_kernels_cuda import THREADS_PER_BLOCK, Cuda, mm_practice, sum_practice
from mt_tensor import ShapeError

DEVICE = Cuda()


@pytest.mark.parametrize("size", [0, 1, 16, 31, 32, 33, 64, 100])
def test_sum_practice_sums_groups(size: int) -> None:
    numbers = np.random.default_rng(size).normal(size=size)
    result = DEVICE.to_numpy(sum_practice(DEVICE.from_numpy(numbers)))
    groups = max(2, -(-size // THREADS_PER_BLOCK))
    padded = np.zeros(groups * THREADS_PER_BLOCK)
    padded[:size] = numbers
    np.testing.assert_allclose(result, padded.reshape(groups, -1).sum(1), atol=1e-14)


@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_mm_practice_multiplies(size: int) -> None:
    a, b = np.random.default_rng(size).normal(size=(2, size, size))
    result = mm_practice(DEVICE.from_numpy(a), DEVICE.from_numpy(b).permute(0, 1))
    assert result.shape == (size, size)
    np.testing.assert_allclose(DEVICE.to_numpy(result), a @ b, rtol=1e-12, atol=1e-14)


def test_matrices_of_a_full_block() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, THREADS_PER_BLOCK, THREADS_PER_BLOCK))
    result = mm_practice(DEVICE.from_numpy(a), DEVICE.from_numpy(b))
    np.testing.assert_allclose(DEVICE.to_numpy(result), a @ b, rtol=1e-12, atol=1e-12)


def test_operands_may_be_views() -> None:
    a = np.arange(6.0).reshape(2, 3)
    column = DEVICE.from_numpy(a).permute(1, 0)
    square = DEVICE.from_numpy(np.array([[1.0, 2.0], [3.0, 4.0]]))
    product = mm_practice(square.permute(1, 0), square)
    assert DEVICE.to_numpy(product).tolist() == [[10.0, 14.0], [14.0, 20.0]]
    flat = DEVICE.contiguous(column).view(6)
    assert DEVICE.to_numpy(sum_practice(flat)).tolist() == [15.0, 0.0]


def test_other_shapes_are_an_error() -> None:
    with pytest.raises(ShapeError, match="one dimension"):
        sum_practice(DEVICE.zeros((2, 2)))
    for a, b in [((2, 3), (3, 2)), ((2, 2), (3, 3)), ((33, 33), (33, 33)), ((), ()), ((2,), (2,))]:
        with pytest.raises(ShapeError, match="mm_practice"):
            mm_practice(DEVICE.zeros(a), DEVICE.zeros(b))
