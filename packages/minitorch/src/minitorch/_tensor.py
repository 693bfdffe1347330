"""The course's tensor and the course's backend, which refer to each other.

A `Tensor` has a `TensorBackend`; a `TensorBackend` is built from a class of operations on tensors:
`SimpleOps`, `FastOps`, `CudaOps`, or a user's class. The first is a subclass of
`mt_autodiff.Tensor`, the second one of `mt_tensor.Backend`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Never, Self, TypeAlias

import numpy as np

import mt_autodiff
from minitorch._kernels import CUDA, FAST, Wrapper
from minitorch._ops import SimpleOps, TensorOps
from mt_autodiff import History, TensorLike, functions, unbroadcast
from mt_autodiff.basic_tensor import Dims
from mt_autodiff.engine import LEAF
from mt_tensor import Backend, Map, ShapeError, TensorData, Zip, operators
from mt_tensor.layout import Shape, Storage, Strides, UserShape

Layout: TypeAlias = tuple[Storage, Shape, Strides]


class UserKernels(Wrapper):
    """A backend that calls a user's class of operations, with tensors in place of data.

    Memory and convolutions, which such a class lacks, come from the library's backend
    for the same memory.
    """

    def __init__(self, backend: TensorBackend) -> None:
        super().__init__(CUDA if backend.cuda else FAST)
        self._backend = backend

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        self._write(out, self._backend.map_of(fn)(self._tensor(_expanded(a, out))))

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        self._write(out, self._backend.zip_of(fn)(self._tensor(_expanded(a, out)), self._tensor(b)))

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        self._write(out, self._backend.reduce_of(fn, start)(self._tensor(a), dim))

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        self._write(out, self._backend.matrix_multiply(self._tensor(a), self._tensor(b)))

    def _tensor(self, data: TensorData) -> Tensor:
        return Tensor(data, backend=self._backend)

    def _write(self, out: TensorData, result: mt_autodiff.Tensor) -> None:
        """Copy a result of the user's class to the output."""
        name = self._backend.ops.__name__
        if not isinstance(result, Tensor):
            raise TypeError(f"{name} returned {type(result).__name__}; return a Tensor")
        if result.shape != out.shape:
            raise ShapeError(f"{name} returned shape {result.shape}; expected {out.shape}")
        self.kernels.map(operators.id, result.data, out)


class TensorBackend(Wrapper):
    """A backend of the course's tensors, built from a class of operations.

    Two of them are equal if they are built from the same class.

    Attributes:
        ops: The class.
        cuda: True if tensors are in GPU memory.
        matrix_multiply: A function of two tensors. Attributes with the suffix `_zip` are functions
            of two tensors, those with `_map` of a tensor, those with `_reduce` of a tensor and a
            dimension. The functions record no gradients.
    """

    name = "course"

    def __init__(self, ops: type[TensorOps]) -> None:
        """Build a backend.

        Args:
            ops: `SimpleOps`, `FastOps`, `CudaOps`, or a class like `TensorOps`.
        """
        self.ops = ops
        self.cuda = ops.cuda
        # A subclass of a library class may override operations, so the class itself is called.
        own = vars(ops).get("kernels")
        super().__init__(UserKernels(self) if own is None else own)

        # Each kernel is made only once, because it may be compiled then.
        self.map_of = functools.cache(ops.map)
        self.zip_of = functools.cache(ops.zip)
        self.reduce_of = functools.cache(ops.reduce)

        self.neg_map = self.map_of(operators.neg)
        self.sigmoid_map = self.map_of(operators.sigmoid)
        self.relu_map = self.map_of(operators.relu)
        self.log_map = self.map_of(operators.log)
        self.exp_map = self.map_of(operators.exp)
        self.id_map = self.map_of(operators.id)
        self.inv_map = self.map_of(operators.inv)

        self.add_zip = self.zip_of(operators.add)
        self.mul_zip = self.zip_of(operators.mul)
        self.div_zip = self.zip_of(operators.div)
        self.lt_zip = self.zip_of(operators.lt)
        self.eq_zip = self.zip_of(operators.eq)
        self.is_close_zip = self.zip_of(operators.is_close)
        self.relu_back_zip = self.zip_of(operators.relu_back)
        self.log_back_zip = self.zip_of(operators.log_back)
        self.inv_back_zip = self.zip_of(operators.inv_back)

        self.add_reduce = self.reduce_of(operators.add, 0.0)
        self.mul_reduce = self.reduce_of(operators.mul, 1.0)

        self.matrix_multiply = ops.matrix_multiply

    def adopt(self, data: TensorData) -> TensorData:
        """Return data in this backend's memory, with its layout unchanged."""
        if self.cuda and isinstance(data.storage, np.ndarray):
            storage = self.from_numpy(data.storage).storage
            return TensorData.unchecked(storage, data.shape, data.strides)
        return data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorBackend) and self.ops is other.ops

    def __hash__(self) -> int:
        return hash(self.ops)

    def __repr__(self) -> str:
        return f"TensorBackend({self.ops.__name__})"


SimpleBackend = TensorBackend(SimpleOps)
"""The default backend of tensors."""


class Tensor(mt_autodiff.Tensor):
    """An `mt_autodiff.Tensor` with the course's names, on the course's default backend.

    >>> x = Tensor.make([1.0, 2.0, 3.0, 4.0], (2, 2)).requires_grad_(True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([[2., 4.],
            [6., 8.]])
    """

    _default_backend = SimpleBackend
    # The course's tensors move operands.
    _moves_operands = True

    def __init__(
        self,
        v: TensorData,
        back: History | None = None,
        name: str | None = None,
        backend: Backend | None = None,
    ) -> None:
        """Make a tensor of `TensorData`; `minitorch.tensor` makes one of numbers.

        Args:
            v: The elements; a GPU backend copies them to its memory.
            back: The history; None makes a constant.
            name: The displayed name, by default the `unique_id`.
            backend: The tensor's backend, by default `SimpleBackend`.
        """
        super().__init__(v, back, name, backend)
        if isinstance(backend, TensorBackend):
            self.data = backend.adopt(v)

    @staticmethod
    def make(
        storage: Storage | Sequence[float],
        shape: UserShape,
        strides: Sequence[int] | None = None,
        backend: Backend | None = None,
    ) -> Tensor:
        """Make a constant of a storage, a shape and strides."""
        return Tensor(TensorData(storage, shape, strides), backend=backend)

    @property
    def name(self) -> str:
        """The displayed name, by default the `unique_id`."""
        return str(self.unique_id) if self._name is None else self._name

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = name

    @property
    def _tensor(self) -> TensorData:
        """The data, under the name that the course uses."""
        return self.data

    @_tensor.setter
    def _tensor(self, data: TensorData) -> None:
        self.data = data

    @property
    def f(self) -> Any:
        """The backend, under the name that the course uses."""
        return self.backend

    @f.setter
    def f(self, backend: Backend) -> None:
        self.backend = backend

    def _new(self, tensor_data: TensorData) -> Tensor:
        """Return a constant on the same backend."""
        return Tensor(tensor_data, backend=self.backend)

    def _ensure_tensor(self, b: TensorLike) -> Tensor:
        """Return a number as a constant of shape (1,), or a tensor on this backend."""
        if isinstance(b, mt_autodiff.Tensor):
            moved: Any = b.to(self.backend)
            return moved  # type: ignore[no-any-return]
        return self._new(self.backend.full((1,), float(b)))

    def _type_(self, backend: Backend) -> None:
        """Move this tensor to another backend in place."""
        self.data = self.detach().to(backend).data
        self.backend = backend

    # The course's behaviour, where the library's differs

    def requires_grad_(self, flag: bool = True) -> Self:
        """Make this tensor a leaf, or a constant for False; its history is dropped."""
        self.history = LEAF if flag else None
        return self

    def log(self) -> Self:
        r"""Return $\log(x + \epsilon)$ of every element, `operators.log`; `ln` is exact."""
        result: Self = functions.Log.apply(self)
        return result

    def sum(self, dim: Dims = None, keepdim: bool = True, **wrong: Never) -> Self:
        """Return the sum of the elements; a named dimension stays, with size 1."""
        return super().sum(dim, keepdim and dim is not None, **wrong)

    def mean(self, dim: Dims = None, keepdim: bool = True, **wrong: Never) -> Self:
        """Return the mean of the elements; a named dimension stays, with size 1."""
        return super().mean(dim, keepdim and dim is not None, **wrong)

    def all(self, dim: Dims = None, keepdim: bool = True, **wrong: Never) -> Self:
        """Return 1.0 where all elements are 1, else 0.0; a named dimension stays, with size 1."""
        return super().all(dim, keepdim and dim is not None, **wrong)

    def __getitem__(self, key: Any) -> Any:
        """Return the elements at an index; a full index returns a float."""
        elements = super().__getitem__(key)
        return elements if isinstance(elements, float) or elements.dims else elements.item()

    # The augmented assignments give the name a new tensor, as ``x = x + y``.
    __iadd__ = mt_autodiff.Tensor.__add__
    __isub__ = mt_autodiff.Tensor.__sub__
    __imul__ = mt_autodiff.Tensor.__mul__
    __itruediv__ = mt_autodiff.Tensor.__truediv__
    __ipow__ = mt_autodiff.Tensor.__pow__

    def zeros(self, shape: UserShape | None = None) -> Tensor:
        """Return zeros on the same backend; the default shape is this tensor's."""
        return self._new(self.backend.zeros(self.shape if shape is None else shape))

    def expand(self, *shape: int | Sequence[int] | mt_autodiff.Tensor) -> Self:
        """Return this tensor broadcast to a larger shape; with a tensor, the course's `expand`.

        The course's `expand` converts a gradient to this tensor's shape: repeated elements are
        summed, and dimensions of size 1 are expanded.

        Args:
            *shape: Sizes, one by one or as a sequence; or a tensor that broadcasts with this one.

        Shape:
            (...) → the sizes; or the shape of this tensor.
        """
        if len(shape) == 1 and isinstance(shape[0], mt_autodiff.Tensor):
            data = unbroadcast(self.backend, shape[0].data, self.shape, "expand")
            result: Self = self._constant(data)
            return result
        return super().expand(*shape)  # type: ignore[arg-type]

    def chain_rule(self, d_output: Any) -> Any:
        """Return each operand that needs a gradient, paired with its gradient.

        As in the course, gradients may be tensors: if `d_output` is a tensor, so are the results.
        The library itself passes `TensorData`.
        """
        if isinstance(d_output, TensorData):
            return super().chain_rule(d_output)
        pairs = super().chain_rule(self._ensure_tensor(d_output).data)
        return [(node, Tensor(grad, backend=node.backend)) for node, grad in pairs]

    def accumulate_derivative(self, x: Any) -> None:
        """Add a gradient, a tensor or its data, to that of this leaf."""
        if not isinstance(x, TensorData):
            # A copy, because the caller may write to the tensor later.
            x = self.backend.copy(self._ensure_tensor(x).data)
        super().accumulate_derivative(x)

    def tuple(self) -> Layout:
        """Return storage, shape and strides as one-dimensional arrays, the arguments of kernels."""
        return self.data.tuple()


def _expanded(a: TensorData, out: TensorData) -> TensorData:
    """Return a view of an operand in the shape of the result that a user's class computes."""
    return a if a.shape == out.shape else a.expand(out.shape)
