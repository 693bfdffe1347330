"""Functions that create tensors.

Random tensors draw from a generator that the caller passes; no global generator is used.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from mt_autodiff.combining import concatenate
from mt_autodiff.engine import Kind, Move
from mt_autodiff.indexing import as_positions
from mt_autodiff.modes import grad_enabled
from mt_autodiff.names import renamed
from mt_autodiff.tensor import Tensor
from mt_tensor import REFERENCE, Backend, ShapeError, TensorData
from mt_tensor.layout import check_shape

P = ParamSpec("P")

_BACKEND = {
    "dtype": "backend, such as backend=Reference(numpy.float32)",
    "device": "backend, which decides where the tensor is",
    "out": None,
}
_of_backend = renamed(**_BACKEND)
_of_random = renamed(**_BACKEND, generator="rng", seed="rng")

Seed: TypeAlias = np.random.Generator | int | None
"""A generator, the seed of a new one, or None for a new generator with an unpredictable seed."""


@_of_backend
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
    kind = None
    if isinstance(data, Tensor):
        data, kind = data.to_numpy(), data.kind
    try:
        array = np.array(data, order="C")
    except ValueError as error:
        raise ValueError("tensor: nested lists must have equal lengths") from error
    if array.dtype.kind not in "fiub":
        # An empty list is an array of float64. Other dtypes, such as complex or object, are errors.
        raise TypeError(f"tensor: expected real numbers, got an array of {array.dtype}")
    result = _leaf(
        backend.from_numpy(array.astype(backend.dtype, copy=False)), backend, requires_grad
    )
    result.kind = kind or _kind(array)
    return result


def from_numpy(array: npt.NDArray[Any], backend: Backend = REFERENCE) -> Tensor:
    """Make a constant that shares an array's memory if dtype and layout allow.

    What one of them writes, the other has. Do not write to the array between an operation and its
    `backward`: the gradient may then be wrong, and nothing notices it.

    Raises:
        ValueError: The array is a tensor that requires a gradient.
    """
    _refuse_gradient(array, "from_numpy")
    result = _leaf(backend.from_numpy(array), backend, False)
    result.kind = _kind(np.asarray(array))
    return result


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


class SizesOrShape(Generic[P]):
    """A function that makes a tensor of a shape, which may also be passed size by size."""

    def __init__(self, make: Callable[Concatenate[Sequence[int], P], Tensor]) -> None:
        functools.update_wrapper(self, make)
        self._make: Callable[..., Tensor] = make

    @overload
    def __call__(self, shape: Sequence[int], *args: P.args, **kwargs: P.kwargs) -> Tensor: ...

    @overload
    def __call__(self, *sizes: int, **options: Any) -> Tensor: ...

    def __call__(self, *args: Any, **options: Any) -> Tensor:
        """Make a tensor; options after sizes are passed by name."""
        numbers = (i for i, arg in enumerate(args) if not isinstance(arg, int | np.integer))
        count = next(numbers, len(args))
        return self._make(*((args[:count], *args[count:]) if count else args), **options)


@SizesOrShape
@_of_backend
def zeros(
    shape: Sequence[int], backend: Backend = REFERENCE, requires_grad: bool = False
) -> Tensor:
    """Make a tensor of zeros, ``zeros((2, 3))`` or ``zeros(2, 3)``."""
    return full(shape, 0.0, backend, requires_grad)


@SizesOrShape
@_of_backend
def ones(shape: Sequence[int], backend: Backend = REFERENCE, requires_grad: bool = False) -> Tensor:
    """Make a tensor of ones, ``ones((2, 3))`` or ``ones(2, 3)``."""
    return full(shape, 1.0, backend, requires_grad)


@_of_backend
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


def zeros_like(x: Tensor, requires_grad: bool = False) -> Tensor:
    """Make a tensor of zeros with the shape and the backend of another."""
    return full(x.shape, 0.0, x.backend, requires_grad)


def ones_like(x: Tensor, requires_grad: bool = False) -> Tensor:
    """Make a tensor of ones with the shape and the backend of another."""
    return full(x.shape, 1.0, x.backend, requires_grad)


def full_like(x: Tensor, value: float, requires_grad: bool = False) -> Tensor:
    """Make a tensor of equal elements with the shape and the backend of another."""
    return full(x.shape, value, x.backend, requires_grad)


@_of_backend
def eye(
    rows: int,
    columns: int | None = None,
    backend: Backend = REFERENCE,
    requires_grad: bool = False,
) -> Tensor:
    """Make a matrix with 1 on the diagonal and 0 elsewhere; square by default."""
    return tensor(np.eye(rows, columns), backend, requires_grad)


@_of_backend
def arange(
    start: float,
    stop: float | None = None,
    step: float = 1,
    backend: Backend = REFERENCE,
    requires_grad: bool = False,
) -> Tensor:
    """Make a vector of the numbers from `start` to `stop`, this one excluded.

    Args:
        start: The first number; the only argument is the `stop` of a vector that starts at 0.
        stop: The bound.
        step: The difference of two neighbours. As in NumPy, a fraction may make the vector one
            element longer or shorter than expected; `linspace` takes the number of elements.
        backend: The tensor's backend.
        requires_grad: True makes a leaf, False a constant.

    Raises:
        ValueError: The step is 0.
    """
    first, bound = (0, start) if stop is None else (start, stop)
    if step == 0:
        raise ValueError("arange: step 0; the difference of two neighbours must not be 0")
    return tensor(np.arange(first, bound, step), backend, requires_grad)


@_of_backend
def linspace(
    start: float,
    stop: float,
    count: int,
    backend: Backend = REFERENCE,
    requires_grad: bool = False,
) -> Tensor:
    """Make a vector of numbers at equal distances from `start` to `stop`, both included."""
    return tensor(np.linspace(start, stop, count), backend, requires_grad)


def meshgrid(*vectors: Tensor) -> tuple[Tensor, ...]:
    """Expand vectors to a grid: the first varies along dimension 0, as with ``indexing="ij"``.

    Shape:
        (a,), (b,), … → (a, b, …) for each.

    Raises:
        ShapeError: An argument is not a vector.
    """
    if any(vector.dims != 1 for vector in vectors):
        raise ShapeError(f"meshgrid: shapes {[v.shape for v in vectors]}; pass vectors")
    shape = tuple(vector.shape[0] for vector in vectors)
    dims = len(shape)
    return tuple(
        vector.view([-1 if d == dim else 1 for d in range(dims)]).expand(shape)
        for dim, vector in enumerate(vectors)
    )


def one_hot(
    index: Tensor | npt.ArrayLike, classes: int | None = None, backend: Backend | None = None
) -> Tensor:
    """Make a row for each position that is 1 there and 0 elsewhere, a constant.

    Args:
        index: The positions, whole numbers from 0.
        classes: The length of a row, by default the largest position and 1.
        backend: The result's backend, by default that of `index`.

    Shape:
        (...) → (..., classes).

    Raises:
        TypeError: The positions are not whole numbers.
        IndexError: A position is not from 0 to classes - 1.

    >>> one_hot([2, 0], 3)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    numbers = as_positions(index, "one_hot")
    width = int(numbers.max(initial=-1)) + 1 if classes is None else classes
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < width:
        raise IndexError(
            f"one_hot: positions from {numbers.min()} to {numbers.max()}; they must be from 0 to "
            f"{width - 1}"
        )
    own = index.backend if isinstance(index, Tensor) else REFERENCE
    return tensor(np.eye(width)[numbers], own if backend is None else backend)


# Random tensors


@SizesOrShape
@_of_random
def rand(
    shape: Sequence[int],
    rng: Seed = None,
    backend: Backend = REFERENCE,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of random numbers, uniform in [0, 1); `rng` is a generator or its seed."""
    array = np.random.default_rng(rng).random(check_shape(shape, "rand"))
    # Conversion to float32 would round the largest numbers up to 1.
    below_one = np.nextafter(backend.dtype.type(1), backend.dtype.type(0))
    return _leaf(backend.from_numpy(np.minimum(array, below_one)), backend, requires_grad)


@SizesOrShape
@_of_random
def randn(
    shape: Sequence[int],
    rng: Seed = None,
    backend: Backend = REFERENCE,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of random numbers, normal with mean 0 and variance 1; see `rand`."""
    array = np.random.default_rng(rng).standard_normal(check_shape(shape, "randn"))
    return _leaf(backend.from_numpy(array), backend, requires_grad)


@_of_random
def rand_like(x: Tensor, rng: Seed = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor of random numbers in [0, 1) with the shape and the backend of another."""
    return rand(x.shape, rng=rng, backend=x.backend, requires_grad=requires_grad)


@_of_random
def randn_like(x: Tensor, rng: Seed = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor of normal random numbers with the shape and the backend of another."""
    return randn(x.shape, rng=rng, backend=x.backend, requires_grad=requires_grad)


@_of_random
def randint(
    low: int,
    high: int,
    shape: Sequence[int],
    rng: Seed = None,
    backend: Backend = REFERENCE,
) -> Tensor:
    """Make a constant of random whole numbers from `low` to `high`, this one excluded."""
    return tensor(np.random.default_rng(rng).integers(low, high, tuple(shape)), backend)


@_of_random
def randperm(count: int, rng: Seed = None, backend: Backend = REFERENCE) -> Tensor:
    """Make a constant of the numbers from 0 to `count` - 1 in a random order."""
    return tensor(np.random.default_rng(rng).permutation(count), backend)


def _kind(array: npt.NDArray[Any]) -> Kind | None:
    """Return the meaning of elements that come from bools or ints."""
    kinds: dict[str, Kind] = {"b": "truth", "i": "positions", "u": "positions"}
    return kinds.get(array.dtype.kind)


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
