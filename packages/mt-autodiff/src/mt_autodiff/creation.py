"""Functions that create tensors.

Random tensors draw from a generator that the caller passes; no global generator is used.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mt_autodiff.combining import concatenate
from mt_autodiff.engine import Move
from mt_autodiff.modes import grad_enabled
from mt_autodiff.tensor import Tensor
from mt_tensor import REFERENCE, Backend, TensorData
from mt_tensor.layout import check_shape

Seed: TypeAlias = np.random.Generator | int | None
"""A generator, the seed of a new one, or None for a new generator with an unpredictable seed."""


def tensor(data: Any, backend: Backend = REFERENCE, requires_grad: bool = False) -> Tensor:
    """Make a contiguous tensor from a number, nested lists, an array or a tensor, copying it.

    Args:
        data: Real numbers, or tensors; nested lists must be of equal lengths.
        backend: The tensor's backend, which determines its dtype.
        requires_grad: True makes a leaf. With False the tensor is a constant, or it passes
            gradients on to tensors in `data` that require them.

    Raises:
        ValueError: The lists differ in length, or `requires_grad` is True and a tensor in `data`
            requires a gradient.
        TypeError: An item is not a real number.

    >>> tensor([[1, 2], [3, 4]]).shape
    (2, 2)
    >>> x = tensor(2.0, requires_grad=True)
    >>> tensor([x * x, x, 1.0]).sum().backward()
    >>> x.grad
    tensor(5.)
    """
    if grad_enabled() and _has_gradient(data):
        if requires_grad:
            raise ValueError(
                "tensor: requires_grad=True makes a leaf, but the data contains a tensor that "
                "requires a gradient, which would be lost; pass its detach(), or leave out "
                "requires_grad: the new tensor then passes gradients on"
            )
        return _joined(data, backend)
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
    """Make a constant that shares an array's memory if dtype and layout allow.

    What one of them writes, the other has. Do not write to the array between an operation and its
    `backward`: the gradient may then be wrong, and nothing notices it.

    Raises:
        ValueError: The array is a tensor that requires a gradient.
    """
    _refuse_gradient(array, "from_numpy")
    return _leaf(backend.from_numpy(array), backend, False)


def from_dlpack(exporter: Any, backend: Backend = REFERENCE) -> Tensor:
    """Make a constant from another library's tensor, sharing memory where possible.

    What one of them writes, the other has. Do not let the other library write between an operation
    and its `backward`: the gradient may then be wrong, and nothing notices it.

    Args:
        exporter: An object with `__dlpack__` and `__dlpack_device__`.
        backend: The tensor's backend.

    Raises:
        TypeError: The exporter has no DLPack methods, its memory is not accessible to the backend,
            or its dtype is not real.
        ValueError: It is a tensor of this library that requires a gradient.
    """
    _refuse_gradient(exporter, "from_dlpack")
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
    """Make a tensor whose elements all equal `value`.

    Raises:
        ValueError: The value is a tensor that requires a gradient.
    """
    _refuse_gradient(value, "full")
    return _leaf(backend.full(shape, value), backend, requires_grad)


def rand(
    shape: Sequence[int],
    rng: Seed = None,
    backend: Backend = REFERENCE,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of random numbers, uniform in [0, 1)."""
    array = np.random.default_rng(rng).random(check_shape(shape, "rand"))
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
    array = np.random.default_rng(rng).standard_normal(check_shape(shape, "randn"))
    return _leaf(backend.from_numpy(array), backend, requires_grad)


def _has_gradient(data: Any) -> bool:
    """Return whether a tensor in nested lists requires a gradient."""
    if isinstance(data, Tensor):
        return data.history is not None
    return isinstance(data, list | tuple) and any(map(_has_gradient, data))


def _joined(data: Any, backend: Backend) -> Tensor:
    """Return nested lists of tensors and numbers as a tensor that passes gradients on."""
    if isinstance(data, Tensor):
        moved: Tensor = Move.apply(data, backend)
        return moved
    if not isinstance(data, list | tuple):
        return tensor(data, backend)
    parts = [_joined(item, backend) for item in data]
    if len({part.shape for part in parts}) != 1:
        raise ValueError(
            f"tensor: nested lists must have equal lengths, and tensors in them equal shapes; "
            f"received items of shapes {[part.shape for part in parts]}"
        )
    return concatenate([part.view(1, *part.shape) for part in parts])


def _refuse_gradient(data: Any, operation: str) -> None:
    """Raise ValueError for a tensor whose gradient a new constant would lose."""
    if isinstance(data, Tensor) and data.history is not None and grad_enabled():
        raise ValueError(
            f"{operation}: the argument is a tensor that requires a gradient, which would be lost; "
            "pass its detach(), or compute with the tensor itself"
        )


def _leaf(data: TensorData, backend: Backend, requires_grad: bool) -> Tensor:
    result = Tensor(data, backend=backend)
    return result.requires_grad_(True) if requires_grad else result
