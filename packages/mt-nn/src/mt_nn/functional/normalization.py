"""Standardisation: the mean 0 and the variance 1 along some dimensions."""

from collections.abc import Iterable

from mt_autodiff import Tensor


def standardize(
    input: Tensor, dims: int | Iterable[int], eps: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Subtract the mean along some dimensions, and divide by the standard deviation.

    $\hat x = (x - \mu) / \sqrt{\sigma^2 + \epsilon}$, where $\sigma^2 = \frac{1}{n} \sum_i (x_i -
    \mu)^2$ is the biased variance (Ioffe & Szegedy 2015, "Batch Normalization", algorithm 1).

    Args:
        input: The elements.
        dims: The dimensions of the mean and the variance.
        eps: The term that keeps the quotient finite where all elements are equal.

    Returns:
        The standardised elements, the mean, and the variance.

    Shape:
        (..., n, ...) → (..., n, ...), (..., 1, ...), (..., 1, ...).

    >>> from mt_autodiff import tensor
    >>> standardize(tensor([[1.0, 3.0], [2.0, 2.0]]), 1, eps=0.0625)[0].to_numpy().round(2)
    array([[-0.97,  0.97],
           [ 0.  ,  0.  ]])
    """
    along = (dims,) if isinstance(dims, int) else tuple(dims)
    mean = input.mean(along)
    centred = input - mean
    variance = (centred * centred).mean(along)
    return centred / (variance + eps).sqrt(), mean, variance
