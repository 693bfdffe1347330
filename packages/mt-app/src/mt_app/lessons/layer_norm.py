r"""LayerNorm of one row and its gradient, one intermediate result after another.

With $\hat x = (x - \mu) / \sigma$ and the gradient $g$ of $\hat x$, the gradient of the row is

$$\bar x = \frac{1}{\sigma} \Big( g - \frac{1}{n} \sum_i g_i -
\hat x\, \frac{1}{n} \sum_i g_i \hat x_i \Big).$$

The library computes output and gradient; the steps are the terms of the formulas.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_autodiff import tensor
from mt_nn import layer_norm

Array = npt.NDArray[np.float64]

EPS = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """An intermediate result.

    Attributes:
        name: Its name.
        formula: Its formula in LaTeX.
        row: Its numbers: one for each column, or a single one.
        backward: True for a result of the backward pass.
        words: One sentence about it.
    """

    name: str
    formula: str
    row: Array
    backward: bool
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class Normalisation:
    """LayerNorm of one row, forward and backward.

    Attributes:
        stages: The intermediate results, in the order of computation.
        output: The output of the library, (n,).
        gradient: The gradient of the row, as the library computes it, (n,).
    """

    stages: tuple[Stage, ...]
    output: Array
    gradient: Array


def normalise(x: Array, weight: Array, bias: Array, upstream: Array) -> Normalisation:
    """Normalise a row, and differentiate.

    Args:
        x: The row.
        weight: The factor of each column.
        bias: The shift of each column.
        upstream: The derivative of a loss with respect to each output.

    Shape:
        (n,) each.
    """
    row = tensor(x[None], requires_grad=True)
    output = layer_norm(row, tensor(weight), tensor(bias), EPS)
    (output * tensor(upstream[None])).sum().backward()
    assert row.grad is not None
    mean, variance = x.mean(), x.var()
    sigma = np.sqrt(variance + EPS)
    normal = (x - mean) / sigma
    g = upstream * weight
    without_mean = g - g.mean()
    share = (g * normal).mean()

    def forward(name: str, formula: str, value: npt.ArrayLike, words: str) -> Stage:
        return Stage(name, formula, np.atleast_1d(value).astype(np.float64), False, words)

    def backward(name: str, formula: str, value: npt.ArrayLike, words: str) -> Stage:
        return Stage(name, formula, np.atleast_1d(value).astype(np.float64), True, words)

    stages = (
        forward("row", "x", x, "The input, one number for each column."),
        forward("mean", r"\mu = \frac{1}{n} \sum_i x_i", mean, "One number for the whole row."),
        forward("centred", r"x - \mu", x - mean, "The sum is now 0."),
        forward(
            "deviation",
            r"\sigma = \sqrt{\tfrac{1}{n} \sum_i (x_i - \mu)^2 + \epsilon}",
            sigma,
            f"The term ε = {EPS:g} keeps it above 0 if all numbers are equal.",
        ),
        forward(
            "normalised", r"\hat x = (x - \mu) / \sigma", normal, "The mean is 0, the variance 1."
        ),
        forward(
            "output", r"y = w \hat x + b", normal * weight + bias, "Each column has its w and b."
        ),
        backward("upstream", r"\bar y", upstream, "The gradient of the output arrives."),
        backward("through w", r"g = w \bar y", g, "The gradient of the normalised row."),
        backward(
            "less its mean",
            r"g - \tfrac{1}{n} \sum_i g_i",
            without_mean,
            "A number added to all elements of x changes nothing, so this direction has no share.",
        ),
        backward(
            "less its share along the row",
            r"\dots - \hat x \, \tfrac{1}{n} \sum_i g_i \hat x_i",
            without_mean - normal * share,
            "A factor of x changes nothing, so this direction has no share either.",
        ),
        backward(
            "gradient",
            r"\bar x = \frac{1}{\sigma} (\dots)",
            (without_mean - normal * share) / sigma,
            "A row with large numbers receives a small gradient.",
        ),
    )
    return Normalisation(stages, output.to_numpy()[0], row.grad.to_numpy()[0])
