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
    """Operations on tensors without gradients, from which a `TensorBackend` is built.

    A user's class defines these four static methods. The functions that `map`, `zip` and `reduce`
    return make a new tensor; they need not accept `out`.

    Attributes:
        cuda: True if tensors are in GPU memory.
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
        """Return a function that folds a dimension from start; its size becomes 1."""
        return _missing("reduce")

    @staticmethod
    def matrix_multiply(a: Tensor, b: Tensor) -> Tensor:
        """Multiply matrices, or batches of them that broadcast."""
        result: Tensor = _missing("matrix_multiply")(a, b)
        return result


class LibraryOps(TensorOps):
    """The operations of a backend of the library, on tensors instead of `TensorData`."""

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
        """Return a function that folds a dimension from start; its size becomes 1."""

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
    """Return a function that raises NotImplementedError for a missing operation."""

    def refuse(*args: object) -> Any:
        raise NotImplementedError(
            f"this class of operations does not define {operation}; define it as a static method"
        )

    return refuse


def _data(out: Tensor | None) -> TensorData | None:
    return None if out is None else out.data


def _result(a: Tensor, data: TensorData, out: Tensor | None) -> Tensor:
    """Return `out` if it is a tensor, else data as a constant of the class and backend of a."""
    return type(a)(data, backend=a.backend) if out is None else out
