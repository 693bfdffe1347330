"""Losses: one number that says how far predictions are from their targets.

Each is the mean over the batch, with shape (1,). Two pairs compute the same: `cross_entropy` and
`binary_cross_entropy_with_logits` take scores as a network's last layer leaves them and are the
better choice for training, since nothing is rounded on the way; `nll_loss` and
`binary_cross_entropy` take what a softmax or a sigmoid made of the scores.

Targets and probabilities that are no such thing are errors. Where they are in the memory of a GPU,
finding out would make it wait and copy: there the backend that trains gives a loss of NaN, unless
it debugs, and every other copies and warns (`mt_autodiff.ImplicitCopyWarning`).
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
        log_probabilities: Logarithms of the probabilities of each class, see `logsoftmax`.
        targets: The right class of each row, 0 to C - 1: whole numbers in a list, an array or a
            tensor.

    Shape:
        (N, C), (N,) → (1,).

    Raises:
        ShapeError: The shapes are others, or the batch is empty.
        TypeError: The targets are not whole numbers.
        IndexError: A target names no class.

    >>> from mt_autodiff import tensor
    >>> nll_loss(tensor([[-1.0, -2.0], [-3.0, -4.0]]), [0, 1])
    tensor([2.5])
    """
    classes = _check_classes("nll_loss", log_probabilities, targets)
    # Elements are taken, not multiplied by one-hot rows: 0 · -∞, for a class that is impossible
    # and not the target, would be NaN.
    batch, count = log_probabilities.shape
    cells = log_probabilities.contiguous().view(batch * count, 1)
    return -take(cells, np.arange(batch) * count + classes).mean()


@fused(operations.CROSS_ENTROPY)
def cross_entropy(logits: Tensor, targets: npt.ArrayLike | Tensor) -> Tensor:
    r"""Return the mean cross entropy of softmax: `nll_loss` of `logsoftmax`.

    Args:
        logits: The score of each class: finite, or -∞ for a class that is ruled out.
        targets: The right class of each row, 0 to C - 1: whole numbers in a list, an array or a
            tensor.

    Shape:
        (N, C), (N,) → (1,).

    Raises:
        ShapeError: The shapes are others, or the batch is empty.
        TypeError: The targets are not whole numbers.
        IndexError: A target names no class.

    >>> from mt_autodiff import tensor
    >>> cross_entropy(tensor([[0.0, 1e4], [0.0, 1e4]]), [1, 0])
    tensor([5000.])
    """
    classes = _check_classes("cross_entropy", logits, targets)
    return nll_loss(logsoftmax(logits, 1), classes)


@fused(operations.BINARY_CROSS_ENTROPY)
def binary_cross_entropy(probabilities: Tensor, targets: npt.ArrayLike | Tensor) -> Tensor:
    r"""Return the mean of $-(t \log p + (1 - t) \log(1 - p))$.

    So that a certain but wrong prediction costs a finite amount, a logarithm counts as -100 at
    least, as in PyTorch's `BCELoss`, and in single precision as -87.3, the logarithm of its
    smallest normal number: below, the gradient, a reciprocal, would not be finite. There it
    is 0. From a sigmoid's input, `binary_cross_entropy_with_logits` is exact everywhere.

    Args:
        probabilities: Probabilities that the target is 1.
        targets: 0 or 1, or probabilities in between: a list, an array or a tensor.

    Shape:
        (...), (...) → (1,).

    Raises:
        ShapeError: The shapes differ, or there are no elements.
        ValueError: A number is not within 0 and 1.

    >>> from mt_autodiff import tensor
    >>> binary_cross_entropy(tensor([0.5, 1.0]), [1, 0])
    tensor([50.34657359])
    """
    wanted = _check_targets("binary_cross_entropy", probabilities, targets)
    _check_probabilities("binary_cross_entropy", "probabilities", probabilities, wanted.dtype)
    _check_probabilities("binary_cross_entropy", "targets", targets, wanted.dtype)
    least = min_probability(probabilities.dtype)
    log_p = ((probabilities - least).relu() + least).ln()
    log_q = ((1.0 - probabilities - least).relu() + least).ln()
    return -(log_p * wanted + log_q * (1.0 - wanted)).mean()


@fused(operations.BINARY_CROSS_ENTROPY_WITH_LOGITS)
def binary_cross_entropy_with_logits(logits: Tensor, targets: npt.ArrayLike | Tensor) -> Tensor:
    r"""Return the mean binary cross entropy of $\sigma(x)$, exact for scores of any size.

    With $1 - \sigma(x) = e^{-x} \sigma(x)$ it is $\log(1 + e^x) - t x$, and with $m = \max(x, 0)$
    the logarithm is $m + \log(e^{-m} + e^{x - m})$, where nothing overflows. It is the same for
    every $m$, which therefore needs no gradient (see `mt_nn.functional.logsoftmax`: these are two
    classes with scores 0 and x).

    Args:
        logits: The scores, any finite numbers.
        targets: 0 or 1, or probabilities in between: a list, an array or a tensor.

    Shape:
        (...), (...) → (1,).

    Raises:
        ShapeError: The shapes differ, or there are no elements.
        ValueError: A target is not within 0 and 1.

    >>> from mt_autodiff import tensor
    >>> binary_cross_entropy_with_logits(tensor([1e4, 1e4]), [1, 0])
    tensor([5000.])
    """
    wanted = _check_targets("binary_cross_entropy_with_logits", logits, targets)
    _check_probabilities("binary_cross_entropy_with_logits", "targets", targets, wanted.dtype)
    top = logits.detach().relu()
    # The large terms first: where x is large and t is 1 they cancel and the small one remains.
    cost = (top - logits * wanted) + ((-top).exp() + (logits - top).exp()).ln()
    return cost.mean()


def mse_loss(predictions: Tensor, targets: npt.ArrayLike | Tensor) -> Tensor:
    r"""Return the mean squared error, the mean of $(y - t)^2$.

    Args:
        predictions: Any real numbers.
        targets: What they should be: a list, an array or a tensor.

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
        IndexError: A target names no class.
    """
    if scores.dims != 2 or scores.size == 0:
        raise ShapeError(
            f"{operation}: predictions of shape {scores.shape}; give (batch, classes), at least "
            "one of each"
        )
    rows, count = scores.shape
    given = _on_the_host(operation, targets)
    if given.shape != (rows,):
        raise ShapeError(
            f"{operation}: targets of shape {given.shape} for predictions of shape "
            f"{scores.shape}; give one class number for each row, shape ({rows},)"
        )
    # Tensors hold whole numbers as floats.
    if given.dtype.kind not in "biuf" or not np.all(given == np.floor(given)):
        raise TypeError(
            f"{operation}: the targets of {given.dtype} are not all whole numbers; give the "
            f"number of the right class for each row, 0 to {count - 1}"
        )
    if not 0 <= given.min() <= given.max() < count:
        raise IndexError(
            f"{operation}: targets from {given.min():.0f} to {given.max():.0f}; predictions of "
            f"shape {scores.shape} have classes 0 to {count - 1}"
        )
    return given.astype(np.int64)


def _check_targets(operation: str, predictions: Tensor, targets: Any) -> Tensor:
    """Return targets as a tensor of the predictions' shape, a constant unless it is one already.

    Raises:
        ShapeError: The shapes differ, or there are no elements.
    """
    wanted = targets if isinstance(targets, Tensor) else tensor(targets, predictions.backend)
    # Broadcasting (N, 1) with (N,) would compare every prediction with every target.
    if wanted.shape != predictions.shape:
        raise ShapeError(
            f"{operation}: predictions of shape {predictions.shape} and targets of shape "
            f"{wanted.shape}; they must be equal: view one of them in the other's shape"
        )
    if predictions.size == 0:
        raise ShapeError(
            f"{operation}: an empty batch, shape {predictions.shape}, has no mean; give at least "
            "one element"
        )
    return wanted


def _on_the_host(operation: str, values: Any) -> npt.NDArray[Any]:
    """Return numbers as an array; those of a device are copied, with a warning."""
    if isinstance(values, Tensor) and values.backend.memory != REFERENCE.memory:
        warn_of_copy(operation, values.backend, REFERENCE)
    return np.asarray(values)


def _check_probabilities(operation: str, role: str, values: Any, dtype: npt.DTypeLike) -> None:
    """Raise ValueError if a number of a dtype is not within 0 and 1; NaN is let through."""
    array = np.asarray(_on_the_host(operation, values), dtype)
    if np.any((array < 0.0) | (array > 1.0)):
        raise ValueError(
            f"{operation}: {role} reach from {np.nanmin(array):g} to {np.nanmax(array):g}; they "
            "must lie within 0 and 1 (for scores use binary_cross_entropy_with_logits)"
        )
