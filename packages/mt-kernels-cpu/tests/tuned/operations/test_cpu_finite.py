"""The test for infinite elements, on tensors in other layouts than their storages."""

import numpy as np

from mt_kernels_cpu.tuned.operations.finite import all_finite
from mt_tensor import TensorData


def test_elements_of_the_storage_that_no_tensor_has_do_not_count() -> None:
    """A broadcast tensor may have as many elements as its storage."""
    storage = np.full(9, np.nan)
    storage[::4] = 1.0
    assert all_finite(TensorData(storage, (3, 3), (4, 0)))


def test_each_element_of_a_permuted_tensor_counts() -> None:
    storage = np.ones(6)
    assert all_finite(TensorData(storage, (2, 3), (1, 2)))
    storage[4] = np.inf
    assert not all_finite(TensorData(storage, (2, 3), (1, 2)))
