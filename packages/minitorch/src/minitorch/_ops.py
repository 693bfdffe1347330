"""Classes of operations on tensors, from which a `TensorBackend` is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from minitorch._kernels import SimpleKernels
from mt_autodiff import Tensor
from mt_tensor import Backend, Map, TensorData, Zip, operators


class MapTensor(Protocol):
    """The result of `TensorOps.map`: a function of each element of a tensor."""

    def __call__(self, a: Tensor, out: Tensor | None = None, /) -> Tensor:
        """Return the result, or write it to `out`."""


class ZipTensor(Protocol):
    """The result of `TensorOps.zip`: a function of each pair of elements of two tensors."""

    def __call__(self, a: Tensor, b: Tensor, out: Tensor | None = None, /) -> Tensor:
        """Return the result, or write it to `out`."""


class ReduceTensor(Protocol):
    """The result of `TensorOps.reduce`: a function that folds one dimension of a tensor."""

    def __call__(self, a: Tensor, dim: int, out: Tensor | None = None, /) -> Tensor:
        """Return the result, or write it to `out`."""


class TensorOps:
    """Operations on tensors, gradients unknown: what a `TensorBackend` is built from.

    A class of one's own defines these four static methods. What `map`, `zip` and `reduce` return
    makes a new tensor; it need not take an `out`.

    Attributes:
        cuda: Whether tensors live in the memory of the GPU.
    """

    cuda: ClassVar[bool] = False

    @staticmethod
    def map(fn: Map) -> MapTensor:
        """Return a function that applies fn to every element of a tensor."""
        return _missing("map")

    @staticmethod
    def zip(fn: Zip) -> ZipTensor:
        """Return a function that combines two tensors, broadcast, element by element."""
        return _missing("zip")

    @staticmethod
    def reduce(fn: Zip, start: float = 0.0) -> ReduceTensor:
        """Return a function that folds a dimension, beginning with start; its size becomes 1."""
        return _missing("reduce")

    @staticmethod
    def matrix_multiply(a: Tensor, b: Tensor) -> Tensor:
        """Multiply matrices, or batches of them that broadcast."""
        result: Tensor = _missing("matrix_multiply")(a, b)
        return result


class LibraryOps(TensorOps):
    """The operations of one of the library's backends, on tensors instead of their data."""

    kernels: ClassVar[Backend]

    @classmethod
    def map(cls, fn: Map) -> MapTensor:
        """Return a function that applies fn, compiled or not, to every element of a tensor."""

        def apply(a: Tensor, out: Tensor | None = None) -> Tensor:
            return _result(a, cls.kernels.map(fn, a.data, _data(out)), out)

        return apply

    @classmethod
    def zip(cls, fn: Zip) -> ZipTensor:
        """Return a function that combines two tensors, broadcast, element by element."""

        def apply(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
            return _result(a, cls.kernels.zip(fn, a.data, b.data, _data(out)), out)

        return apply

    @classmethod
    def reduce(cls, fn: Zip, start: float = 0.0) -> ReduceTensor:
        """Return a function that folds a dimension, beginning with start; its size becomes 1."""

        def apply(a: Tensor, dim: int, out: Tensor | None = None) -> Tensor:
            data = cls.kernels.reduce(fn, a.data, dim, start)
            if out is not None:
                cls.kernels.map(operators.id, data, out.data)
            return _result(a, data, out)

        return apply

    @classmethod
    def matrix_multiply(cls, a: Tensor, b: Tensor) -> Tensor:
        """Multiply matrices, or batches of them that broadcast."""
        return _result(a, cls.kernels.matmul(a.data, b.data), None)


class SimpleOps(LibraryOps):
    """Plain Python loops: the reference backend."""

    kernels = SimpleKernels()


def _missing(operation: str) -> Callable[..., Any]:
    """Return a function that says that a class of operations is incomplete."""

    def refuse(*args: object) -> Any:
        raise NotImplementedError(f"this class of operations does not define {operation}")

    return refuse


def _data(out: Tensor | None) -> TensorData | None:
    return None if out is None else out.data


def _result(a: Tensor, data: TensorData, out: Tensor | None) -> Tensor:
    """Return data as a constant of the class and backend of a, or the tensor it was written to."""
    return type(a)(data, backend=a.backend) if out is None else out
