r"""Softmax and log-softmax, without overflow for scores of any size.

Both functions subtract the largest score first. This changes only the rounding:
$e^{x_i - m} / \sum_j e^{x_j - m}$ is the same for every $m$. Its derivative with respect to $m$ is
therefore zero, so the maximum is detached, and the gradient remains exact.

(Goodfellow, Bengio and Courville, "Deep Learning", section 4.1.)
"""

from mt_autodiff import Tensor, fused
from mt_nn.functional.maximum import max
from mt_tensor.fused import operations
from mt_tensor.layout import normalize_dim


@fused(operations.SOFTMAX)
def softmax(input: Tensor, dim: int) -> Tensor:
    r"""Return $\frac{e^{x_i}}{\sum_j e^{x_j}}$ along a dimension.

    A score of $-\infty$ has probability 0. All results along the dimension are NaN if a score is
    NaN or $+\infty$, or if all scores are $-\infty$: no limit exists, and SciPy does the same.

    Args:
        input: The scores.
        dim: The dimension; negative ones count from the right.

    Shape:
        (..., n, ...) → (..., n, ...).

    Raises:
        IndexingError: There is no such dimension.

    >>> from mt_autodiff import tensor
    >>> softmax(tensor([[0.0, 0.0], [1e4, -1e4]]), dim=1)
    tensor([[0.5, 0.5],
            [1. , 0. ]])
    """
    dim = normalize_dim(dim, input.dims, "softmax")
    powers = (input - max(input.detach(), dim)).exp()
    return powers / powers.sum(dim, keepdim=True)


@fused(operations.LOGSOFTMAX)
def logsoftmax(input: Tensor, dim: int) -> Tensor:
    r"""Return $\log \mathrm{softmax}(x)_i = x_i - \log \sum_j e^{x_j}$ along a dimension.

    The logarithm is exact, and finite where the probability would be rounded to 0. The result of a
    score of $-\infty$ is $-\infty$. All results along the dimension are NaN if a score is NaN or
    $+\infty$, or if all scores are $-\infty$.

    Args:
        input: The scores.
        dim: The dimension; negative ones count from the right.

    Shape:
        (..., n, ...) → (..., n, ...).

    Raises:
        IndexingError: There is no such dimension.

    >>> from mt_autodiff import tensor
    >>> logsoftmax(tensor([1e4, -1e4]), dim=0)
    tensor([     0., -20000.])
    """
    dim = normalize_dim(dim, input.dims, "logsoftmax")
    shifted = input - max(input.detach(), dim)
    return shifted - shifted.exp().sum(dim, keepdim=True).ln()
