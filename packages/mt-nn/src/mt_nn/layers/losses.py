"""Losses as modules, with their options as attributes; see `mt_nn.losses` for the functions."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy.typing as npt

from mt_autodiff import Tensor
from mt_nn import losses
from mt_nn._settings import check_above_0
from mt_nn.losses import Reduction
from mt_nn.module import Module


class _Loss(Module):
    """The base class of losses: a function of predictions and targets, with options."""

    function: ClassVar[Callable[..., Tensor]]

    def __init__(self, *, reduction: Reduction = "mean", **options: Any) -> None:
        losses.check_reduction(type(self).__name__, reduction)
        self.options = options | {"reduction": reduction}

    def forward(self, input: Tensor, target: npt.ArrayLike | Tensor) -> Tensor:
        """Return the loss of predictions; the function of the same name has shapes and errors."""
        return type(self).function(input, target, **self.options)

    def extra_repr(self) -> str:
        """Return the options that are set."""
        shown = {k: v for k, v in self.options.items() if v is not None and not _is_default(v)}
        return ", ".join(f"{name}={value!r}" for name, value in shown.items())


def _is_default(option: Any) -> bool:
    """Return whether an option is the mean, or no smoothing."""
    return isinstance(option, str | float) and option in ("mean", 0.0)


class MSELoss(_Loss):
    """The loss `mt_nn.mse_loss`.

    >>> from mt_autodiff import tensor
    >>> MSELoss(reduction="sum")(tensor([1.0, 2.0]), [1.0, 4.0])
    tensor([4.])
    """

    function = staticmethod(losses.mse_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        """Build the loss."""
        super().__init__(reduction=reduction)


class L1Loss(_Loss):
    """The loss `mt_nn.l1_loss`."""

    function = staticmethod(losses.l1_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        """Build the loss."""
        super().__init__(reduction=reduction)


class HuberLoss(_Loss):
    """The loss `mt_nn.huber_loss`."""

    function = staticmethod(losses.huber_loss)

    def __init__(self, *, delta: float = 1.0, reduction: Reduction = "mean") -> None:
        """Build the loss."""
        check_above_0("HuberLoss", "delta", delta)
        super().__init__(reduction=reduction, delta=delta)


class SmoothL1Loss(_Loss):
    """The loss `mt_nn.smooth_l1_loss`."""

    function = staticmethod(losses.smooth_l1_loss)

    def __init__(self, *, beta: float = 1.0, reduction: Reduction = "mean") -> None:
        """Build the loss."""
        check_above_0("SmoothL1Loss", "beta", beta)
        super().__init__(reduction=reduction, beta=beta)


class NLLLoss(_Loss):
    """The loss `mt_nn.nll_loss`, for log-probabilities and class numbers."""

    function = staticmethod(losses.nll_loss)

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        *,
        ignore_index: int | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        """Build the loss."""
        super().__init__(reduction=reduction, weight=weight, ignore_index=ignore_index)


class CrossEntropyLoss(_Loss):
    """The loss `mt_nn.cross_entropy`, for logits and class numbers or probabilities.

    >>> from mt_autodiff import tensor
    >>> CrossEntropyLoss(label_smoothing=0.1)(tensor([[0.0, 0.0]]), [1])
    tensor([0.69314718])
    """

    function = staticmethod(losses.cross_entropy)

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        *,
        ignore_index: int | None = None,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        """Build the loss."""
        losses.check_share("CrossEntropyLoss", label_smoothing)
        super().__init__(
            reduction=reduction,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
        )


class BCELoss(_Loss):
    """The loss `mt_nn.binary_cross_entropy`, for probabilities."""

    function = staticmethod(losses.binary_cross_entropy)

    def __init__(
        self, weight: npt.ArrayLike | None = None, *, reduction: Reduction = "mean"
    ) -> None:
        """Build the loss."""
        super().__init__(reduction=reduction, weight=weight)


class BCEWithLogitsLoss(_Loss):
    """The loss `mt_nn.binary_cross_entropy_with_logits`, for logits."""

    function = staticmethod(losses.binary_cross_entropy_with_logits)

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        *,
        pos_weight: npt.ArrayLike | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        """Build the loss."""
        super().__init__(reduction=reduction, weight=weight, pos_weight=pos_weight)
