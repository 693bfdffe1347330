"""A tensor's memory: one storage, viewed through a shape and strides.

`TensorData` has no gradients, no dtype of its own and no arithmetic. Permuting or slicing returns
another `TensorData` on the same storage.
"""

import itertools
import math
import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from mt_tensor.layout import (
    IndexingError,
    Storage,
    UserIndex,
    UserShape,
    UserStrides,
    as_integers,
    check_shape,
    index_to_position,
    infer_shape,
    is_contiguous,
    shape_broadcast,
    span,
    strides_from_shape,
)

new = object.__new__


class TensorData:
    """A storage with a shape and strides.

    There is no offset: a view that begins later in memory has a slice of the storage. Strides
    count elements and are not negative; a stride of 0 repeats an element (a broadcast view). The
    storage may be longer than the tensor's span.

    Attributes:
        storage: The one-dimensional array of numbers: a NumPy array, or a device array of a
            backend.
        shape: The sizes, at most `MAX_DIMS`. An empty shape is a single element.
        strides: The distance in storage between neighbours along each dimension, in elements.
        size: The number of elements.
        cached_flat: The cached result of `flat`; None before the first call, and for a tensor that
            is not contiguous.

    >>> data = TensorData([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (2, 3))
    >>> data.strides, data.get((1, 0)), data.permute(1, 0).shape
    ((3, 1), 4.0, (3, 2))
    """

    __slots__ = ("_layout", "cached_flat", "shape", "size", "storage", "strides")

    storage: Storage
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    size: int
    cached_flat: Storage | None

    def __init__(
        self,
        storage: Storage | Iterable[float],
        shape: UserShape,
        strides: UserStrides | None = None,
    ) -> None:
        """Make a tensor on a storage, without copying it.

        Args:
            storage: A one-dimensional array; an iterable of numbers is copied to float64.
            shape: The sizes.
            strides: One stride for each dimension, in elements; by default row-major without gaps.

        Raises:
            IndexingError: Shape and strides differ in length, a size or a stride is negative, or
                the storage is too short for them.
            TypeError: A size or a stride is not an integer.
        """
        if not hasattr(storage, "dtype"):
            storage = np.array(list(storage), np.float64)
        self.storage = cast(Storage, storage)
        self.shape = check_shape(shape, "TensorData")
        self.strides = (
            strides_from_shape(self.shape)
            if strides is None
            else as_integers(strides, "TensorData")
        )
        self.size = math.prod(self.shape)
        # Computed on the first access.
        self.cached_flat = None
        self._layout: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None
        if len(self.strides) != len(self.shape):
            raise IndexingError(
                f"TensorData: {len(self.strides)} strides {self.strides} for {len(self.shape)} "
                f"dimensions {self.shape}; pass one stride for each dimension"
            )
        if any(stride < 0 for stride in self.strides):
            raise IndexingError(f"TensorData: strides {self.strides} must not be negative")
        if self.storage.ndim != 1:
            raise IndexingError(
                f"TensorData: the storage has {self.storage.ndim} dimensions; it must have one "
                "(array.reshape(-1))"
            )
        reach = span(self.shape, self.strides)
        if reach > self.storage.shape[0]:
            raise IndexingError(
                f"TensorData: shape {self.shape} with strides {self.strides} spans {reach} "
                f"elements of storage, and the storage has {self.storage.shape[0]}"
            )

    @classmethod
    def unchecked(
        cls, storage: Storage, shape: tuple[int, ...], strides: tuple[int, ...]
    ) -> "TensorData":
        """Make a tensor without the checks of the constructor.

        The caller guarantees one stride for each dimension and a storage that is long enough.
        """
        data = cls.__new__(cls)
        data.storage = storage
        data.shape = shape
        data.strides = strides
        data.size = math.prod(shape)
        data.cached_flat = data._layout = None
        return data

    def with_storage(self, storage: Storage) -> "TensorData":
        """Return a contiguous tensor of this one's shape on another storage.

        This tensor must be contiguous: the result has its strides.

        Args:
            storage: A one-dimensional array of `size` elements.
        """
        data = new(TensorData)
        data.storage = data.cached_flat = storage
        data.shape = self.shape
        data.strides = self.strides
        data.size = self.size
        data._layout = self._layout
        return data

    def expand_unchecked(self, shape: tuple[int, ...]) -> "TensorData":
        """Return ``expand(shape)`` without the check that this tensor broadcasts to the shape."""
        strides = (0,) * (len(shape) - self.dims) + tuple(
            0 if size == 1 else stride
            for size, stride in zip(self.shape, self.strides, strict=True)
        )
        return TensorData.unchecked(self.storage, shape, strides)

    @property
    def _storage(self) -> Storage:
        """The storage, under the name that the course uses."""
        return self.storage

    @property
    def dims(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """The CUDA array interface of the elements, version 3.

        Raises:
            AttributeError: The tensor is in host memory.
        """
        storage: Any = self.storage
        interface: dict[str, Any] = dict(storage.__cuda_array_interface__)
        step = storage.dtype.itemsize
        interface["shape"] = self.shape
        interface["strides"] = tuple(stride * step for stride in self.strides)
        # Stream 1 is the default stream: consumers synchronize with it. None would tell them that
        # no synchronization is needed.
        interface["stream"] = interface.get("stream") or 1
        if self.size == 0:
            interface["data"] = (0, False)
        return interface

    def is_contiguous(self) -> bool:
        """Return whether the elements are adjacent in storage, in row-major order."""
        return self.flat() is not None

    def flat(self) -> Storage | None:
        """Return the elements as a flat view of the storage; None if they are not contiguous.

        Shape:
            (...) → (size,).
        """
        if self.cached_flat is None and is_contiguous(self.shape, self.strides):
            # Slicing takes time, so the storage itself is used if it has no further elements.
            whole = self.storage.shape[0] == self.size
            self.cached_flat = self.storage if whole else self.storage[: self.size]
        return self.cached_flat

    @staticmethod
    def shape_broadcast(shape_a: UserShape, shape_b: UserShape) -> tuple[int, ...]:
        """Return the shape of two tensors combined element by element."""
        return shape_broadcast(shape_a, shape_b)

    def index(self, index: int | UserIndex) -> int:
        """Return the position in storage of an index.

        Args:
            index: One integer for each dimension, from 0 to size - 1; a tensor of one dimension
                accepts an integer alone.

        Raises:
            IndexingError: There are too few or too many numbers, or one is out of range.
            TypeError: A number is not an integer.
        """
        numbers = (index,) if isinstance(index, int | np.integer) else tuple(index)
        if len(numbers) != len(self.shape):
            raise IndexingError(
                f"index {numbers} has {len(numbers)} numbers, and shape {self.shape} has "
                f"{len(self.shape)} dimensions"
            )
        for number, size in zip(numbers, self.shape, strict=True):
            if not 0 <= number < size:
                raise IndexingError(
                    f"index {numbers} is outside of shape {self.shape}: "
                    f"{number} is not in range({size})"
                )
        # Unlike int(), operator.index refuses a fraction instead of rounding it down.
        return operator.index(index_to_position(numbers, self.strides))

    def indices(self) -> Iterator[tuple[int, ...]]:
        """Iterate over all indices in row-major order."""
        return itertools.product(*(range(size) for size in self.shape))

    def sample(self, rng: np.random.Generator | int | None = None) -> tuple[int, ...]:
        """Return a random index.

        Raises:
            IndexingError: The tensor has no elements.
        """
        if self.size == 0:
            raise IndexingError(f"sample: shape {self.shape} has no elements")
        generator = np.random.default_rng(rng)
        return tuple(int(generator.integers(size)) for size in self.shape)

    def get(self, key: int | UserIndex) -> float:
        """Return the element at an index."""
        return float(self.storage[self.index(key)])

    def set(self, key: int | UserIndex, value: float) -> None:
        """Set the element at an index."""
        self.storage[self.index(key)] = value

    def tuple(
        self,
    ) -> tuple[Storage, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return storage, shape and strides as one-dimensional arrays, the arguments of kernels."""
        if self._layout is None:
            self._layout = (np.array(self.shape, np.int64), np.array(self.strides, np.int64))
        return (self.storage, *self._layout)

    def permute(self, *order: int) -> "TensorData":
        """Return a view with the dimensions in another order.

        Raises:
            IndexingError: The order does not name each dimension once.
        """
        if sorted(order) != list(range(self.dims)):
            raise IndexingError(
                f"permute: order {order} must name each of the {self.dims} dimensions of shape "
                f"{self.shape} once"
            )
        return TensorData.unchecked(
            self.storage,
            tuple(self.shape[dim] for dim in order),
            tuple(self.strides[dim] for dim in order),
        )

    def view(self, *shape: int) -> "TensorData":
        """Return a view of the same elements in another shape; one size may be -1.

        Raises:
            IndexingError: The sizes do not multiply to `size`, or the tensor is not contiguous.
        """
        sizes = infer_shape(self.size, shape)
        if not self.is_contiguous():
            raise IndexingError(
                f"view: shape {self.shape} with strides {self.strides} is not contiguous; "
                "call contiguous() first"
            )
        return TensorData.unchecked(self.storage, sizes, strides_from_shape(sizes))

    def expand(self, shape: Sequence[int]) -> "TensorData":
        """Return a view that repeats this tensor to a larger shape, with strides of 0.

        Raises:
            IndexingError: This tensor does not broadcast to the shape.
        """
        sizes = check_shape(shape, "expand")
        if shape_broadcast(self.shape, sizes, "expand") != sizes:
            raise IndexingError(
                f"expand: shape {self.shape} is larger than {sizes}; expanding only repeats "
                "dimensions of size 1 and adds dimensions at the left"
            )
        return self.expand_unchecked(sizes)

    def to_string(self) -> str:
        """Return the elements as nested, indented lists with two decimals."""
        if not self.shape:
            return f"{self.get(()):3.2f}"

        def block(prefix: tuple[int, ...]) -> str:
            if len(prefix) == self.dims - 1:
                row = (f"{self.get((*prefix, i)):3.2f}" for i in range(self.shape[-1]))
                return "[" + " ".join(row) + "]"
            inner = (block((*prefix, i)) for i in range(self.shape[len(prefix)]))
            return "[" + ("\n" + " " * (len(prefix) + 1)).join(inner) + "]"

        return block(())

    def __repr__(self) -> str:
        kind: Any = getattr(self.storage, "dtype", "?")
        return f"TensorData(shape={self.shape}, strides={self.strides}, dtype={kind})"


def as_images(a: TensorData) -> TensorData:
    """Return a view of sequences as images with one row.

    Shape:
        (N, C, W) → (N, C, 1, W).
    """
    (n, c, width), (n_step, c_step, step) = a.shape, a.strides
    return TensorData.unchecked(a.storage, (n, c, 1, width), (n_step, c_step, 0, step))


def as_sequences(a: TensorData) -> TensorData:
    """Return a view of images with one row as sequences.

    Shape:
        (N, C, 1, W) → (N, C, W).
    """
    (n, c, _, width), (n_step, c_step, _, step) = a.shape, a.strides
    return TensorData.unchecked(a.storage, (n, c, width), (n_step, c_step, step))
