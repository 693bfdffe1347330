"""Normalisation: the mean 0 and the variance 1 along some dimensions, or the mean square 1."""

from collections.abc import Iterable

from mt_autodiff import Tensor, fused
from mt_tensor import ShapeError
from mt_tensor.fused import operations


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
    mean = input.mean(along, keepdim=True)
    centred = input - mean
    variance = (centred * centred).mean(along, keepdim=True)
    return centred / (variance + eps).sqrt(), mean, variance


@fused(operations.LAYER_NORM)
def layer_norm(
    input: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    r"""Return $(x - \mu) / \sqrt{\sigma^2 + \epsilon} \cdot w + b$ along the last dimension.

    $\mu$ and the biased variance $\sigma^2$ are those of each row (Ba, Kiros and Hinton 2016,
    "Layer Normalization", section 3.1). A row with NaN or an infinity becomes NaN.

    Args:
        input: The rows.
        weight: The factor of each column, or None.
        bias: The shift of each column, or None.
        eps: The term that keeps the quotient finite where all elements of a row are equal.

    Shape:
        (..., n), weight (n,), bias (n,) → (..., n).

    Raises:
        ShapeError: The shapes differ from these, or rows have no elements.

    >>> from mt_autodiff import tensor
    >>> layer_norm(tensor([[1.0, 3.0], [2.0, 2.0]]), eps=0.5625)
    tensor([[-0.8,  0.8],
            [ 0. ,  0. ]])
    """
    _check_rows("layer_norm", input, weight, bias)
    out, _, _ = standardize(input, -1, eps)
    return _scaled(out, weight, bias)


@fused(operations.RMS_NORM)
def rms_norm(input: Tensor, weight: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    r"""Return $x / \sqrt{\frac{1}{n} \sum_i x_i^2 + \epsilon} \cdot w$ along the last dimension.

    (Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", equation 4.)

    Args:
        input: The rows.
        weight: The factor of each column, or None.
        eps: The term that keeps the quotient finite where a row is 0.

    Shape:
        (..., n), weight (n,) → (..., n).

    Raises:
        ShapeError: The shapes differ from these, or rows have no elements.

    >>> from mt_autodiff import tensor
    >>> rms_norm(tensor([[3.0, 4.0], [0.0, 0.0]]), eps=0.0625).to_numpy().round(3)
    array([[0.846, 1.129],
           [0.   , 0.   ]])
    """
    _check_rows("rms_norm", input, weight, None)
    return _scaled(input / ((input * input).mean(-1, keepdim=True) + eps).sqrt(), weight, None)


def _check_rows(operation: str, input: Tensor, weight: Tensor | None, bias: Tensor | None) -> None:
    """Raise ShapeError unless factors and shifts have one element for each column."""
    columns = input.shape[-1:]
    if columns in ((), (0,)):
        raise ShapeError(
            f"{operation}: input of shape {input.shape} has no rows with elements; "
            "expected (..., columns) with one column or more"
        )
    for name, each in (("weight", weight), ("bias", bias)):
        if each is not None and each.shape != columns:
            raise ShapeError(
                f"{operation}: {name} of shape {each.shape} for input of shape {input.shape}; "
                f"expected {columns}, one number for each column"
            )


def _scaled(out: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Multiply each row by the factors and add the shifts."""
    if weight is not None:
        out = out * weight
    return out if bias is None else out + bias
