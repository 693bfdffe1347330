"""Loops over tensors in NumPy, for tasks that do not judge the loops of the submission.

The layers of module 5 run on them, so that a check takes milliseconds and compiles nothing.
"""

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grading.driver import editions
from grading.driver.arrays import to_array
from grading.protocol.messages import Array

FORMULAS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "div": np.divide,
    "div_back": lambda x, y: -(x / y) / y,
    "eq": lambda x, y: np.equal(x, y) * 1.0,
    "exp": np.exp,
    "id": np.positive,
    "inv": np.reciprocal,
    "inv_back": lambda x, d: -d / (x * x),
    "is_close": lambda x, y: (abs(x - y) < 1e-2) * 1.0,
    "ln": np.log,
    "ln_back": lambda x, d: d / x,
    "log": lambda x: np.log(x + 1e-6),
    "log_back": lambda x, d: d / (x + 1e-6),
    "lt": lambda x, y: np.less(x, y) * 1.0,
    "max": np.maximum,
    "mul": np.multiply,
    "neg": np.negative,
    "pow": np.power,
    "power": np.power,
    "relu": lambda x: np.maximum(x, 0.0),
    "relu_back": lambda x, d: np.where(x > 0.0, d, 0.0),
    "sigmoid": lambda x: 0.5 * np.tanh(0.5 * x) + 0.5,
    "sigmoid_back": lambda s, d: d * s * (1.0 - s),
    "sqrt": np.sqrt,
    "sqrt_back": lambda s, d: d / (2.0 * s),
    "tanh": np.tanh,
    "tanh_back": lambda t, d: d * (1.0 - t * t),
}
"""Formulas on arrays, by the names of the course's functions of numbers."""

PROBES = ((0.75, 1.5), (1.5, 0.75), (2.0, 2.0), (2.0, 2.005), (-0.75, 1.5), (-1.5, -2.0))
"""Numbers for which a formula on arrays has to agree with the submission's function.

They are ordinary numbers. `math.exp(800.0)` raises an error and compiled code gives infinity, so
right functions differ at extreme values. A function that is wrong there only is a mistake of its
own task; the layers are judged as if it were right.
"""


@functools.cache
def on_arrays(fn: Callable[..., float], operands: int) -> Callable[..., Any]:
    """Return a submission's function of numbers as a function of arrays.

    A formula of NumPy is used if it has the same name and the same results.
    """
    formula = FORMULAS.get(getattr(fn, "__name__", ""))
    if formula is not None and all(_agree(formula, fn, probe[:operands]) for probe in PROBES):
        return formula
    return np.vectorize(fn, otypes=[np.float64])


def _agree(formula: Callable[..., Any], fn: Callable[..., float], numbers: Sequence[float]) -> bool:
    """Return whether two functions have the same result, unless the formula is not defined."""
    try:
        with np.errstate(all="ignore"):
            right = formula(*numbers)
        return bool(not np.isfinite(right) or np.isclose(right, fn(*numbers), rtol=1e-12))
    except Exception:  # The submission's function may raise any.
        return False


def fold(on: Callable[..., Any], array: Array, dim: int, start: float) -> Array:
    """Return a fold of one dimension, whose size becomes 1.

    Args:
        on: A function of two arrays.
        array: The array.
        dim: The dimension.
        start: The value before the first element.
    """
    if isinstance(on, np.ufunc):
        return np.asarray(on.reduce(array, axis=dim, keepdims=True, initial=start))
    total = np.full_like(np.take(array, [0], axis=dim), start)
    for i in range(array.shape[dim]):
        total = on(total, np.take(array, [i], axis=dim))
    return np.asarray(total)


def backend() -> Any:
    """Return a backend of the submission's own class on the loops of this module."""
    try:
        library: Any = importlib.import_module("mt_tensor")
    except ImportError:
        return editions.make_backend(_course_loops())
    simple: Any = editions.submodule("tensor_ops").SimpleOps
    kernels = type("Kernels", (_Loops, library.Reference), {})
    return editions.make_backend(type("NumPyOps", (simple,), {"kernels": kernels()}))


class _Loops:
    """Loops in NumPy that replace those of the reference backend of this repository."""

    def _map(self, fn: Any, out: Any, a: Any) -> None:
        with np.errstate(all="ignore"):
            _view(out)[...] = on_arrays(fn, 1)(_view(a))

    def _zip(self, fn: Any, out: Any, a: Any, b: Any) -> None:
        with np.errstate(all="ignore"):
            _view(out)[...] = on_arrays(fn, 2)(_view(a), _view(b))

    def _reduce(self, fn: Any, out: Any, a: Any, dim: int, start: float) -> None:
        _view(out)[...] = fold(on_arrays(fn, 2), _view(a), dim, start)

    def _matmul(self, out: Any, a: Any, b: Any) -> None:
        _view(out)[...] = _view(a) @ _view(b)


def _view(data: Any) -> Array:
    """Return the elements of tensor data as an array that shares its memory."""
    strides = [stride * data._storage.itemsize for stride in data.strides]
    return np.lib.stride_tricks.as_strided(data._storage, data.shape, strides)


def _course_loops() -> Any:
    """Return a class of loops in the course's form, on tensors."""

    class NumPyOps:
        """Operations on tensors without gradients."""

        cuda = False

        @staticmethod
        def map(fn: Any) -> Any:
            def apply(a: Any, out: Any = None) -> Any:
                return _made(a, on_arrays(fn, 1)(to_array(a)), out)

            return apply

        @staticmethod
        def cmap(fn: Any) -> Any:
            return NumPyOps.map(fn)

        @staticmethod
        def zip(fn: Any) -> Any:
            return lambda a, b: _made(a, on_arrays(fn, 2)(to_array(a), to_array(b)))

        @staticmethod
        def reduce(fn: Any, start: float = 0.0) -> Any:
            return lambda a, dim: _made(a, fold(on_arrays(fn, 2), to_array(a), int(dim), start))

        @staticmethod
        def matrix_multiply(a: Any, b: Any) -> Any:
            return _made(a, to_array(a) @ to_array(b))

    return NumPyOps


def _made(a: Any, array: Array, out: Any = None) -> Any:
    """Return a tensor on the backend of another one, or write to `out`."""
    if out is not None:
        _view(out._tensor)[...] = array
        return out
    contiguous = np.ascontiguousarray(array, np.float64)
    return type(a).make(contiguous.reshape(-1).copy(), contiguous.shape, backend=a.backend)
