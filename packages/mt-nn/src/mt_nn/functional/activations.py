"""Activations: functions of each element between the layers of a network.

`Tensor` has `relu`, `sigmoid`, `tanh` and `gelu`; these are composed of its operations.
"""

from typing import Literal

from mt_autodiff import Tensor, where
from mt_nn._settings import check_above_0


def gelu(input: Tensor, approximate: Literal["none", "tanh"] = "none") -> Tensor:
    """Return the input times the cumulative normal distribution of it, see `Tensor.gelu`."""
    return input.gelu(approximate)


def silu(input: Tensor) -> Tensor:
    r"""Return $x\, \sigma(x)$ of every element, also called swish.

    (Elfwing, Uchibe and Doya 2018, "Sigmoid-Weighted Linear Units", equation 1.)

    >>> from mt_autodiff import tensor
    >>> silu(tensor([0.0, 40.0]))
    tensor([ 0., 40.])
    """
    return input * input.sigmoid()


def softplus(input: Tensor, beta: float = 1.0) -> Tensor:
    r"""Return $\frac{1}{\beta} \log(1 + e^{\beta x})$ of every element, without overflow.

    With $m = \max(x, 0)$ it is $m + \log(e^{-m} + e^{x - m})$, in which no term overflows. It is
    the same for every $m$, which therefore needs no gradient.

    Args:
        input: The elements.
        beta: The factor, above 0.

    Raises:
        ValueError: The factor is not above 0.

    >>> from mt_autodiff import tensor
    >>> softplus(tensor([-1e4, 0.0, 1e4]))
    tensor([0.00000000e+00, 6.93147181e-01, 1.00000000e+04])
    """
    check_above_0("softplus", "beta", beta)
    x = input if beta == 1.0 else input * beta
    top = x.detach().relu()
    # In this order, exp(x) of a negative x is not rounded to the digits of 1.
    result = top + (((-top).exp() - 1.0) + (x - top).exp()).log1p()
    return result if beta == 1.0 else result / beta


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    r"""Return x where it is positive, else $\alpha (e^x - 1)$.

    (Clevert, Unterthiner and Hochreiter 2016, "Exponential Linear Units", equation 15.)

    >>> from mt_autodiff import tensor
    >>> elu(tensor([-1e4, 0.0, 2.0]))
    tensor([-1.,  0.,  2.])
    """
    # With t = tanh(x / 2), exp(x) - 1 = 2 t / (1 - t), which is exact near 0.
    half = (where(input > 0.0, 0.0, input) * 0.5).tanh()
    return where(input > 0.0, input, half * (2.0 * alpha) / (1.0 - half))


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Return x where it is positive, else x times a slope.

    (Maas, Hannun and Ng 2013, "Rectifier Nonlinearities Improve Neural Network Acoustic Models".)

    >>> from mt_autodiff import tensor
    >>> leaky_relu(tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1,  2. ])
    """
    return where(input > 0.0, input, input * negative_slope)
