"""The differentiable functions of tensors, functions that create tensors, and gradient checks.

The functions are those of `mt_autodiff.functions`, each with ``forward(ctx, …)`` and
``backward(ctx, grad_output)`` on tensors. The operators of `Tensor` call the library directly.
"""

import random
from collections.abc import Callable
from typing import Any

import numpy as np

import mt_autodiff
from minitorch._function import Function, LibraryFunction, as_integers
from minitorch._tensor import SimpleBackend, Tensor
from mt_autodiff import functions
from mt_tensor import Backend, TensorData, operators
from mt_tensor.layout import UserIndex, UserShape


class Neg(LibraryFunction):
    """``apply(x)``: negate."""

    inner = functions.Neg


class Inv(LibraryFunction):
    """``apply(x)``: take the reciprocal."""

    inner = functions.Inv


class Add(LibraryFunction):
    """``apply(x, y)``: add, broadcasting."""

    inner = functions.Add
    arity = 2


class Mul(LibraryFunction):
    """``apply(x, y)``: multiply element by element, broadcasting."""

    inner = functions.Mul
    arity = 2


class Div(LibraryFunction):
    """``apply(x, y)``: divide element by element, broadcasting."""

    inner = functions.Div
    arity = 2


class Sigmoid(LibraryFunction):
    """``apply(x)``: the logistic function."""

    inner = functions.Sigmoid


class ReLU(LibraryFunction):
    """``apply(x)``: the rectified linear unit, max(x, 0)."""

    inner = functions.ReLU


class Log(LibraryFunction):
    """``apply(x)``: the logarithm of the course, `operators.log`."""

    inner = functions.Log


class Exp(LibraryFunction):
    """``apply(x)``: the exponential."""

    inner = functions.Exp


class LT(LibraryFunction):
    """``apply(x, y)``: 1 where x is less than y, else 0."""

    inner = functions.LT
    arity = 2


class EQ(LibraryFunction):
    """``apply(x, y)``: 1 where x equals y, else 0."""

    inner = functions.EQ
    arity = 2


class IsClose(LibraryFunction):
    """``apply(x, y)``: 1 where x and y are close, else 0."""

    inner = functions.IsClose
    arity = 2


class MatMul(LibraryFunction):
    """``apply(x, y)``: multiply matrices, or batches of them that broadcast."""

    inner = functions.MatMul
    arity = 2


class Copy(LibraryFunction):
    """``apply(x)``: the same elements, contiguous in memory."""

    inner = functions.Copy


class _Reduction(LibraryFunction):
    @classmethod
    def settings(cls, dim: Any = None) -> Any:
        """Return the dimension, None for all of them."""
        return (None if dim is None else as_integers(dim),)


class Sum(_Reduction):
    """``apply(x, dim)``: sum along a dimension; without one, over all elements."""

    inner = functions.Sum


class All(_Reduction):
    """``apply(x, dim)``: multiply along a dimension; without one, all elements."""

    inner = functions.All


class _Arrangement(LibraryFunction):
    @classmethod
    def settings(cls, numbers: Any) -> Any:
        """Return an order or a shape."""
        return (as_integers(numbers),)


class Permute(_Arrangement):
    """``apply(x, order)``: a view with the dimensions in another order."""

    inner = functions.Permute


class View(_Arrangement):
    """``apply(x, shape)``: a view of a contiguous tensor in another shape."""

    inner = functions.View


# Creation of tensors


def zeros(shape: UserShape, backend: Backend = SimpleBackend) -> Tensor:
    """Make a tensor of zeros."""
    return Tensor(backend.zeros(shape), backend=backend)


def rand(shape: UserShape, backend: Backend = SimpleBackend, requires_grad: bool = False) -> Tensor:
    """Make a tensor of random numbers, uniform in [0, 1), from Python's `random`.

    Seed it with ``random.seed``: each element is one ``random.random()``, in row-major order.
    """
    numbers = [random.random() for _ in range(int(operators.prod(shape)))]
    array = np.array(numbers, np.float64).reshape(tuple(shape))
    return _leaf(backend.from_numpy(array), backend, requires_grad)


def tensor(data: Any, backend: Backend = SimpleBackend, requires_grad: bool = False) -> Tensor:
    """Make a tensor from a number, nested lists, an array or a tensor, copying it.

    Args:
        data: Real numbers; nested lists must be of equal lengths.
        backend: The tensor's backend.
        requires_grad: True makes a leaf. With False the tensor is a constant, or it passes
            gradients on to tensors in `data` that require them.

    Raises:
        ValueError: The lists differ in length, or `requires_grad` is True and a tensor in `data`
            requires a gradient.
        TypeError: An item is not a real number.

    >>> tensor([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    made = mt_autodiff.tensor(data, backend, requires_grad)
    if isinstance(made, Tensor) and made.requires_grad:
        return made
    return _leaf(made.data, backend, requires_grad)


def _leaf(data: TensorData, backend: Backend, requires_grad: bool) -> Tensor:
    result = Tensor(data, backend=backend)
    result.requires_grad_(requires_grad)
    return result


# Gradient checks


def grad_central_difference(
    f: Callable[..., Any],
    *vals: mt_autodiff.Tensor,
    arg: int = 0,
    epsilon: float = 1e-6,
    ind: UserIndex,
) -> float:
    """Return the derivative of the sum of f with respect to one element of one argument.

    Args:
        f: A function of tensors.
        *vals: The point at which to differentiate.
        arg: The position of the argument that varies.
        epsilon: The step to either side.
        ind: The index of the element that varies.
    """
    return mt_autodiff.grad_central_difference(f, *vals, arg=arg, epsilon=epsilon, ind=tuple(ind))


def grad_check(f: Callable[..., Any], *vals: mt_autodiff.Tensor) -> None:
    """Compare the gradients of a function with central differences, at every index.

    Step and tolerance are the course's, which suit arguments from -100 to 100;
    `mt_autodiff.grad_check` is more precise.

    Args:
        f: A function of tensors.
        *vals: The point at which to compare. They are not changed.

    Raises:
        AssertionError: A gradient differs; the message names function, argument, index, the
            expected and the received value.
    """
    mt_autodiff.grad_check(f, *vals, epsilon=1e-6, tolerance=1e-2)


__all__ = [
    "EQ",
    "LT",
    "Add",
    "All",
    "Copy",
    "Div",
    "Exp",
    "Function",
    "Inv",
    "IsClose",
    "Log",
    "MatMul",
    "Mul",
    "Neg",
    "Permute",
    "ReLU",
    "Sigmoid",
    "Sum",
    "View",
    "grad_central_difference",
    "grad_check",
    "rand",
    "tensor",
    "zeros",
]
