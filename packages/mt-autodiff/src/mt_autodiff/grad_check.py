"""Checks of derivatives and gradients against central differences."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff.creation import Seed
from mt_autodiff.derivatives import central_difference
from mt_autodiff.modes import no_grad
from mt_autodiff.scalar import Scalar
from mt_autodiff.tensor import Tensor


def derivative_check(f: Callable[..., Scalar], *scalars: Scalar) -> None:
    """Compare the derivatives of backpropagation with finite differences.

    The step grows with the argument, so that it stays larger than the spacing of large floats. If
    the differences to the left and to the right disagree, as at the kink of `relu`, every
    derivative between the two is accepted.

    Args:
        f: A function of Scalars that returns one.
        *scalars: The point at which to compare. They are not changed.

    Raises:
        AssertionError: A derivative differs from the difference quotient.
        TypeError: f does not return a Scalar.

    >>> derivative_check(lambda x, y: (x * y).sigmoid(), Scalar(0.5), Scalar(-2.0))
    """
    name = getattr(f, "__name__", repr(f))
    point = tuple(x.data for x in scalars)
    leaves = [Scalar(x) for x in point]
    result = f(*leaves)
    if not isinstance(result, Scalar):
        raise TypeError(f"derivative_check: {name} returned {result!r}; it must return a Scalar")
    if not result.is_constant():
        result.backward()

    def value(*xs: float) -> float:
        return f(*[Scalar(x, back=None) for x in xs]).data

    for arg, leaf in enumerate(leaves):
        # Powers of two: adding them to a float causes no rounding.
        epsilon = max(2.0**-20, 2.0**14 * math.ulp(leaf.data))
        expected = central_difference(value, *point, arg=arg, epsilon=epsilon)
        stepped = value(*point[:arg], leaf.data + epsilon, *point[arg + 1 :])
        kink = abs((stepped - result.data) / epsilon - expected)
        noise = 4.0 * math.ulp(result.data) / epsilon
        received = 0.0 if leaf.derivative is None else leaf.derivative
        tolerance = 1e-6 + 1e-3 * abs(expected) + kink + noise
        # In this form NaN and infinity fail on both sides.
        if not abs(received - expected) <= tolerance < math.inf:
            raise AssertionError(
                f"derivative_check: the derivative of {name} at {point} with respect to "
                f"argument {arg} is {expected} by central difference (expected), "
                f"{received} by backpropagation (received)"
            )


def grad_check(
    f: Callable[..., Tensor],
    *vals: Tensor,
    rng: Seed = 0,
    epsilon: float | None = None,
    tolerance: float | None = None,
) -> None:
    r"""Compare the gradients of a function with central differences, at every index.

    The upstream gradient is random: with all ones, an error that permutes gradients or changes
    their weights symmetrically would not be found. Choose `vals` away from kinks (a difference
    across 0 of relu has no meaning); `mt_autodiff.catalog` lists a smooth domain for each
    operation.

    Args:
        f: A deterministic function of tensors.
        *vals: The point at which to compare. They are not changed; the check uses contiguous
            copies.
        rng: The source of the upstream gradient.
        epsilon: The step; by default the cube root of the dtype's machine epsilon, which balances
            rounding and truncation (Numerical Recipes, section 5.7).
        tolerance: The largest difference allowed, relative to 1 + |expected|; by default ten times
            the step.

    Raises:
        AssertionError: A gradient differs; the message names function, argument, index, the
            expected and the received value.
    """
    inputs = [_leaf_copy(val) for val in vals]
    out = f(*inputs)
    upstream = np.random.default_rng(rng).uniform(0.5, 1.5, out.shape)
    if out.requires_grad():
        out.backward(upstream)
    for arg, x in enumerate(inputs):
        received = np.zeros(x.shape) if x.grad is None else x.grad.to_numpy()
        for index in x.data.indices():
            expected = grad_central_difference(
                f, *inputs, arg=arg, epsilon=epsilon, ind=index, upstream=upstream
            )
            step = _step(x) if epsilon is None else epsilon
            allowed = (10 * step if tolerance is None else tolerance) * (1 + abs(expected))
            # In this form NaN fails, and so does infinity, which would allow any difference.
            if not abs(received[index] - expected) <= allowed < math.inf:
                name = getattr(f, "__name__", repr(f))
                raise AssertionError(
                    f"gradient of {name}, argument {arg} of shape {x.shape}, index {index}: "
                    f"expected {expected:.6g} by central differences, "
                    f"received {received[index]:.6g}"
                )


def grad_central_difference(
    f: Callable[..., Tensor],
    *vals: Tensor,
    arg: int = 0,
    epsilon: float | None = None,
    ind: tuple[int, ...],
    upstream: Any = 1.0,
) -> float:
    r"""Return the derivative of $\sum_i u_i f_i$ by one element of one argument.

    It is $\frac{F(x + \epsilon) - F(x - \epsilon)}{2 \epsilon}$.

    Args:
        f: A function of tensors.
        *vals: The point at which to differentiate.
        arg: The position of the argument that varies.
        epsilon: The step; by default as in `grad_check`.
        ind: The index of the element that varies.
        upstream: The weights u, a number or an array of the result's shape.
    """
    step = _step(vals[arg]) if epsilon is None else epsilon
    results = []
    moved = []
    for sign in (1.0, -1.0):
        array = vals[arg].to_numpy().copy()
        array[ind] += sign * step
        moved.append(float(array[ind]))
        args = [*vals[:arg], _constant(vals[arg], array), *vals[arg + 1 :]]
        with no_grad():
            out = f(*args).to_numpy().astype(np.float64)
        results.append(float(np.sum(out * upstream)))
    # The actual steps, after rounding to the dtype.
    return (results[0] - results[1]) / (moved[0] - moved[1])


def _leaf_copy(val: Tensor) -> Tensor:
    """Return a leaf with a copy of the elements."""
    return _constant(val, val.to_numpy().copy()).requires_grad_(True)


def _constant(template: Tensor, array: npt.NDArray[Any]) -> Tensor:
    """Return an array as a constant of a tensor's class and backend."""
    result: Tensor = template._constant(template.backend.from_numpy(array))
    return result


def _step(val: Tensor) -> float:
    """Return the default step for a tensor's dtype."""
    return float(np.cbrt(np.finfo(val.dtype).eps))
