"""Losses: the difference between predictions and targets as one number.

Each loss is the mean over the batch, with shape (1,). `cross_entropy` and
`binary_cross_entropy_with_logits` take logits, the output of the last linear layer. They avoid
rounding of probabilities and are the better choice for training. `nll_loss` and
`binary_cross_entropy` take the output of log-softmax and of sigmoid.

Invalid targets and probabilities raise an error. If they are in GPU memory, this check would need
synchronization and a copy: a backend with a fused form then returns NaN, unless it is in debug
mode, and other backends copy and warn (`mt_autodiff.ImplicitCopyWarning`).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor, fused, take, tensor, warn_of_copy
from mt_nn.functional import logsoftmax
from mt_tensor import REFERENCE, ShapeError
from mt_tensor.fused import operations
from mt_tensor.fused.targets import min_probability


@fused(operations.NLL_LOSS)
def nll_loss(log_probabilities: Tensor, targets: npt.ArrayLike | Tensor) -> Tensor:
    r"""Return the mean negative log-likelihood, $-\frac{1}{N} \sum_n \log p_{n, t_n}$.

    Args:
        log_probabilities: The log-probability of each class, see `logsoftmax`.
        targets: The class of each row, 0 to C - 1: whole numbers in a list, an array or a tensor.

    Shape:
        (N, C), (N,) → (1,).

    Raises:
        ShapeError: The shapes differ from these, or the batch is empty.
        TypeError: The targets are not whole numbers.
        IndexError: A target is out of range.

    >>> from mt_autodiff import tensor
    >>> nll_loss(tensor([[-1.0, -2.0], [-3.0, -4.0]]), [0, 1])
    tensor([2.5])
    """
    classes = _check_classes("nll_loss", log_probabilities, targets)
    # `take`, not multiplication by one-hot rows: for another class with probability 0 the product
    # 0 · -∞ would be NaN.
    batch, count = log_probabilities.shape
    elements = log_probabilities.contiguous().view(batch * count, 1)
    return -take(elements, np.arange(batch) * count + classes).mean()


@fused(operations.CROSS_ENTROPY)
def cross_entropy(logits: Tensor, targets: npt.ArrayLike | Tensor) -> Tensor:
    r"""Return the mean cross entropy of softmax: `nll_loss` of `logsoftmax`.

    Args:
        logits: The score of each class: finite, or -∞ for a class that is excluded.
        targets: The class of each row, 0 to C - 1: whole numbers in a list, an array or a tensor.

    Shape:
        (N, C), (N,) → (1,).

    Raises:
        ShapeError: The shapes differ from these, or the batch is empty.
        TypeError: The targets are not whole numbers.
        IndexError: A target is out of range.

    >>> from mt_autodiff import tensor
    >>> cross_entropy(tensor([[0.0, 1e4], [0.0, 1e4]]), [1, 0])
    tensor([5000.])
    """
    classes = _check_classes("cross_entropy", logits, targets)
    return nll_loss(logsoftmax(logits, 1), classes)


@fused(operations.BINARY_CROSS_ENTROPY)
def binary_cross_entropy(probabilities: Tensor, targets: npt.ArrayLike | Tensor) -> Tensor:
    r"""Return the mean of $-(t \log p + (1 - t) \log(1 - p))$.

    Logarithms are clamped, so that the loss of a certain but wrong prediction is finite: to -100,
    as in PyTorch's `BCELoss`, and in float32 to -87.3, the logarithm of its smallest normal
    number, below which the gradient, a reciprocal, would overflow. The gradient of a clamped
    logarithm is 0. For logits use `binary_cross_entropy_with_logits`, which is exact.

    Args:
        probabilities: Probabilities that the target is 1.
        targets: Labels 0 or 1, or probabilities between them: a list, an array or a tensor.

    Shape:
        (...), (...) → (1,).

    Raises:
        ShapeError: The shapes differ, or there are no elements.
        ValueError: A number is not from 0 to 1.

    >>> from mt_autodiff import tensor
    >>> binary_cross_entropy(tensor([0.5, 1.0]), [1, 0])
    tensor([50.34657359])
    """
    expected = _check_targets("binary_cross_entropy", probabilities, targets)
    _check_probabilities("binary_cross_entropy", "probabilities", probabilities, expected.dtype)
    _check_probabilities("binary_cross_entropy", "targets", targets, expected.dtype)
    bound = min_probability(probabilities.dtype)
    log_p = ((probabilities - bound).relu() + bound).ln()
    log_q = ((1.0 - probabilities - bound).relu() + bound).ln()
    return -(log_p * expected + log_q * (1.0 - expected)).mean()


@fused(operations.BINARY_CROSS_ENTROPY_WITH_LOGITS)
def binary_cross_entropy_with_logits(logits: Tensor, targets: npt.ArrayLike | Tensor) -> Tensor:
    r"""Return the mean binary cross entropy of $\sigma(x)$, exact for logits of any size.

    With $1 - \sigma(x) = e^{-x} \sigma(x)$ it is $\log(1 + e^x) - t x$, and with $m = \max(x, 0)$
    the logarithm is $m + \log(e^{-m} + e^{x - m})$, in which no term overflows. It is the same for
    every $m$, which therefore needs no gradient. (`mt_nn.functional.logsoftmax` does the same, here
    for two classes with scores 0 and x.)

    Args:
        logits: The logits, any finite numbers.
        targets: Labels 0 or 1, or probabilities between them: a list, an array or a tensor.

    Shape:
        (...), (...) → (1,).

    Raises:
        ShapeError: The shapes differ, or there are no elements.
        ValueError: A target is not from 0 to 1.

    >>> from mt_autodiff import tensor
    >>> binary_cross_entropy_with_logits(tensor([1e4, 1e4]), [1, 0])
    tensor([5000.])
    """
    expected = _check_targets("binary_cross_entropy_with_logits", logits, targets)
    _check_probabilities("binary_cross_entropy_with_logits", "targets", targets, expected.dtype)
    top = logits.detach().relu()
    # The large terms first: for a large x and t = 1 they cancel, and the small term is exact.
    losses = (top - logits * expected) + ((-top).exp() + (logits - top).exp()).ln()
    return losses.mean()


def mse_loss(predictions: Tensor, targets: npt.ArrayLike | Tensor) -> Tensor:
    r"""Return the mean squared error, the mean of $(y - t)^2$.

    Args:
        predictions: Any real numbers.
        targets: The expected values: a list, an array or a tensor.

    Shape:
        (...), (...) → (1,).

    Raises:
        ShapeError: The shapes differ, or there are no elements.

    >>> from mt_autodiff import tensor
    >>> mse_loss(tensor([1.0, 2.0]), [1.0, 4.0])
    tensor([2.])
    """
    difference = predictions - _check_targets("mse_loss", predictions, targets)
    return (difference * difference).mean()


def _check_classes(operation: str, scores: Tensor, targets: Any) -> npt.NDArray[np.int64]:
    """Return targets as class numbers for rows of scores.

    Raises:
        ShapeError: The scores are not (N, C) with at least one element, or the targets not (N,).
        TypeError: The targets are not whole numbers.
        IndexError: A target is out of range.
    """
    if scores.dims != 2 or scores.size == 0:
        raise ShapeError(
            f"{operation}: predictions of shape {scores.shape}; expected (batch, classes), both at "
            "least 1"
        )
    rows, count = scores.shape
    classes = _to_host(operation, targets)
    if classes.shape != (rows,):
        raise ShapeError(
            f"{operation}: targets of shape {classes.shape} for predictions of shape "
            f"{scores.shape}; pass one class number for each row, shape ({rows},)"
        )
    # Class numbers in a tensor are floats.
    if classes.dtype.kind not in "biuf" or not np.all(classes == np.floor(classes)):
        raise TypeError(
            f"{operation}: the targets of {classes.dtype} are not all whole numbers; pass the "
            f"class number of each row, 0 to {count - 1}"
        )
    if not 0 <= classes.min() <= classes.max() < count:
        raise IndexError(
            f"{operation}: targets from {classes.min():.0f} to {classes.max():.0f}; predictions "
            f"of shape {scores.shape} have classes 0 to {count - 1}"
        )
    return classes.astype(np.int64)


def _check_targets(operation: str, predictions: Tensor, targets: Any) -> Tensor:
    """Return targets as a tensor of the predictions' shape.

    Raises:
        ShapeError: The shapes differ, or there are no elements.
    """
    expected = targets if isinstance(targets, Tensor) else tensor(targets, predictions.backend)
    # Broadcasting (N, 1) with (N,) would compare every prediction with every target.
    if expected.shape != predictions.shape:
        raise ShapeError(
            f"{operation}: predictions of shape {predictions.shape} and targets of shape "
            f"{expected.shape}; the shapes must be equal: view one of them in the other's shape"
        )
    if predictions.size == 0:
        raise ShapeError(
            f"{operation}: an empty batch, shape {predictions.shape}, has no mean; pass at least "
            "one element"
        )
    return expected


def _to_host(operation: str, values: Any) -> npt.NDArray[Any]:
    """Return numbers as an array in host memory; a copy from a device raises a warning."""
    if isinstance(values, Tensor) and values.backend.memory != REFERENCE.memory:
        warn_of_copy(operation, values.backend, REFERENCE)
    return np.asarray(values)


def _check_probabilities(operation: str, role: str, values: Any, dtype: npt.DTypeLike) -> None:
    """Raise ValueError if a number, converted to a dtype, is not from 0 to 1; NaN is accepted."""
    array = np.asarray(_to_host(operation, values), dtype)
    if np.any((array < 0.0) | (array > 1.0)):
        raise ValueError(
            f"{operation}: {role} range from {np.nanmin(array):g} to {np.nanmax(array):g}; they "
            "must be from 0 to 1 (for logits use binary_cross_entropy_with_logits)"
        )
