"""The contract between tensors and the loops that compute them.

A `Backend` is an object that callers pass explicitly, built with its dtype:
``Reference(np.float64)``. It manages memory (allocation, copies to and from the host) and has five
operations on `TensorData`: `Backend.map`, `Backend.zip`, `Backend.reduce`, `Backend.matmul` and
`Backend.convolve`. It does not compute gradients.

The public operations check shapes and allocate the result, the same for every backend; then they
call one hook whose name begins with an underscore. A backend implements the hooks only.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from mt_tensor.dlpack import device_of
from mt_tensor.fused import FusedForm, FusedOperation
from mt_tensor.layout import (
    UserShape,
    as_integers,
    broadcasts_to,
    normalize_dim,
    shape_broadcast,
)
from mt_tensor.tensor_data import TensorData

Map: TypeAlias = Callable[[float], float]
Zip: TypeAlias = Callable[[float, float], float]


DLPACK_HOST = (1, 0)
"""The DLPack device of host memory: the type ``kDLCPU`` and device 0."""


class ShapeError(ValueError):
    """The shapes of two operands are incompatible."""


class Backend(ABC):
    """Memory and five operations. Two backends are equal if their types and dtypes are equal.

    Attributes:
        name: The backend's name on the command line and in messages.
        memory: The memory that holds its storages: "host" or "device".
        dtype: The dtype of every element that it stores.
        is_recordable: True if every call that reads or writes elements can be recorded, see
            `mt_tensor.recording`.
        unrecordable: The reason why not, and the way out: a clause that follows the backend.
    """

    name: ClassVar[str]
    memory: Literal["host", "device"] = "host"
    is_recordable: ClassVar[bool] = False
    unrecordable: ClassVar[str] = "whose calls cannot be recorded; compute on mt_kernels_cpu.Tuned"
    dtype: np.dtype[Any]

    def __init__(self, dtype: npt.DTypeLike = np.float64) -> None:
        """Build a backend that stores numbers of a dtype.

        Raises:
            TypeError: The dtype is not float32 or float64.
        """
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise TypeError(
                f"{type(self).__name__}: dtype {self.dtype} is not supported; "
                "choose numpy.float32 or numpy.float64"
            )

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.dtype == getattr(other, "dtype", None)

    def __hash__(self) -> int:
        return hash((type(self), self.dtype))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dtype})"

    # Memory

    @abstractmethod
    def empty(self, shape: UserShape) -> TensorData:
        """Return a contiguous tensor with uninitialized elements."""

    @abstractmethod
    def full(self, shape: UserShape, value: float) -> TensorData:
        """Return a contiguous tensor whose elements all equal `value`."""

    def zeros(self, shape: UserShape) -> TensorData:
        """Return a contiguous tensor of zeros."""
        return self.full(shape, 0.0)

    @abstractmethod
    def from_numpy(self, array: npt.NDArray[Any]) -> TensorData:
        """Return a tensor of this backend with the array's elements.

        It shares the array's memory if device, dtype and layout allow.
        """

    @abstractmethod
    def to_numpy(self, a: TensorData) -> npt.NDArray[Any]:
        """Return the elements as an array on the host, without a copy where possible."""

    # Other libraries

    def to_dlpack(self, a: TensorData, **options: Any) -> Any:
        """Return a DLPack capsule of a tensor, without a copy where other libraries may write.

        Args:
            a: The tensor.
            options: The consumer's options, see ``numpy.ndarray.__dlpack__``.

        Raises:
            BufferError: The elements share memory, and the options forbid a copy.
        """
        array = self.to_numpy(a)
        if not array.flags.writeable:
            if options.get("copy") is False:
                raise BufferError(
                    "__dlpack__: elements of an expanded tensor share memory, which others must "
                    "not write to; export its contiguous() or allow a copy"
                )
            array = array.copy()
        return array.__dlpack__(**{k: v for k, v in options.items() if v is not None})

    def dlpack_device(self) -> tuple[int, int]:
        """Return the DLPack device type and the device number of what `to_dlpack` exports."""
        return DLPACK_HOST

    def from_dlpack(self, exporter: Any) -> TensorData:
        """Return a tensor from another library's, sharing memory where possible.

        Args:
            exporter: An object with `__dlpack__` and `__dlpack_device__`.

        Raises:
            TypeError: The exporter has no DLPack methods, its memory is not accessible to this
                backend, or its elements are not real numbers that NumPy can read.
        """
        kind, number = device_of(exporter)
        if kind != DLPACK_HOST[0]:
            raise TypeError(
                f"from_dlpack: the {type(exporter).__name__} is on device {kind}:{number}, "
                f"and {self!r} computes in host memory; copy it to the host first, or pass a "
                "backend of its device"
            )
        try:
            array = np.from_dlpack(exporter)
        except (BufferError, RuntimeError, TypeError, ValueError) as error:
            raise TypeError(
                f"from_dlpack: the {type(exporter).__name__} cannot be read ({error}); pass a "
                "tensor of float32, float64 or integers, in PyTorch x.detach().float()"
            ) from error
        return self.from_numpy(array)

    def contiguous(self, a: TensorData) -> TensorData:
        """Return the tensor itself if it is contiguous, else a contiguous copy."""
        return a if a.is_contiguous() else self.copy(a)

    @abstractmethod
    def copy(self, a: TensorData) -> TensorData:
        """Return a contiguous copy."""

    # Threads

    def parts(self, count: int, steps: int, largest: int) -> list[tuple[int, int]]:
        """Return the parts of a batch that `run_parts` computes in less time than the whole.

        Args:
            count: The number of examples.
            steps: The multiplications of all of them.
            largest: The number of elements of the largest matrix.

        Returns:
            The start and the end of each part, one part for a backend that does not divide batches.
        """
        return [(0, count)]

    def run_parts(self, works: Sequence[Callable[[], object]]) -> None:
        """Call a function for each part of a batch."""
        for work in works:
            work()

    # The five operations

    def map(self, fn: Map, a: TensorData, out: TensorData | None = None) -> TensorData:
        """Apply a scalar function to every element.

        Args:
            fn: A function of one number, such as those of `mt_tensor.operators`.
            a: The operand.
            out: The output, a new tensor by default. No two of its elements may share storage;
                `a` is broadcast to it. It may be `a` itself, and must not overlap it otherwise.

        Shape:
            (...) → (...), or the shape of `out`.

        Raises:
            ShapeError: `a` does not broadcast to `out`.
        """
        if out is None:
            out = self.empty(a.shape)
        elif a.shape != out.shape:
            _check_out(_name(fn), a.shape, out.shape)
        self._map(fn, out, a)
        return out

    def zip(
        self, fn: Zip, a: TensorData, b: TensorData, out: TensorData | None = None
    ) -> TensorData:
        """Combine two tensors element by element, broadcasting both.

        Args:
            fn: A function of two numbers.
            a: The first operand.
            b: The second operand.
            out: The output, a new tensor by default. No two of its elements may share storage. It
                may be an operand itself, and must not overlap one otherwise.

        Shape:
            (...), (...) → the broadcast shape, or the shape of `out`.

        Raises:
            IndexingError: The shapes do not broadcast.
            ShapeError: Their broadcast shape does not broadcast to `out`.
        """
        shape = a.shape if a.shape == b.shape else shape_broadcast(a.shape, b.shape, _name(fn))
        if out is None:
            out = self.empty(shape)
        elif shape != out.shape:
            _check_out(_name(fn), shape, out.shape)
        self._zip(fn, out, a, b)
        return out

    def reduce(self, fn: Zip, a: TensorData, dim: int, start: float) -> TensorData:
        """Fold one dimension into a single element: ``fn(fn(start, a0), a1) …``.

        Args:
            fn: A function of two numbers; backends may fold in any order.
            a: The operand.
            dim: The dimension; negative ones count from the right.
            start: The initial value; the result for a dimension of size 0.

        Shape:
            (..., n, ...) → (..., 1, ...).

        Raises:
            IndexingError: There is no such dimension.
        """
        dim = normalize_dim(dim, a.dims, f"reduce({_name(fn)})")
        out = self.full((*a.shape[:dim], 1, *a.shape[dim + 1 :]), start)
        self._reduce(fn, out, a, dim, start)
        return out

    def matmul(self, a: TensorData, b: TensorData) -> TensorData:
        """Multiply matrices, or batches of matrices whose other dimensions broadcast.

        Shape:
            (..., m, k), (..., k, n) → (..., m, n).

        Raises:
            ShapeError: An operand has fewer than two dimensions, or the inner sizes differ.
            IndexingError: The batch dimensions do not broadcast.
        """
        if a.dims < 2 or b.dims < 2 or a.shape[-1] != b.shape[-2]:
            raise ShapeError(
                f"matmul: shapes {a.shape} and {b.shape} are incompatible; they must be "
                "(..., m, k) and (..., k, n); view a vector as a matrix of one row or column"
            )
        batch = shape_broadcast(a.shape[:-2], b.shape[:-2], "matmul")
        out = self.empty((*batch, a.shape[-2], b.shape[-1]))
        self._matmul(out, a, b)
        return out

    def convolve(
        self,
        input: TensorData,
        weight: TensorData,
        reverse: bool = False,
        size: UserShape | None = None,
    ) -> TensorData:
        r"""Correlate an input with kernels over its spatial dimensions; elements outside are zero.

        With two spatial dimensions,
        $out_{n,o,p,q} = \sum_{c,k,l} input_{n,c,p+k,q+l}\, weight_{o,c,k,l}$. The kernel is
        anchored at its top left. With `reverse` it is anchored at its bottom right, and the sum
        uses $input_{n,c,p-k,q-l}$.

        Args:
            input: The input, with one spatial dimension or more. A backend may support some
                numbers of spatial dimensions only; the reference backend supports any.
            weight: One kernel for each output and input channel.
            reverse: True anchors the kernels at their last element.
            size: The output's spatial sizes, by default the input's. Gradients need other sizes:
                the gradient of `weight` has the kernel's.

        Shape:
            (N, C, *spatial), (O, C, *kernel) → (N, O, *size).

        Raises:
            ShapeError: The numbers of dimensions or channels differ, or a size is negative.
        """
        spatial = max(1, input.dims - 2)
        check_convolution(spatial, input.shape, weight.shape)
        size = input.shape[2:] if size is None else as_integers(size, f"conv{spatial}d: size")
        if len(size) != spatial or any(n < 0 for n in size):
            raise ShapeError(
                f"conv{spatial}d: size {size} must be {spatial} number(s) of output positions, "
                "none of them negative"
            )
        out = self.empty((input.shape[0], weight.shape[0], *size))
        self._convolve(out, input, weight, reverse)
        return out

    # More than the five

    def fused(self, operation: FusedOperation) -> type[FusedForm[Any]] | None:
        """Return this backend's form of a composed function, None if it has none.

        Args:
            operation: One of `mt_tensor.fused.operations`.
        """
        return None

    # Hooks that a backend implements

    @abstractmethod
    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        """Write ``fn(a)``, broadcast to out, into out."""

    @abstractmethod
    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        """Write ``fn(a, b)``, both broadcast to out, into out."""

    @abstractmethod
    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        """Fold dimension dim of a into out, which is contiguous and filled with start."""

    @abstractmethod
    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        """Write the product into out, which is contiguous."""

    @abstractmethod
    def _convolve(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        """Write the correlation into out, which is contiguous."""


def check_convolution(spatial: int, input: UserShape, weight: UserShape) -> None:
    """Raise ShapeError unless an input and kernels can be convolved.

    Args:
        spatial: The number of spatial dimensions that both should have.
        input: (N, C, *spatial).
        weight: (O, C, *kernel).
    """
    dims = spatial + 2
    if len(input) != dims or len(weight) != dims or input[1] != weight[1]:
        sizes, kernel = {1: ("W", "K"), 2: ("H, W", "KH, KW")}.get(
            spatial, (f"D1, …, D{spatial}", f"K1, …, K{spatial}")
        )
        raise ShapeError(
            f"conv{spatial}d: input {input} and weight {weight} are incompatible; they must be "
            f"(batch, channels, {sizes}) and (out_channels, channels, {kernel}) with the same "
            "number of channels"
        )


def _check_out(name: str, shape: tuple[int, ...], out_shape: tuple[int, ...]) -> None:
    """Raise ShapeError unless a result of one shape can be written, broadcast, to another."""
    if not broadcasts_to(shape, out_shape):
        raise ShapeError(
            f"{name}: a result of shape {shape} does not broadcast to out of shape {out_shape}; "
            "pass an out of the result's shape, or of one that it broadcasts to"
        )


def _name(fn: Map | Zip) -> str:
    """Return the name of a scalar function for a message."""
    return getattr(fn, "__name__", repr(fn))
