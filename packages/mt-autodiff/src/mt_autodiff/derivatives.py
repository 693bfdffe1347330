"""Derivatives by finite differences, the reference for checks of derivatives."""

from collections.abc import Callable
from typing import Any


def central_difference(
    f: Callable[..., Any], *vals: Any, arg: int = 0, epsilon: float = 1e-6
) -> Any:
    r"""Approximate the derivative of f with respect to one of its arguments.

    $$\frac{\partial f}{\partial x_i} \approx
    \frac{f(\ldots, x_i + \epsilon, \ldots) - f(\ldots, x_i - \epsilon, \ldots)}{2 \epsilon}$$

    The error of the approximation is of order $\epsilon^2$, that of the subtraction of order
    $\delta / \epsilon$, where $\delta$ is the spacing of the floats around the value of f.

    Args:
        f: A function of one argument for each of `vals`. Arguments must support addition of a
            float; results must support subtraction and division by a float.
        *vals: The point at which to take the derivative.
        arg: The position of the argument that varies.
        epsilon: The step to either side.

    Raises:
        IndexError: `arg` is not the position of a value.
        ValueError: `epsilon` is not positive.

    >>> round(central_difference(lambda x, y: x * y, 3.0, 5.0, arg=1), 6)
    3.0
    """
    if not 0 <= arg < len(vals):
        raise IndexError(
            f"central_difference: arg={arg} is not the position of one of the {len(vals)} values; "
            f"allowed: 0 to {len(vals) - 1}"
        )
    if not epsilon > 0:
        raise ValueError(f"central_difference: epsilon is {epsilon}; it must be positive")
    before, x, after = vals[:arg], vals[arg], vals[arg + 1 :]
    above = f(*before, x + epsilon, *after)
    below = f(*before, x - epsilon, *after)
    return (above - below) / (2.0 * epsilon)
