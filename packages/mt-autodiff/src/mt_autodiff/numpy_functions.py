"""NumPy's functions on tensors, as ``numpy.mean(x)`` and ``array + x`` call them.

Arithmetic with an array on the left is that of tensors. Other functions, such as `numpy.mean` and
`numpy.exp`, compute with the elements and return arrays, which have no gradient. They are errors
for a tensor that requires a gradient, unless recording is off.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from mt_autodiff.engine import Node
from mt_autodiff.modes import grad_enabled
from mt_autodiff.names import MEMBERS

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

METHODS = {"log": "ln", "absolute": "abs"}
"""Methods of tensors whose name is not that of NumPy's function."""

WITHOUT_ELEMENTS = frozenset(
    {
        np.shape,
        np.ndim,
        np.size,
        np.array2string,
        np.array_repr,
        np.array_str,
        np.iscomplexobj,
        np.isrealobj,
        np.result_type,
        np.shares_memory,
        np.may_share_memory,
    }
)
"""Functions of NumPy whose result needs no gradient: a size, a text, a fact about the memory."""


def check_no_gradient(operation: str, tensors: Iterable[Node], instead: str) -> None:
    """Raise RuntimeError if one of some tensors would lose its gradient.

    Args:
        operation: The name of the operation, which returns something without a gradient.
        tensors: The tensors.
        instead: The code to write instead.
    """
    if any(x.history is not None for x in tensors) and grad_enabled():
        raise RuntimeError(
            f"{operation}: the tensor x requires a gradient, which the result would lose; "
            f"write {instead}"
        )


def apply_ufunc(
    tensor: Any, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """Return the result of an operator with an array on the left, or of an elementwise function.

    Args:
        tensor: A tensor among the operands.
        ufunc: NumPy's elementwise function.
        method: The called method of the function, such as "reduce".
        inputs: The operands.
        options: Keyword arguments.

    Raises:
        RuntimeError: A tensor requires a gradient, which the result would lose.
    """
    if method == "__call__" and ufunc in OPERATORS and not options:
        if ufunc in (np.equal, np.not_equal) and any(map(_is_complex_number, inputs)):
            # As in Python, a number that a tensor cannot contain differs from it.
            return ufunc is np.not_equal
        a, b = (x if isinstance(x, Node) else tensor._operand(x) for x in inputs)
        return OPERATORS[ufunc](a, b)
    called = f"numpy.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if "out" in options:
        # The statement `array += x` calls numpy.add with an output.
        instead = "`x = array + x` to get a tensor, or use x.detach()"
    else:
        instead = _instead(called, ufunc.__name__ if method == "__call__" else "", inputs)
    check_no_gradient(called, _nodes((inputs, options)), instead)
    return getattr(ufunc, method)(*_as_arrays(inputs), **_as_arrays(options))


def _is_complex_number(value: Any) -> bool:
    return not isinstance(value, Node) and np.ndim(value) == 0 and np.iscomplexobj(value)


def apply_function(function: Callable[..., Any], args: Any, options: Any) -> Any:
    """Return the result of a function of NumPy on the elements of tensors.

    Raises:
        RuntimeError: A tensor requires a gradient, which the result would lose.
    """
    if function not in WITHOUT_ELEMENTS:
        name = function.__name__
        called = f"{function.__module__}.{name}"
        instead = _instead(called, "" if "." in called[len("numpy.") :] else name, args)
        check_no_gradient(called, _nodes((args, options)), instead)
    return function(*_as_arrays(args), **_as_arrays(options))


def _instead(called: str, name: str, args: Any) -> str:
    """Return the code to write instead of a function of NumPy.

    Args:
        called: The name of the function in the package.
        name: The name that a method of tensors or a function of this package may have.
        args: The arguments of the function.
    """
    name = METHODS.get(name, name)
    package = sys.modules["mt_autodiff"]
    own = ""
    if name == "negative":
        own = "-x"
    elif args and isinstance(args[0], Node) and callable(getattr(type(args[0]), name, None)):
        own = f"x.{name}()"
    elif name in package.__all__:
        own = f"mt_autodiff.{name}"
    elif name in MEMBERS and "np." not in MEMBERS[name]:
        own = MEMBERS[name].partition("  # ")[0]
    detached = f"{called}(x.detach()) for an array without it"
    return f"{own}, which keeps it, or {detached}" if own else detached


def _nodes(value: Any) -> Iterator[Node]:
    """Yield the tensors in nested arguments."""
    if isinstance(value, Node):
        yield value
    elif type(value) in (list, tuple):
        for item in value:
            yield from _nodes(item)
    elif type(value) is dict:
        yield from _nodes(tuple(value.values()))


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
