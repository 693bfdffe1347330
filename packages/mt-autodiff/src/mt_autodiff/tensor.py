"""The differentiable tensor.

Operators and methods apply a `Function`, which computes the result. An operation on tensors that
require a gradient records its operands, and `Tensor.backward` follows them to the leaves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, TypeAlias, Union, cast

import numpy as np
import numpy.typing as npt

from mt_autodiff import functions
from mt_autodiff.engine import LEAF, History, Move, Node, add_gradients
from mt_autodiff.flag import FALSE, TRUE, Flag
from mt_autodiff.graph import backpropagate
from mt_autodiff.indexing import assign, names_element, normalize_key, update_in_place
from mt_autodiff.numpy_functions import apply_function, apply_ufunc
from mt_tensor import REFERENCE, Backend, ShapeError, TensorData
from mt_tensor.layout import broadcasts_to, check_shape, normalize_dims

Dims: TypeAlias = int | Iterable[int] | None
TensorLike: TypeAlias = Union["Tensor", float, np.number[Any], npt.NDArray[Any]]

_NUMBERS = (int, float, np.integer, np.floating, np.bool_)


class Tensor(Node):
    """A differentiable array of numbers: it records the function that computed it.

    >>> from mt_autodiff import tensor
    >>> x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4., 6.])
    """

    __slots__ = ()

    _default_backend: ClassVar[Backend] = REFERENCE
    """The backend that the constructor takes if none is passed; `repr` does not show it."""

    def __init__(
        self,
        data: TensorData,
        back: History | None = None,
        name: str | None = None,
        backend: Backend | None = None,
    ) -> None:
        """Make a tensor of `TensorData`; `mt_autodiff.tensor` makes one of numbers.

        Args:
            data: The elements, in the backend's memory.
            back: The history; None makes a constant.
            name: A name for the user.
            backend: The tensor's backend, by default `Reference(float64)`.

        Raises:
            TypeError: The data is not `TensorData`.
        """
        if not isinstance(data, TensorData):
            raise TypeError(
                f"Tensor: expected TensorData, got {type(data).__name__}; "
                "make a tensor of numbers with mt_autodiff.tensor()"
            )
        # The fields are set here; calling super().__init__() takes time.
        self.data = data
        self.history = back
        self.name = name
        self.backend = self._default_backend if backend is None else backend
        self.grad = None

    # Description

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes."""
        return self.data.shape

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.data.size

    @property
    def dims(self) -> int:
        """The number of dimensions."""
        return self.data.dims

    @property
    def ndim(self) -> int:
        """The number of dimensions, under NumPy's name."""
        return self.data.dims

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements, which is the backend's."""
        return self.backend.dtype

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len: a tensor without dimensions, shape (), has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        body = np.array2string(np.asarray(self), separator=", ", prefix="tensor(", threshold=200)
        notes = []
        if self.size == 0:
            notes.append(f"shape={self.shape}")
        if self.backend != self._default_backend:
            notes.append(f"backend={self.backend!r}")
        if self.history is not None:
            fn = self.history.last_fn
            notes.append(f"history={fn.__name__}" if fn else "requires_grad=True")
        return f"tensor({', '.join([body, *notes])})"

    # Arithmetic

    def __add__(self, other: TensorLike) -> Tensor:
        operand = other if isinstance(other, Tensor) else self._operand(other)
        result: Tensor = functions.Add.apply(self, operand)
        return result

    def __radd__(self, other: TensorLike) -> Tensor:
        return self._operand(other) + self

    def __sub__(self, other: TensorLike) -> Tensor:
        return self + -self._operand(other)

    def __rsub__(self, other: TensorLike) -> Tensor:
        return self._operand(other) + -self

    def __mul__(self, other: TensorLike) -> Tensor:
        operand = other if isinstance(other, Tensor) else self._operand(other)
        result: Tensor = functions.Mul.apply(self, operand)
        return result

    def __rmul__(self, other: TensorLike) -> Tensor:
        return self._operand(other) * self

    def __truediv__(self, other: TensorLike) -> Tensor:
        return _tensor(functions.Div.apply(self, self._operand(other)))

    def __rtruediv__(self, other: TensorLike) -> Tensor:
        if isinstance(other, _NUMBERS) and other == 1.0:
            return _tensor(functions.Inv.apply(self))
        return self._operand(other) / self

    def __iadd__(self, other: TensorLike) -> Tensor:
        return update_in_place(self, self + other, "+=")

    def __isub__(self, other: TensorLike) -> Tensor:
        return update_in_place(self, self - other, "-=")

    def __imul__(self, other: TensorLike) -> Tensor:
        return update_in_place(self, self * other, "*=")

    def __itruediv__(self, other: TensorLike) -> Tensor:
        return update_in_place(self, self / other, "/=")

    def __matmul__(self, other: TensorLike) -> Tensor:
        operand = other if isinstance(other, Tensor) else self._operand(other)
        result: Tensor = functions.MatMul.apply(self, operand)
        return result

    def __rmatmul__(self, other: TensorLike) -> Tensor:
        return self._operand(other) @ self

    def __neg__(self) -> Tensor:
        return _tensor(functions.Neg.apply(self))

    def __pow__(self, exponent: TensorLike) -> Tensor:
        r"""Raise the elements to a power: a plain number, or a tensor that broadcasts.

        Positive integers are computed by multiplication. A fractional power of a negative number
        is NaN.
        """
        if not isinstance(exponent, (Tensor, np.ndarray, *_NUMBERS)):
            return NotImplemented
        if not isinstance(exponent, _NUMBERS):
            return _tensor(functions.Power.apply(self, self._operand(exponent)))
        if exponent == 0.5:
            return self.sqrt()
        if exponent < 1 or not float(exponent).is_integer():
            return _tensor(functions.Power.apply(self, self._operand(exponent)))
        # Exponentiation by squaring.
        power, result, rest = self, None, int(exponent)
        while rest:
            if rest % 2:
                result = power if result is None else result * power
            rest //= 2
            if rest:
                power = power * power
        assert result is not None
        return result

    def __rpow__(self, base: TensorLike) -> Tensor:
        return self._operand(base) ** self

    # Comparison: 1.0 for true, 0.0 for false

    def __lt__(self, other: Any) -> Tensor:
        return _tensor(functions.LT.apply(self, self._operand(other)))

    def __gt__(self, other: Any) -> Tensor:
        return self._operand(other) < self

    def __le__(self, other: Any) -> Tensor:
        return _tensor((self < other) + (self == other))

    def __ge__(self, other: Any) -> Tensor:
        return _tensor((self > other) + (self == other))

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, (Tensor, np.ndarray, *_NUMBERS)):
            return NotImplemented
        return functions.EQ.apply(self, self._operand(cast(TensorLike, other)))

    def __ne__(self, other: object) -> Any:
        equal = self.__eq__(other)
        return NotImplemented if equal is NotImplemented else 1.0 - equal

    __hash__ = object.__hash__

    def is_close(self, other: TensorLike) -> Tensor:
        """Return 1.0 where the tensors differ by less than `operators.CLOSE`, else 0.0."""
        return _tensor(functions.IsClose.apply(self, self._operand(other)))

    # Functions of each element

    def sigmoid(self) -> Tensor:
        """Return $1 / (1 + e^{-x})$ of every element."""
        return _tensor(functions.Sigmoid.apply(self))

    def relu(self) -> Tensor:
        r"""Return $\max(x, 0)$ of every element."""
        return _tensor(functions.ReLU.apply(self))

    def log(self) -> Tensor:
        r"""Return $\log(x + \epsilon)$ of every element; see `ln` for the exact logarithm."""
        return _tensor(functions.Log.apply(self))

    def ln(self) -> Tensor:
        """Return the natural logarithm of every element."""
        return _tensor(functions.Ln.apply(self))

    def exp(self) -> Tensor:
        """Return $e^x$ of every element."""
        return _tensor(functions.Exp.apply(self))

    def sqrt(self) -> Tensor:
        """Return the square root of every element."""
        return _tensor(functions.Sqrt.apply(self))

    # Reductions: a reduced dimension stays, with size 1; a full reduction has shape (1,)

    def sum(self, dim: Dims = None) -> Tensor:
        """Return the sum of the elements along some dimensions, or of all elements.

        Shape:
            (..., n, ...) → (..., 1, ...), or (1,).
        """
        return _tensor(functions.Sum.apply(self, self._dims(dim, "sum")))

    def mean(self, dim: Dims = None) -> Tensor:
        """Return the mean of the elements along some dimensions, or of all elements.

        The mean of no elements is NaN.

        Shape:
            (..., n, ...) → (..., 1, ...), or (1,).
        """
        dims = self._dims(dim, "mean")
        count = self.size if dims is None else math.prod(self.shape[d] for d in dims)
        return self.sum(dims) / float(count)

    def all(self, dim: Dims = None) -> Tensor:
        """Return 1.0 where all elements are 1, else 0.0; for the results of comparisons.

        Shape:
            (..., n, ...) → (..., 1, ...), or (1,).
        """
        return _tensor(functions.All.apply(self, self._dims(dim, "all")))

    # Shape

    def permute(self, *order: int | Sequence[int]) -> Tensor:
        """Return a view with the dimensions in another order, ``permute(1, 0)``."""
        dims = normalize_dims(_flat(order), self.dims, "permute")
        return _tensor(functions.Permute.apply(self, dims))

    def view(self, *shape: int | Sequence[int]) -> Tensor:
        """Return a view of a contiguous tensor in another shape; one size may be -1."""
        return _tensor(functions.View.apply(self, _flat(shape)))

    def expand(self, *shape: int | Sequence[int]) -> Tensor:
        """Return a view that broadcasts the tensor to a larger shape."""
        return _tensor(functions.Expand.apply(self, check_shape(_flat(shape), "expand")))

    def contiguous(self) -> Tensor:
        """Return the tensor in row-major order without gaps; a copy if it is not contiguous."""
        return _tensor(functions.Copy.apply(self))

    # Elements

    def __getitem__(self, key: Any) -> Any:
        """Return an element as a float if the index is full, else a view.

        The index may contain integers (negative ones count from the end), slices, None and
        Ellipsis.
        """
        entries = normalize_key(key, self.shape)
        if names_element(entries, self.dims):
            return self.data.get(entries)
        return functions.Slice.apply(self, entries)

    def __setitem__(self, key: Any, value: TensorLike) -> None:
        """Set elements in place, broadcasting the value to them.

        Earlier operations on this tensor may need its old elements for their gradients: `backward`
        raises an error if such elements were overwritten after the operation. It cannot notice
        writes through arrays that share the memory, such as the result of `to_numpy`.

        Raises:
            RuntimeError: Gradients would be wrong because this tensor is a result or the value
                requires a gradient; or elements of this tensor share storage.
            ShapeError: The value does not broadcast to the elements.
        """
        assign(self, key, float(value) if isinstance(value, _NUMBERS) else self._operand(value))

    def __iter__(self) -> Iterator[Any]:
        for i in range(len(self)):
            yield self[i]

    def item(self) -> float:
        """Return the only element as a float.

        Raises:
            ValueError: The tensor does not have exactly one element.
        """
        if self.size != 1:
            raise ValueError(
                f"item: shape {self.shape} has {self.size} elements; it must have exactly one"
            )
        return self.data.get((0,) * self.dims)

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(
                f"bool: the truth of a tensor of shape {self.shape} is ambiguous; use all() or "
                "compare the elements"
            )
        return bool(self.item())

    def __float__(self) -> float:
        return self.item()

    def __int__(self) -> int:
        return int(self.item())

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        if self.size != 1:
            raise TypeError(
                f"format: {spec!r} is a format of one number, and the tensor has shape "
                f"{self.shape}; format an element, x[i], or all of them with "
                "numpy.array2string(x.to_numpy())"
            )
        return format(self.item(), spec)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the elements and the gradient, without the history."""
        grad = None if self.grad is None else self.grad.to_numpy()
        array = self.to_numpy()
        return _rebuilt, (type(self), array, self.backend, self.is_leaf(), grad, self.name)

    # Other libraries

    def to_numpy(self) -> npt.NDArray[Any]:
        """Return the elements as an array, a view of the same memory if that is on the host.

        The array is read-only if elements share storage, as in an expanded tensor. It has no
        gradient. Do not write to it between an operation and its `backward`: the gradient may then
        be wrong, and nothing notices it.
        """
        return self.backend.to_numpy(self.data)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return apply_ufunc(self, ufunc, method, inputs, options)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        return apply_function(function, args, options)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        array = self.to_numpy()
        if dtype is not None and np.dtype(dtype) != array.dtype:
            if copy is False:
                raise ValueError(
                    f"__array__: conversion of a tensor from {array.dtype} to {np.dtype(dtype)} "
                    "needs a copy, and copy=False forbids it"
                )
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **options: Any) -> Any:
        """Export the elements to another library; copied only if elements share storage.

        What the other library writes, this tensor has; as with `to_numpy`, nothing notices it.
        """
        return self.backend.to_dlpack(self.data, **options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.backend.dlpack_device()

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """The CUDA array interface of the elements, for CuPy, PyTorch and numba.

        Raises:
            AttributeError: The tensor is in host memory.
        """
        return self.data.__cuda_array_interface__

    # Gradients

    def requires_grad_(self, flag: bool = True) -> Tensor:
        """Make this tensor a leaf, or a constant for False; its history is dropped."""
        self.history = LEAF if flag else None
        return self

    @property
    def requires_grad(self) -> Flag:
        """True if this tensor requires a gradient; may be called, ``x.requires_grad()``."""
        return FALSE if self.history is None else TRUE

    def backward(self, grad_output: TensorLike | None = None) -> None:
        """Compute the gradient of every leaf of this tensor's graph.

        Gradients accumulate in `grad` until `zero_grad_` is called.

        Args:
            grad_output: The upstream gradient, broadcast to this tensor's shape; by default 1.

        Raises:
            RuntimeError: This tensor depends on no tensor that requires a gradient; or an
                operation's values were overwritten after it (see `__setitem__`).
            ShapeError: The shape of `grad_output` does not broadcast, or the argument is missing
                and the tensor has several elements.
        """
        if self.history is None:
            raise RuntimeError(
                "backward: this tensor depends on no tensor that requires a gradient; "
                "call requires_grad_(True) on an input before computing with it"
            )
        if grad_output is None:
            if self.size != 1:
                raise ShapeError(
                    f"backward: shape {self.shape} has {self.size} elements; pass the gradient "
                    "of each, or reduce to one element first, for example with sum()"
                )
            data = self.backend.full(self.shape, 1.0)
        else:
            data = self._operand(grad_output).detach().to(self.backend).data
        if data.shape != self.shape:
            if not broadcasts_to(data.shape, self.shape):
                raise ShapeError(
                    f"backward: a gradient of shape {data.shape} for a tensor of shape "
                    f"{self.shape}; it must have the tensor's shape or broadcast to it"
                )
            data = data.expand(self.shape)
        if self.is_leaf():
            data = self.backend.copy(data)
        backpropagate(self, data, add=add_gradients)

    def zero_grad_(self) -> None:
        """Set the gradient to None."""
        self.grad = None

    def detach(self) -> Tensor:
        """Return a constant that shares this tensor's storage."""
        return _tensor(self._constant(self.data))

    def to(self, backend: Backend) -> Tensor:
        """Return this tensor on another backend; the tensor itself if it is there already.

        The operation is differentiable: the gradient is copied back to this tensor's backend.
        """
        return self if backend == self.backend else _tensor(Move.apply(self, backend))

    # Helpers

    def _operand(self, value: TensorLike) -> Tensor:
        """Return a number or an array as a constant of this tensor's backend.

        Raises:
            TypeError: The value is not a number, an array or a tensor.
        """
        if isinstance(value, Tensor):
            return value
        if isinstance(value, np.ndarray):
            return _tensor(self._constant(self.backend.from_numpy(value)))
        if not isinstance(value, _NUMBERS):
            raise TypeError(
                f"an operand of type {type(value).__name__} is not supported; use numbers, arrays "
                "and tensors; mt_autodiff.tensor() makes a tensor of lists"
            )
        shape = (1,) if self.shape else ()
        return _tensor(self._constant(self.backend.full(shape, float(value))))

    def _dims(self, dim: Dims, operation: str) -> tuple[int, ...] | None:
        return None if dim is None else normalize_dims(dim, self.dims, operation)


def _rebuilt(
    cls: type[Tensor],
    array: npt.NDArray[Any],
    backend: Backend,
    leaf: bool,
    grad: npt.NDArray[Any] | None,
    name: str | None,
) -> Tensor:
    """Return the tensor that `Tensor.__reduce__` describes."""
    result = cls(backend.from_numpy(array), LEAF if leaf else None, name, backend)
    if grad is not None:
        result.grad = cls(backend.from_numpy(grad), None, None, backend)
    return result


def _tensor(node: Any) -> Tensor:
    """Return a result of `Function.apply`, typed as a tensor."""
    tensor: Tensor = node
    return tensor


def _flat(numbers: tuple[int | Sequence[int], ...]) -> tuple[int, ...]:
    """Return sizes or dimensions, passed one by one or as one sequence."""
    first = numbers[0] if len(numbers) == 1 else None
    return tuple(first) if isinstance(first, Iterable) else cast(tuple[int, ...], numbers)
