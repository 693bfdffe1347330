"""The operations of tensors that all others are composed of.

Operators and methods apply a `Function`, which computes the result. An operation on tensors that
require a gradient records its operands, and `BasicTensor.backward` follows them to the leaves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Never, Self, TypeAlias, TypeVar, Union, cast

import numpy as np
import numpy.typing as npt

from mt_autodiff import functions
from mt_autodiff.engine import LEAF, History, Move, add_gradients
from mt_autodiff.exporting import Exported
from mt_autodiff.flag import FALSE, TRUE, Flag
from mt_autodiff.graph import backpropagate
from mt_autodiff.indexing import array_key, assign, names_element, normalize_key
from mt_autodiff.modes import grad_enabled
from mt_autodiff.names import refuse_options
from mt_autodiff.size import Size
from mt_tensor import REFERENCE, Backend, IndexingError, ShapeError, TensorData
from mt_tensor.layout import broadcasts_to, check_shape, normalize_dims

Dims: TypeAlias = int | Iterable[int] | None
TensorLike: TypeAlias = Union["BasicTensor", float, np.number[Any], npt.NDArray[Any]]
T = TypeVar("T", bound="BasicTensor")

_NUMBERS = (int, float, np.integer, np.floating, np.bool_)


class BasicTensor(Exported):
    """A differentiable array of numbers with the operations that the others are composed of."""

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
        self.kind = None

    # Description

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes."""
        return self.data.shape

    @property
    def size(self) -> Size:
        """The number of elements; called, ``size()``, the shape, as in PyTorch."""
        size = Size(self.data.size)
        size.shape = self.data.shape
        return size

    def numel(self) -> int:
        """Return the number of elements."""
        return self.data.size

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.data.dims

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
        body = np.array2string(self.to_numpy(), separator=", ", prefix="tensor(", threshold=200)
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

    def __add__(self, other: TensorLike) -> Self:
        operand = other if isinstance(other, BasicTensor) else self._operand(other)
        result: Self = functions.Add.apply(self, operand)
        return result

    def __radd__(self, other: TensorLike) -> Self:
        return self._operand(other) + self

    def __sub__(self, other: TensorLike) -> Self:
        return self + -self._operand(other)

    def __rsub__(self, other: TensorLike) -> Self:
        return self._operand(other) + -self

    def __mul__(self, other: TensorLike) -> Self:
        operand = other if isinstance(other, BasicTensor) else self._operand(other)
        result: Self = functions.Mul.apply(self, operand)
        return result

    def __rmul__(self, other: TensorLike) -> Self:
        return self._operand(other) * self

    def __truediv__(self, other: TensorLike) -> Self:
        return _tensor(functions.Div.apply(self, self._operand(other)))

    def __rtruediv__(self, other: TensorLike) -> Self:
        if isinstance(other, _NUMBERS) and other == 1.0:
            return _tensor(functions.Inv.apply(self))
        return self._operand(other) / self

    def __matmul__(self, other: TensorLike) -> Self:
        operand = other if isinstance(other, BasicTensor) else self._operand(other)
        result: Self = functions.MatMul.apply(self, operand)
        return result

    def __rmatmul__(self, other: TensorLike) -> Self:
        return self._operand(other) @ self

    def __neg__(self) -> Self:
        return _tensor(functions.Neg.apply(self))

    def __pow__(self, exponent: TensorLike) -> Self:
        r"""Raise the elements to a power: a plain number, or a tensor that broadcasts.

        Positive integers are computed by multiplication. A fractional power of a negative number
        is NaN.
        """
        if not isinstance(exponent, (BasicTensor, np.ndarray, *_NUMBERS)):
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

    def __rpow__(self, base: TensorLike) -> Self:
        return self._operand(base) ** self

    # Comparison: 1.0 for true, 0.0 for false

    def __lt__(self, other: Any) -> Self:
        return truth(functions.LT.apply(self, self._operand(other)))

    def __gt__(self, other: Any) -> Self:
        return self._operand(other) < self

    def __le__(self, other: Any) -> Self:
        return truth((self < other) + (self == other))

    def __ge__(self, other: Any) -> Self:
        return truth((self > other) + (self == other))

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, (BasicTensor, np.ndarray, *_NUMBERS)):
            return NotImplemented
        return truth(functions.EQ.apply(self, self._operand(cast(TensorLike, other))))

    def __ne__(self, other: object) -> Any:
        equal = self.__eq__(other)
        return NotImplemented if equal is NotImplemented else truth(1.0 - equal)

    __hash__ = object.__hash__

    def is_close(self, other: TensorLike) -> Self:
        """Return 1.0 where the tensors differ by less than `operators.CLOSE`, else 0.0."""
        return truth(functions.IsClose.apply(self, self._operand(other)))

    # Functions of each element

    def sigmoid(self) -> Self:
        """Return $1 / (1 + e^{-x})$ of every element."""
        return _tensor(functions.Sigmoid.apply(self))

    def relu(self) -> Self:
        r"""Return $\max(x, 0)$ of every element."""
        return _tensor(functions.ReLU.apply(self))

    def log(self) -> Self:
        r"""Return the natural logarithm of every element: $-\infty$ at 0.

        The tensors of the course, `minitorch.Tensor`, add a small number to the element first.
        """
        return _tensor(functions.Ln.apply(self))

    def ln(self) -> Self:
        """Return the natural logarithm of every element, for every class of tensors."""
        return _tensor(functions.Ln.apply(self))

    def exp(self) -> Self:
        """Return $e^x$ of every element."""
        return _tensor(functions.Exp.apply(self))

    def sqrt(self) -> Self:
        """Return the square root of every element."""
        return _tensor(functions.Sqrt.apply(self))

    # Reductions: a named dimension is dropped, or stays with size 1 if keepdim is true; a reduction
    # of all elements has shape (1,)

    def sum(self, dim: Dims = None, keepdim: bool = False, **wrong: Never) -> Self:
        """Return the sum of the elements along some dimensions, or of all elements.

        Args:
            dim: One dimension or several; None means all elements.
            keepdim: True keeps the dimensions, with size 1.
            **wrong: Not allowed; NumPy's `axis` is `dim`.

        Shape:
            (..., n, ...) → (..., ...), or (1,).

        Raises:
            IndexingError: A dimension does not exist or is named twice.
            TypeError: There are other arguments, such as `axis`.
        """
        if wrong:
            refuse_options("sum", wrong)
        dims = self._dims(dim, "sum")
        return reduced(_tensor(functions.Sum.apply(self, dims)), dims, self.dims, keepdim)

    def mean(self, dim: Dims = None, keepdim: bool = False, **wrong: Never) -> Self:
        """Return the mean of the elements along some dimensions, or of all elements.

        The mean of no elements is NaN.

        Args:
            dim: One dimension or several; None means all elements.
            keepdim: True keeps the dimensions, with size 1.
            **wrong: Not allowed; NumPy's `axis` is `dim`.

        Shape:
            (..., n, ...) → (..., ...), or (1,).

        Raises:
            IndexingError: A dimension does not exist or is named twice.
            TypeError: There are other arguments, such as `axis`.
        """
        if wrong:
            refuse_options("mean", wrong)
        dims = self._dims(dim, "mean")
        count = self.size if dims is None else math.prod(self.shape[d] for d in dims)
        return self.sum(dims, keepdim) / float(count)

    def all(self, dim: Dims = None, keepdim: bool = False, **wrong: Never) -> Self:
        """Return 1.0 where all elements are 1, else 0.0; for the results of comparisons.

        Args:
            dim: One dimension or several; None means all elements.
            keepdim: True keeps the dimensions, with size 1.
            **wrong: Not allowed; NumPy's `axis` is `dim`.

        Shape:
            (..., n, ...) → (..., ...), or (1,).

        Raises:
            IndexingError: A dimension does not exist or is named twice.
            TypeError: There are other arguments, such as `axis`.
        """
        if wrong:
            refuse_options("all", wrong)
        dims = self._dims(dim, "all")
        kept: Self = _tensor(functions.All.apply(self, dims))
        return truth(reduced(kept, dims, self.dims, keepdim))

    # Shape

    def permute(self, *order: int | Sequence[int]) -> Self:
        """Return a view with the dimensions in another order, ``permute(1, 0)``."""
        dims = normalize_dims(sizes_of(order), self.dims, "permute")
        return _tensor(functions.Permute.apply(self, dims))

    def view(self, *shape: int | Sequence[int]) -> Self:
        """Return a view of a contiguous tensor in another shape; one size may be -1."""
        return _tensor(functions.View.apply(self, sizes_of(shape)))

    def expand(self, *shape: int | Sequence[int]) -> Self:
        """Return a view that broadcasts the tensor to a larger shape; -1 keeps a size."""
        sizes = sizes_of(shape)
        if -1 in sizes and len(sizes) >= self.dims:
            own = (-1,) * (len(sizes) - self.dims) + self.shape
            sizes = tuple(mine if n == -1 else n for n, mine in zip(sizes, own, strict=True))
        return _tensor(functions.Expand.apply(self, check_shape(sizes, "expand")))

    def contiguous(self) -> Self:
        """Return the tensor in row-major order without gaps; a copy if it is not contiguous."""
        return _tensor(functions.Copy.apply(self))

    def clone(self) -> Self:
        """Return a copy in memory of its own; its gradient goes to this tensor."""
        return _tensor(functions.Clone.apply(self))

    # Elements

    def __getitem__(self, key: Any) -> Any:
        """Return the elements at an index.

        The index may contain integers (negative ones count from the end), slices, None and
        Ellipsis: the result is a view. An index that names one element returns it as a float, or as
        a tensor without dimensions if this tensor requires a gradient. Tensors, arrays and lists of
        whole numbers or truth values select a copy, by NumPy's rules.

        Raises:
            IndexingError: The index does not fit the tensor.
            TypeError: An entry has another type, or a tensor's meaning is unknown.
        """
        arrays = array_key(key)
        if arrays is not None and any(isinstance(entry, np.ndarray) for entry in arrays):
            try:
                return functions.Index.apply(self, arrays)
            except IndexError as error:
                raise IndexingError(f"index of a tensor of shape {self.shape}: {error}") from error
        entries = normalize_key(key if arrays is None else arrays, self.shape)
        if names_element(entries, self.dims) and not (self.history and grad_enabled()):
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

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the elements and the gradient, without the history."""
        grad = None if self.grad is None else self.grad.to_numpy()
        array = self.to_numpy()
        return _rebuilt, (type(self), array, self.backend, self.is_leaf(), grad, self.name)

    # Gradients

    def requires_grad_(self, flag: bool = True) -> Self:
        """Make a constant a leaf, or a leaf a constant for False; a result does not change.

        Raises:
            RuntimeError: The flag is False, and a function computed this tensor from tensors that
                require gradients.
        """
        if self.history is not None and self.history.last_fn is not None:
            if not flag:
                raise RuntimeError(
                    f"requires_grad: the tensor is a result of {self.history.last_fn.__name__}, "
                    "and only a leaf can become a constant; write x = x.detach()"
                )
            return self
        self.history = LEAF if flag else None
        return self

    @property
    def requires_grad(self) -> Flag:
        """True if this tensor requires a gradient; may be called, ``x.requires_grad()``.

        An assignment is a call of `requires_grad_`.
        """
        return FALSE if self.history is None else TRUE

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

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

    def detach(self) -> Self:
        """Return a constant that shares this tensor's storage."""
        return _tensor(self._constant(self.data))

    def to(self, backend: Backend) -> Self:
        """Return this tensor on another backend; the tensor itself if it is there already.

        The operation is differentiable: the gradient is copied back to this tensor's backend.

        Raises:
            TypeError: The argument is not a backend, such as a dtype or the name of a device.
        """
        if not isinstance(backend, Backend):
            raise TypeError(
                f"to: {backend!r} is not a backend; the backend decides dtype and device: write "
                f"x.to({type(self.backend).__name__}(numpy.float32)), or pass another one"
            )
        return self if backend == self.backend else _tensor(Move.apply(self, backend))

    # Helpers

    def _operand(self, value: TensorLike) -> Self:
        """Return a number or an array as a constant of this tensor's backend.

        Raises:
            TypeError: The value is not a number, an array or a tensor.
        """
        if isinstance(value, BasicTensor):
            return value  # type: ignore[return-value] # Classes are not mixed.
        if isinstance(value, np.ndarray):
            return _tensor(self._constant(self.backend.from_numpy(value)))
        if not isinstance(value, _NUMBERS):
            name = type(value).__name__
            instead = "use numbers, arrays and tensors; mt_autodiff.tensor() makes one of lists"
            if isinstance(getattr(value, "value", None), BasicTensor):
                instead = f"write {name.lower()}.value, its tensor"
            elif isinstance(value, TensorData):
                instead = "write x.detach() in place of x.data"
            raise TypeError(f"an operand of type {name} is not supported; {instead}")
        shape = (1,) if self.shape else ()
        return _tensor(self._constant(self.backend.full(shape, float(value))))

    def _dims(self, dim: Dims, operation: str) -> tuple[int, ...] | None:
        return None if dim is None else normalize_dims(dim, self.dims, operation)


def truth(node: Any) -> T:  # type: ignore[type-var]
    """Mark elements, 0 and 1, as truth values: as an index they select like a mask."""
    tensor: T = node
    tensor.kind = "truth"
    return tensor


def sizes_of(numbers: tuple[int | Sequence[int], ...]) -> tuple[int, ...]:
    """Return sizes or dimensions that are passed one by one or as one sequence."""
    first = numbers[0] if len(numbers) == 1 else None
    return tuple(first) if isinstance(first, Iterable) else numbers  # type: ignore[return-value]


def reduced(kept: T, dims: tuple[int, ...] | None, dim_count: int, keepdim: bool) -> T:
    """Return the result of a reduction with or without the reduced dimensions.

    Args:
        kept: The result; the reduced dimensions have size 1. After a reduction of all elements it
            has shape (1,).
        dims: The reduced dimensions, None for all.
        dim_count: The number of dimensions of the operand.
        keepdim: True keeps the dimensions.
    """
    if dims is None:
        return kept.view((1,) * dim_count) if keepdim else kept
    if keepdim or not dims:
        return kept
    return kept.view([n for d, n in enumerate(kept.shape) if d not in dims])


def _rebuilt(
    cls: type[T],
    array: npt.NDArray[Any],
    backend: Backend,
    leaf: bool,
    grad: npt.NDArray[Any] | None,
    name: str | None,
) -> T:
    """Return the tensor that `__reduce__` describes."""
    result = cls(backend.from_numpy(array), LEAF if leaf else None, name, backend)
    if grad is not None:
        result.grad = cls(backend.from_numpy(grad), None, None, backend)
    return result


def _tensor(node: Any) -> T:  # type: ignore[type-var]
    """Return a result of `Function.apply`, typed as the tensor that the caller returns."""
    tensor: T = node
    return tensor
