"""The course's tensor and the course's backend, which are made of each other.

A `Tensor` carries a `TensorBackend`; a `TensorBackend` is built from a class of operations on
tensors: `SimpleOps`, `FastOps`, `CudaOps`, or one that a user wrote. To the rest of the library
the first is an `mt_autodiff.Tensor` and the second an `mt_tensor.Backend`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

import mt_autodiff
from minitorch._kernels import CUDA, FAST, Wrapper
from minitorch._ops import SimpleOps, TensorOps
from mt_autodiff import History, TensorLike, unbroadcast
from mt_tensor import Backend, Map, ShapeError, TensorData, Zip, operators
from mt_tensor.layout import Shape, Storage, Strides, UserShape

Layout: TypeAlias = tuple[Storage, Shape, Strides]


class UserKernels(Wrapper):
    """A class of operations that a user wrote, as a backend: data goes in and out as tensors.

    Memory and convolutions, for which such a class has no word, are those of the library's
    backend for the same memory.
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
        """Copy a result to where the library wants it."""
        name = self._backend.ops.__name__
        if not isinstance(result, Tensor):
            raise TypeError(f"{name} returned {type(result).__name__}; return a Tensor")
        if result.shape != out.shape:
            raise ShapeError(f"{name} returned shape {result.shape}; expected {out.shape}")
        self.kernels.map(operators.id, result.data, out)


class TensorBackend(Wrapper):
    """What a course's tensor computes with, built from a class of operations.

    Two of them are equal if they are built from the same class.

    Attributes:
        ops: The class.
        cuda: Whether tensors live in the memory of the GPU.
        matrix_multiply: A function of two tensors. So are the attributes that end in `_zip`;
            those that end in `_map` are functions of a tensor, those that end in `_reduce` of a
            tensor and a dimension. No gradients are recorded.
    """

    name = "course"

    def __init__(self, ops: type[TensorOps]) -> None:
        """Build a backend.

        Args:
            ops: `SimpleOps`, `FastOps`, `CudaOps`, or a class like `TensorOps`.
        """
        self.ops = ops
        self.cuda = ops.cuda
        # A class that inherits from one of the library's may have changed it: ask the class.
        own = vars(ops).get("kernels")
        super().__init__(UserKernels(self) if own is None else own)

        # Kernels may be compiled when they are made: make each only once.
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
        """Return data in the memory of this backend, in the layout that it has."""
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
"""The backend of every tensor that is made without one."""


class Tensor(mt_autodiff.Tensor):
    """An `mt_autodiff.Tensor` with the course's names, on the course's default backend.

    >>> x = Tensor.make([1.0, 2.0, 3.0, 4.0], (2, 2)).requires_grad_(True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([[2., 4.],
            [6., 8.]])
    """

    default_backend = SimpleBackend

    def __init__(
        self,
        v: TensorData,
        back: History | None = None,
        name: str | None = None,
        backend: Backend | None = None,
    ) -> None:
        """Make a tensor of data; `minitorch.tensor` makes one of numbers.

        Args:
            v: The numbers; a backend of the GPU copies them there.
            back: The history; None makes a constant.
            name: A name to show; the `unique_id` unless given.
            backend: What computes; `SimpleBackend` unless given.
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
        """A name to show: the `unique_id` unless another one was given."""
        return str(self.unique_id) if self._name is None else self._name

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = name

    @property
    def _tensor(self) -> TensorData:
        """The data, under the course's name for it."""
        return self.data

    @_tensor.setter
    def _tensor(self, data: TensorData) -> None:
        self.data = data

    @property
    def f(self) -> Any:
        """The backend, under the course's name for it."""
        return self.backend

    @f.setter
    def f(self, backend: Backend) -> None:
        self.backend = backend

    def _new(self, tensor_data: TensorData) -> Tensor:
        """Return a constant on the same backend."""
        return Tensor(tensor_data, backend=self.backend)

    def _ensure_tensor(self, b: TensorLike) -> Tensor:
        """Return a number as a constant of shape (1,), a tensor as one on the same backend."""
        if isinstance(b, mt_autodiff.Tensor):
            moved: Any = b.to(self.backend)
            return moved  # type: ignore[no-any-return]
        return self._new(self.backend.full((1,), float(b)))

    def _type_(self, backend: Backend) -> None:
        """Move this very tensor to another backend."""
        self.data = self.detach().to(backend).data
        self.backend = backend

    def zeros(self, shape: UserShape | None = None) -> Tensor:
        """Return zeros on the same backend, in the same shape unless another is given."""
        return self._new(self.backend.zeros(self.shape if shape is None else shape))

    def expand(self, *shape: int | Sequence[int] | mt_autodiff.Tensor) -> mt_autodiff.Tensor:
        """Return this tensor repeated to a larger shape; with a tensor, do the course's `expand`.

        The course's turns a gradient into one for this tensor: elements that broadcasting
        repeated are added up, and what was given once for all of a dimension is repeated.

        Args:
            *shape: Sizes, one by one or as a sequence; or a tensor that broadcasts with this one.

        Shape:
            (...) → the sizes; or the shape of this tensor.
        """
        if len(shape) == 1 and isinstance(shape[0], mt_autodiff.Tensor):
            return self._new(unbroadcast(self.backend, shape[0].data, self.shape, "expand"))
        return super().expand(*shape)  # type: ignore[arg-type]

    def chain_rule(self, d_output: Any) -> Any:
        """Return each operand that needs a gradient, paired with its gradient.

        As the course has it, a gradient is a tensor: what comes in as one goes out as one. The
        library itself passes on the data alone.
        """
        if isinstance(d_output, TensorData):
            return super().chain_rule(d_output)
        pairs = super().chain_rule(self._ensure_tensor(d_output).data)
        return [(node, Tensor(grad, backend=node.backend)) for node, grad in pairs]

    def accumulate_derivative(self, x: Any) -> None:
        """Add a gradient, a tensor or its data, to that of this leaf."""
        if not isinstance(x, TensorData):
            # A copy, because its owner may go on to write to it.
            x = self.backend.copy(self._ensure_tensor(x).data)
        super().accumulate_derivative(x)

    def tuple(self) -> Layout:
        """Return storage, shape and strides as one-dimensional arrays, as kernels take them."""
        return self.data.tuple()


def _expanded(a: TensorData, out: TensorData) -> TensorData:
    """Return a view of an operand in the shape of the result, which a user's class works out."""
    return a if a.shape == out.shape else a.expand(out.shape)
