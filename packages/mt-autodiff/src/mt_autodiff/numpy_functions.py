"""NumPy's functions on tensors, as ``numpy.mean(x)`` and ``array + x`` call them.

Arithmetic with an array on the left is that of tensors. Other functions of arrays, such as
`numpy.mean`, compute with the elements and return arrays, which have no gradient. Elementwise
functions, such as `numpy.exp`, are errors: a tensor has methods with gradients for them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from mt_autodiff.engine import Node

OPERATORS: dict[np.ufunc, Callable[[Any, Any], Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.true_divide: operator.truediv,
    np.matmul: operator.matmul,
    np.power: operator.pow,
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
    np.equal: operator.eq,
    np.not_equal: operator.ne,
}
"""The operator that calls each function of two arrays."""

METHODS = {"log": "ln", "absolute": "abs", "negative": "__neg__"}
"""Methods of tensors whose name is not that of NumPy's function."""


def apply_ufunc(
    tensor: Any, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """Return the result of an operator with an array on the left.

    Args:
        tensor: A tensor among the operands.
        ufunc: NumPy's elementwise function.
        method: The called method of the function, such as "reduce".
        inputs: The operands.
        options: Keyword arguments.

    Raises:
        TypeError: NumPy's function is not an operator of tensors.
    """
    called = f"numpy.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if method == "__call__" and ufunc in OPERATORS and not options:
        if ufunc in (np.equal, np.not_equal) and any(map(_is_complex_number, inputs)):
            # As in Python, a number that a tensor cannot contain differs from it.
            return ufunc is np.not_equal
        a, b = (x if isinstance(x, Node) else tensor._operand(x) for x in inputs)
        return OPERATORS[ufunc](a, b)
    if any(not isinstance(x, Node) for x in options.get("out", ())):
        raise TypeError(
            f"{called}: a tensor cannot be written to an array; convert the tensor with "
            "to_numpy(), or write `x = array + tensor` to get a tensor"
        )
    name = METHODS.get(ufunc.__name__, ufunc.__name__)
    own = f"x.{name}(), which has a gradient, or " if hasattr(tensor, name) else ""
    own = "-x, which has a gradient, or " if name == "__neg__" else own
    raise TypeError(
        f"{called}: an operand x is a tensor, and NumPy's elementwise functions take arrays; "
        f"write {own}{called}(x.to_numpy()), which has none"
    )


def _is_complex_number(value: Any) -> bool:
    return not isinstance(value, Node) and np.ndim(value) == 0 and np.iscomplexobj(value)


def apply_function(function: Callable[..., Any], args: Any, options: Any) -> Any:
    """Return the result of a function of NumPy on the elements of tensors."""
    return function(*_as_arrays(args), **_as_arrays(options))


def _as_arrays(value: Any) -> Any:
    """Return nested arguments with read-only arrays instead of tensors."""
    if isinstance(value, Node):
        # Read-only: gradients would not notice that NumPy wrote to the memory of a tensor.
        array = value.backend.to_numpy(value.data).view()
        array.flags.writeable = False
        return array
    if type(value) in (list, tuple):
        return type(value)(_as_arrays(item) for item in value)
    if type(value) is dict:
        return {key: _as_arrays(item) for key, item in value.items()}
    return value
