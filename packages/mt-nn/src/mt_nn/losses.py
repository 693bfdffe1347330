"""Losses: the difference between predictions and targets as one number.

Each loss is the mean over the batch, with shape (1,), or another `Reduction`. `cross_entropy` and
`binary_cross_entropy_with_logits` take logits, the output of the last linear layer. They avoid
rounding of probabilities and are the better choice for training. `nll_loss` and
`binary_cross_entropy` take the output of log-softmax and of sigmoid.

Invalid targets and probabilities raise an error. If they are in GPU memory, this check would need
synchronization and a copy: a backend with a fused form then returns NaN, unless it is in debug
mode, and other backends copy and warn (`mt_autodiff.ImplicitCopyWarning`).

Fused forms exist for the means with default options. With options, a loss is composed of operations
on tensors.
"""

from functools import partial
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor, concatenate, fused, take, tensor, warn_of_copy, zeros
from mt_nn._settings import check_above_0
from mt_nn.functional import logsoftmax, softplus
from mt_tensor import REFERENCE, ShapeError
from mt_tensor.fused import operations
from mt_tensor.fused.targets import min_probability

Reduction: TypeAlias = Literal["mean", "sum", "none"]
"""The result of a loss: the mean or the sum, shape (1,), or the loss of each row or element."""


def nll_loss(
    log_probabilities: Tensor,
    targets: npt.ArrayLike | Tensor,
    *,
    weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Return the mean negative log-likelihood, $-\frac{1}{N} \sum_n \log p_{n, t_n}$.

    With class weights $w$ it is
    $-\sum_n w_{t_n} \log p_{n, t_n} / \sum_n w_{t_n}$.

    Args:
        log_probabilities: The log-probability of each class, see `logsoftmax`.
        targets: The class of each row, 0 to C - 1: whole numbers in a list, an array or a tensor.
        weight: A weight for each class, 0 or more.
        ignore_index: The target of rows that are left out, such as padding; it need not be a class.
        reduction: The result, see `Reduction`.

    Shape:
        (..., C), (...), weight (C,) → (1,), or (...) for "none".

    Raises:
        ShapeError: The shapes differ from these, or the batch is empty.
        TypeError: The targets are not whole numbers.
        IndexError: A target is out of range.
        ValueError: A weight is negative, or the reduction does not exist.

    >>> from mt_autodiff import tensor
    >>> log_p = tensor([[-1.0, -2.0], [-3.0, -4.0]])
    >>> nll_loss(log_p, [0, 1])
    tensor([2.5])
    >>> nll_loss(log_p, [0, -1], ignore_index=-1, reduction="none")
    tensor([1., 0.])
    """
    if len(log_probabilities.shape) != 2:
        rows = partial(nll_loss, weight=weight, ignore_index=ignore_index, reduction=reduction)
        return _of_rows(rows, log_probabilities, targets)
    if weight is None and ignore_index is None and reduction == "mean":
        return _mean_nll_loss(log_probabilities, targets)
    options = (weight, ignore_index, reduction, 0.0)
    return _weighted_nll("nll_loss", log_probabilities, targets, *options)


def cross_entropy(
    logits: Tensor,
    targets: npt.ArrayLike | Tensor,
    *,
    weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Return the mean cross entropy of softmax: `nll_loss` of `logsoftmax`.

    Targets may be probabilities $q$ of all classes: the loss is then
    $-\frac{1}{N} \sum_{n, c} q_{n, c} w_c \log p_{n, c}$.

    Args:
        logits: The score of each class: finite, or -∞ for a class that is excluded.
        targets: The class of each row, 0 to C - 1: whole numbers in a list, an array or a tensor;
            or probabilities of all classes for each row.
        weight: A weight for each class, 0 or more.
        ignore_index: The target of rows that are left out, such as padding; it need not be a class.
        reduction: The result, see `Reduction`.
        label_smoothing: The share of the target that all classes divide equally, 0 to 1
            (Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7).

    Shape:
        (..., C), (...) or (..., C), weight (C,) → (1,), or (...) for "none".

    Raises:
        ShapeError: The shapes differ from these, or the batch is empty.
        TypeError: The targets are not whole numbers.
        IndexError: A target is out of range.
        ValueError: A weight is negative, a probability is not from 0 to 1, or the reduction does
            not exist.

    >>> from mt_autodiff import tensor
    >>> cross_entropy(tensor([[0.0, 1e4], [0.0, 1e4]]), [1, 0])
    tensor([5000.])
    >>> cross_entropy(tensor([[0.0, 1e4], [0.0, 1e4]]), [[0.0, 1.0], [0.25, 0.75]])
    tensor([1250.])
    """
    if len(logits.shape) != 2:
        rows = partial(
            cross_entropy,
            weight=weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
        )
        return _of_rows(rows, logits, targets)
    if weight is None and ignore_index is None and reduction == "mean" and label_smoothing == 0.0:
        return _mean_cross_entropy(logits, targets)
    options = (weight, ignore_index, reduction, label_smoothing)
    check_share("cross_entropy", label_smoothing)
    return _cross_entropy(logits, targets, *options)


def _of_rows(loss: partial[Tensor], scores: Tensor, targets: Any) -> Tensor:
    """Return the loss of scores (..., C) as that of rows (N, C).

    Raises:
        ShapeError: The targets are neither class numbers (...) nor probabilities (..., C).
    """
    received = targets if isinstance(targets, Tensor) else np.asarray(targets)
    batch = scores.shape[:-1]
    # Equal shapes of one dimension are rather N numbers by mistake than one row of probabilities.
    allowed = (batch, scores.shape) if batch else (batch,)
    if not scores.shape or received.shape not in allowed:
        raise ShapeError(
            f"{loss.func.__name__}: targets of shape {received.shape} for predictions of shape "
            f"{scores.shape}; the classes are the last dimension of the predictions: pass a class "
            f"number for each row, shape {batch}, and move classes in another dimension with "
            "permute"
        )
    count = scores.shape[-1]
    flat = (-1, count) if received.shape == scores.shape else (-1,)
    result = loss(scores.reshape(-1, count), received.reshape(*flat))
    return result.view(batch) if loss.keywords["reduction"] == "none" else result


@fused(operations.NLL_LOSS)
def _mean_nll_loss(log_probabilities: Tensor, targets: npt.ArrayLike | Tensor) -> Tensor:
    """Return `nll_loss` with default options."""
    classes = _check_classes("nll_loss", log_probabilities, targets)
    return -_of_classes(log_probabilities, np.arange(len(classes)), classes).mean()


@fused(operations.CROSS_ENTROPY)
def _mean_cross_entropy(logits: Tensor, targets: npt.ArrayLike | Tensor) -> Tensor:
    """Return `cross_entropy` with default options."""
    if _are_probabilities(logits, targets):
        return _cross_entropy(logits, targets, None, None, "mean", 0.0)
    classes = _check_classes("cross_entropy", logits, targets)
    return nll_loss(logsoftmax(logits, 1), classes)


def _cross_entropy(
    logits: Tensor,
    targets: Any,
    weight: npt.ArrayLike | None,
    ignore_index: int | None,
    reduction: Reduction,
    label_smoothing: float,
) -> Tensor:
    """Return the cross entropy with any options; see `cross_entropy`."""
    if not _are_probabilities(logits, targets):
        _check_rows("cross_entropy", logits)
        log_p, options = logsoftmax(logits, 1), (weight, ignore_index, reduction, label_smoothing)
        return _weighted_nll("cross_entropy", log_p, targets, *options)
    if ignore_index is not None:
        raise ValueError(
            "cross_entropy: ignore_index needs class numbers as targets, and received "
            "probabilities; leave those rows out"
        )
    _check_rows("cross_entropy", logits)
    expected = _check_targets("cross_entropy", logits, targets)
    _check_probabilities("cross_entropy", "targets", targets, expected.dtype)
    count = logits.shape[1]
    if label_smoothing:
        expected = expected * (1.0 - label_smoothing) + label_smoothing / count
    losses = logsoftmax(logits, 1) * expected
    if weight is not None:
        losses = losses * tensor(_class_weights("cross_entropy", weight, count), logits.backend)
    return _reduced("cross_entropy", -losses.sum(1).view(logits.shape[0]), reduction)


def _weighted_nll(
    operation: str,
    log_p: Tensor,
    targets: Any,
    weight: npt.ArrayLike | None,
    ignore_index: int | None,
    reduction: Reduction,
    smoothing: float,
) -> Tensor:
    """Return the negative log-likelihood of class numbers with any options."""
    numbers = np.array(_to_host(operation, targets))
    kept = np.ones(numbers.shape, bool) if ignore_index is None else numbers != ignore_index
    numbers[~kept] = 0
    classes = _check_classes(operation, log_p, numbers)
    count = log_p.shape[1]
    weights = np.ones(count) if weight is None else _class_weights(operation, weight, count)
    # Rows that are ignored are left out: multiplication by 0 would make NaN of -∞.
    rows = np.flatnonzero(kept)
    shares = weights[classes[rows]]
    losses = _of_classes(log_p, rows, classes[rows]) * tensor(-shares[:, None], log_p.backend)
    if smoothing:
        uniform = (log_p * tensor(-weights / count, log_p.backend)).sum(1, keepdim=True)
        losses = losses * (1.0 - smoothing) + take(uniform, rows) * smoothing
    if reduction == "mean":
        total = float(shares.sum())
        return losses.sum() * (1.0 / total if total else np.nan)
    if reduction == "none" and len(rows) < len(kept):
        # The last row of the table is the loss of the rows that are ignored.
        table = concatenate([losses, zeros((1, 1), log_p.backend)], 0)
        losses = take(table, np.where(kept, np.cumsum(kept) - 1, len(rows)))
    return _reduced(operation, losses.view(losses.shape[0]), reduction)


def _of_classes(
    log_p: Tensor, rows: npt.NDArray[np.int64], classes: npt.NDArray[np.int64]
) -> Tensor:
    """Return the elements of one class in each of some rows, shape (rows, 1)."""
    # `take`, not multiplication by one-hot rows: for another class with probability 0 the product
    # 0 · -∞ would be NaN.
    batch, count = log_p.shape
    return take(log_p.contiguous().view(batch * count, 1), rows * count + classes)


def binary_cross_entropy(
    probabilities: Tensor,
    targets: npt.ArrayLike | Tensor,
    *,
    weight: npt.ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Return the mean of $-(t \log p + (1 - t) \log(1 - p))$.

    Logarithms are clamped, so that the loss of a certain but wrong prediction is finite: to -100,
    as in PyTorch's `BCELoss`, and in float32 to -87.3, the logarithm of its smallest normal
    number, below which the gradient, a reciprocal, would overflow. The gradient of a clamped
    logarithm is 0. For logits use `binary_cross_entropy_with_logits`, which is exact.

    Args:
        probabilities: Probabilities that the target is 1.
        targets: Labels 0 or 1, or probabilities between them: a list, an array or a tensor.
        weight: Factors of the losses; they broadcast with the elements.
        reduction: The result, see `Reduction`.

    Shape:
        (...), (...) → (1,), or (...) for "none".

    Raises:
        ShapeError: The shapes differ, or there are no elements.
        ValueError: A number is not from 0 to 1, or the reduction does not exist.

    >>> from mt_autodiff import tensor
    >>> binary_cross_entropy(tensor([0.5, 1.0]), [1, 0])
    tensor([50.34657359])
    """
    if weight is None and reduction == "mean":
        return _mean_binary_cross_entropy(probabilities, targets)
    losses = _binary_losses(probabilities, targets)
    return _reduced("binary_cross_entropy", _weighted(losses, weight), reduction)


@fused(operations.BINARY_CROSS_ENTROPY)
def _mean_binary_cross_entropy(probabilities: Tensor, targets: npt.ArrayLike | Tensor) -> Tensor:
    """Return `binary_cross_entropy` with default options."""
    return _binary_losses(probabilities, targets).mean()


def _binary_losses(probabilities: Tensor, targets: Any) -> Tensor:
    """Return the binary cross entropy of each element."""
    expected = _check_targets("binary_cross_entropy", probabilities, targets)
    _check_probabilities("binary_cross_entropy", "probabilities", probabilities, expected.dtype)
    _check_probabilities("binary_cross_entropy", "targets", targets, expected.dtype)
    bound = min_probability(probabilities.dtype)
    log_p = ((probabilities - bound).relu() + bound).ln()
    log_q = ((1.0 - probabilities - bound).relu() + bound).ln()
    return -(log_p * expected + log_q * (1.0 - expected))


def binary_cross_entropy_with_logits(
    logits: Tensor,
    targets: npt.ArrayLike | Tensor,
    *,
    weight: npt.ArrayLike | None = None,
    pos_weight: npt.ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Return the mean binary cross entropy of $\sigma(x)$, exact for logits of any size.

    With $1 - \sigma(x) = e^{-x} \sigma(x)$ it is $\log(1 + e^x) - t x$, and with $m = \max(x, 0)$
    the logarithm is $m + \log(e^{-m} + e^{x - m})$, in which no term overflows. It is the same for
    every $m$, which therefore needs no gradient. (`mt_nn.functional.logsoftmax` does the same, here
    for two classes with scores 0 and x.)

    Args:
        logits: The logits, any finite numbers.
        targets: Labels 0 or 1, or probabilities between them: a list, an array or a tensor.
        weight: Factors of the losses; they broadcast with the elements.
        pos_weight: Factors of the term of target 1, $-t \log \sigma(x)$; they broadcast with the
            elements. The number of zeros divided by the number of ones balances the classes.
        reduction: The result, see `Reduction`.

    Shape:
        (...), (...) → (1,), or (...) for "none".

    Raises:
        ShapeError: The shapes differ, or there are no elements.
        ValueError: A target is not from 0 to 1, or the reduction does not exist.

    >>> from mt_autodiff import tensor
    >>> binary_cross_entropy_with_logits(tensor([1e4, 1e4]), [1, 0])
    tensor([5000.])
    """
    operation = "binary_cross_entropy_with_logits"
    if weight is None and pos_weight is None and reduction == "mean":
        return _mean_binary_cross_entropy_with_logits(logits, targets)
    if pos_weight is None:
        losses = _logit_losses(logits, targets)
    else:
        expected = _check_logits(logits, targets)
        # -p t log σ(x) - (1 - t) log σ(-x), with log σ(-x) = log σ(x) - x.
        factor = expected * (tensor(pos_weight, logits.backend) - 1.0) + 1.0
        losses = (1.0 - expected) * logits + factor * softplus(-logits)
    return _reduced(operation, _weighted(losses, weight), reduction)


@fused(operations.BINARY_CROSS_ENTROPY_WITH_LOGITS)
def _mean_binary_cross_entropy_with_logits(
    logits: Tensor, targets: npt.ArrayLike | Tensor
) -> Tensor:
    """Return `binary_cross_entropy_with_logits` with default options."""
    return _logit_losses(logits, targets).mean()


def _logit_losses(logits: Tensor, targets: Any) -> Tensor:
    """Return the binary cross entropy of the sigmoid of each element."""
    expected = _check_logits(logits, targets)
    top = logits.detach().relu()
    # The large terms first: for a large x and t = 1 they cancel, and the small term is exact.
    return (top - logits * expected) + ((-top).exp() + (logits - top).exp()).ln()


def mse_loss(
    predictions: Tensor, targets: npt.ArrayLike | Tensor, *, reduction: Reduction = "mean"
) -> Tensor:
    r"""Return the mean squared error, the mean of $(y - t)^2$.

    Args:
        predictions: Any real numbers.
        targets: The expected values: a list, an array or a tensor.
        reduction: The result, see `Reduction`.

    Shape:
        (...), (...) → (1,), or (...) for "none".

    Raises:
        ShapeError: The shapes differ, or there are no elements.
        ValueError: The reduction does not exist.

    >>> from mt_autodiff import tensor
    >>> mse_loss(tensor([1.0, 2.0]), [1.0, 4.0])
    tensor([2.])
    """
    difference = predictions - _check_targets("mse_loss", predictions, targets)
    return _reduced("mse_loss", difference * difference, reduction)


def l1_loss(
    predictions: Tensor, targets: npt.ArrayLike | Tensor, *, reduction: Reduction = "mean"
) -> Tensor:
    r"""Return the mean absolute error, the mean of $|y - t|$; its gradient at 0 is 0.

    See `mse_loss` for arguments, shapes and errors.

    >>> from mt_autodiff import tensor
    >>> l1_loss(tensor([1.0, 2.0]), [1.0, 4.0])
    tensor([1.])
    """
    difference = predictions - _check_targets("l1_loss", predictions, targets)
    return _reduced("l1_loss", _absolute(difference), reduction)


def huber_loss(
    predictions: Tensor,
    targets: npt.ArrayLike | Tensor,
    *,
    delta: float = 1.0,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Return the mean of Huber's loss, which is less sensitive to outliers than `mse_loss`.

    It is $d^2 / 2$ for $|d| = |y - t| \le \delta$, else $\delta (|d| - \delta / 2)$ (Huber 1964,
    "Robust Estimation of a Location Parameter").

    Args:
        predictions: Any real numbers.
        targets: The expected values: a list, an array or a tensor.
        delta: The error at which the loss becomes linear, above 0.
        reduction: The result, see `Reduction`.

    Shape:
        (...), (...) → (1,), or (...) for "none".

    Raises:
        ShapeError: The shapes differ, or there are no elements.
        ValueError: Delta is not above 0, or the reduction does not exist.

    >>> from mt_autodiff import tensor
    >>> huber_loss(tensor([1.0, 2.0]), [1.5, 4.0], reduction="none")
    tensor([0.125, 1.5  ])
    """
    check_above_0("huber_loss", "delta", delta)
    error = _absolute(predictions - _check_targets("huber_loss", predictions, targets))
    # min(|d|, δ): the product is d² / 2 below δ, and linear above.
    smaller = error - (error - delta).relu()
    return _reduced("huber_loss", smaller * (error - smaller * 0.5), reduction)


def smooth_l1_loss(
    predictions: Tensor,
    targets: npt.ArrayLike | Tensor,
    *,
    beta: float = 1.0,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Return `huber_loss` with delta = beta, divided by beta.

    See `huber_loss` for arguments, shapes and errors.

    >>> from mt_autodiff import tensor
    >>> smooth_l1_loss(tensor([1.0, 2.0]), [1.5, 4.0], beta=0.5, reduction="none")
    tensor([0.25, 1.75])
    """
    return huber_loss(predictions, targets, delta=beta, reduction=reduction) * (1.0 / beta)


def _absolute(x: Tensor) -> Tensor:
    return x.relu() + (-x).relu()


def _weighted(losses: Tensor, weight: Any) -> Tensor:
    """Return losses times factors that broadcast with them."""
    return losses if weight is None else losses * tensor(weight, losses.backend)


def _reduced(operation: str, losses: Tensor, reduction: Reduction) -> Tensor:
    """Return the mean or the sum of losses, or the losses themselves.

    Raises:
        ValueError: The reduction does not exist.
    """
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    check_reduction(operation, reduction)
    return losses


def check_reduction(operation: str, reduction: Reduction) -> None:
    """Raise ValueError unless a reduction exists."""
    if reduction not in get_args(Reduction):
        allowed = ", ".join(repr(name) for name in get_args(Reduction))
        raise ValueError(f"{operation}: reduction {reduction!r} does not exist; allowed: {allowed}")


def check_share(operation: str, label_smoothing: float) -> None:
    """Raise ValueError unless a label smoothing is from 0 to 1."""
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(
            f"{operation}: label_smoothing {label_smoothing} must be a share, from 0 to 1"
        )


def _class_weights(operation: str, weight: npt.ArrayLike, count: int) -> npt.NDArray[np.float64]:
    """Return the weights of all classes as an array.

    Raises:
        ShapeError: There is not one weight for each class.
        ValueError: A weight is negative.
    """
    weights = np.asarray(_to_host(operation, weight), np.float64)
    if weights.shape != (count,):
        raise ShapeError(
            f"{operation}: weight of shape {weights.shape}; pass one for each class, ({count},)"
        )
    if not np.all(weights >= 0.0):
        raise ValueError(f"{operation}: weight {weights.tolist()} must be numbers of 0 or more")
    return weights


def _are_probabilities(scores: Tensor, targets: Any) -> bool:
    """Return whether targets have the shape of the scores: a probability for each class."""
    shape = targets.shape if isinstance(targets, Tensor) else np.shape(targets)
    return scores.dims == 2 and shape == scores.shape


def _check_logits(logits: Tensor, targets: Any) -> Tensor:
    """Return the targets of logits as a tensor; see `_check_targets` for the errors."""
    operation = "binary_cross_entropy_with_logits"
    expected = _check_targets(operation, logits, targets)
    _check_probabilities(operation, "targets", targets, expected.dtype)
    return expected


def _check_rows(operation: str, scores: Tensor) -> None:
    """Raise ShapeError unless scores are (N, C) with at least one element."""
    if scores.dims != 2 or scores.size == 0:
        raise ShapeError(
            f"{operation}: predictions of shape {scores.shape}; expected (batch, classes), both at "
            "least 1"
        )


def _check_classes(operation: str, scores: Tensor, targets: Any) -> npt.NDArray[np.int64]:
    """Return targets as class numbers for rows of scores.

    Raises:
        ShapeError: The scores are not (N, C) with at least one element, or the targets not (N,).
        TypeError: The targets are not whole numbers.
        IndexError: A target is out of range.
    """
    _check_rows(operation, scores)
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
    if not isinstance(values, Tensor):
        return np.asarray(values)
    if values.backend.memory != REFERENCE.memory:
        warn_of_copy(operation, values.backend, REFERENCE)
    return values.to_numpy()


def _check_probabilities(operation: str, role: str, values: Any, dtype: npt.DTypeLike) -> None:
    """Raise ValueError if a number, converted to a dtype, is not from 0 to 1; NaN is accepted."""
    array = np.asarray(_to_host(operation, values), dtype)
    if np.any((array < 0.0) | (array > 1.0)):
        raise ValueError(
            f"{operation}: {role} range from {np.nanmin(array):g} to {np.nanmax(array):g}; they "
            "must be from 0 to 1 (for logits use binary_cross_entropy_with_logits)"
        )
