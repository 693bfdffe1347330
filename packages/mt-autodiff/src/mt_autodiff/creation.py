"""Functions that create tensors.

Random tensors draw from a generator that the caller passes; no global generator is used.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mt_autodiff.tensor import Tensor
from mt_tensor import REFERENCE, Backend, TensorData

Seed: TypeAlias = np.random.Generator | int | None
"""A generator, the seed of a new one, or None for a new generator with an unpredictable seed."""


def tensor(data: Any, backend: Backend = REFERENCE, requires_grad: bool = False) -> Tensor:
    """Make a contiguous tensor from a number, nested lists, an array or a tensor, copying it.

    Args:
        data: Real numbers; nested lists must be of equal lengths.
        backend: The tensor's backend, which determines its dtype.
        requires_grad: True makes a leaf, False a constant.

    Raises:
        ValueError: The lists differ in length.
        TypeError: An item is not a real number.

    >>> tensor([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if isinstance(data, Tensor):
        data = data.to_numpy()
    try:
        array = np.array(data, order="C")
    except ValueError as error:
        raise ValueError("tensor: nested lists must have equal lengths") from error
    if array.dtype.kind not in "fiub":
        # An empty list is an array of float64. Other dtypes, such as complex or object, are errors.
        raise TypeError(f"tensor: expected real numbers, got an array of {array.dtype}")
    return _leaf(
        backend.from_numpy(array.astype(backend.dtype, copy=False)), backend, requires_grad
    )


def from_numpy(array: npt.NDArray[Any], backend: Backend = REFERENCE) -> Tensor:
    """Make a constant that shares an array's memory if dtype and layout allow."""
    return _leaf(backend.from_numpy(array), backend, False)


def from_dlpack(exporter: Any, backend: Backend = REFERENCE) -> Tensor:
    """Make a constant from another library's tensor, sharing memory where possible.

    Args:
        exporter: An object with `__dlpack__` and `__dlpack_device__`.
        backend: The tensor's backend.

    Raises:
        TypeError: The exporter's memory is not accessible to the backend, or its dtype is not
            real.
    """
    return _leaf(backend.from_dlpack(exporter), backend, False)


def zeros(
    shape: Sequence[int], backend: Backend = REFERENCE, requires_grad: bool = False
) -> Tensor:
    """Make a tensor of zeros."""
    return full(shape, 0.0, backend, requires_grad)


def ones(shape: Sequence[int], backend: Backend = REFERENCE, requires_grad: bool = False) -> Tensor:
    """Make a tensor of ones."""
    return full(shape, 1.0, backend, requires_grad)


def full(
    shape: Sequence[int],
    value: float,
    backend: Backend = REFERENCE,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor whose elements all equal `value`."""
    return _leaf(backend.full(shape, value), backend, requires_grad)


def rand(
    shape: Sequence[int],
    rng: Seed = None,
    backend: Backend = REFERENCE,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of random numbers, uniform in [0, 1)."""
    array = np.random.default_rng(rng).random(tuple(shape))
    # Conversion to float32 would round the largest numbers up to 1.
    below_one = np.nextafter(backend.dtype.type(1), backend.dtype.type(0))
    return _leaf(backend.from_numpy(np.minimum(array, below_one)), backend, requires_grad)


def randn(
    shape: Sequence[int],
    rng: Seed = None,
    backend: Backend = REFERENCE,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of random numbers, normal with mean 0 and variance 1."""
    array = np.random.default_rng(rng).standard_normal(tuple(shape))
    return _leaf(backend.from_numpy(array), backend, requires_grad)


def _leaf(data: TensorData, backend: Backend, requires_grad: bool) -> Tensor:
    result = Tensor(data, backend=backend)
    return result.requires_grad_(True) if requires_grad else result
