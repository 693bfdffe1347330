"""Batch normalisation."""

import math
from collections.abc import Callable
from typing import ClassVar, TypeAlias

from mt_autodiff import Tensor, no_grad, ones, zeros
from mt_autodiff.names import renamed
from mt_nn.functional.normalization import standardize
from mt_nn.layers._checks import check_sizes, check_tensor
from mt_nn.module import Module
from mt_nn.parameter import Parameter
from mt_tensor import REFERENCE, Backend, ShapeError

Statistics: TypeAlias = Callable[[Tensor], tuple[Tensor, Tensor, int] | None]
"""A function of an input that returns the mean, the biased variance and the number of elements of
each channel; None for those of the input."""


class BatchNormalization(Module):
    r"""The base class of batch normalisation, for any number of spatial dimensions.

    In training $y = \gamma (x - \mu) / \sqrt{\sigma^2 + \epsilon} + \beta$ with mean and variance
    of the batch for each channel; in evaluation with their running means.

    Attributes:
        statistics: A function that computes the statistics in training from more than the input,
            such as the examples of several processes; None computes those of the input.
    """

    ranks: ClassVar[tuple[int, ...]]
    layout: ClassVar[str]
    statistics: Statistics | None = None

    @renamed(num_features="channels", device="backend", dtype="backend")
    def __init__(
        self,
        channels: int,
        *,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        backend: Backend = REFERENCE,
    ) -> None:
        """Build a layer whose output has the mean 0 and the variance 1 before training.

        Args:
            channels: The number of channels, 1 or more.
            eps: The term that keeps the quotient finite, above 0.
            momentum: The share of the batch in the running means, 0 to 1; None makes them the means
                of all batches.
            affine: False leaves out the factor and the shift of each channel.
            track_running_stats: False uses the batch's statistics in evaluation, too.
            backend: The backend of the parameters and buffers.

        Raises:
            ValueError: A setting is out of range.
            TypeError: The number of channels is not an integer.
        """
        name = type(self).__name__
        (self.channels,) = check_sizes(name, "channels", channels, 1, 1)
        if not 0.0 < eps < math.inf:
            raise ValueError(f"{name}: eps {eps} must be above 0 and finite")
        if momentum is not None and not 0.0 <= momentum <= 1.0:
            raise ValueError(f"{name}: momentum {momentum} must be from 0 to 1, or None")
        self.eps = float(eps)
        self.momentum = momentum
        shape = (channels,)
        self.weight = Parameter(ones(shape, backend)) if affine else None
        self.bias = Parameter(zeros(shape, backend)) if affine else None
        self.running_mean: Tensor | None
        self.running_var: Tensor | None
        self.num_batches_tracked: int | None
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(shape, backend) if tracked else None)
        self.register_buffer("running_var", ones(shape, backend) if tracked else None)
        self.register_buffer("num_batches_tracked", 0 if tracked else None)

    def forward(self, input: Tensor) -> Tensor:
        """Normalise each channel; in training, update the running means.

        Shape:
            (N, channels, *sizes) → (N, channels, *sizes).

        Raises:
            ShapeError: The input has another number of dimensions or channels, or a channel has a
                single element in training.
            TypeError: The input is not a tensor.
        """
        check_tensor(self, input)
        if input.dims not in self.ranks or input.shape[1] != self.channels:
            raise ShapeError(
                f"{self!r}: input of shape {input.shape}; expected ({self.layout}) with "
                f"{self.channels} channels. Use view to add or merge dimensions, or build the "
                "layer for other channels"
            )
        channel = (1, self.channels) + (1,) * (input.dims - 2)
        if self.training or self.running_mean is None or self.running_var is None:
            out = self._of_batch(input)
        else:
            root = (self.running_var + self.eps).sqrt()
            out = (input - self.running_mean.view(*channel)) / root.view(*channel)
        if self.weight is None or self.bias is None:
            return out
        factor: Tensor = self.weight.value.contiguous().view(*channel)
        shift: Tensor = self.bias.value.contiguous().view(*channel)
        return out * factor + shift

    def _of_batch(self, input: Tensor) -> Tensor:
        """Return the input, standardised by the statistics of the batch, and track these."""
        whole = self.statistics(input) if self.statistics and self.training else None
        count = input.size // self.channels if whole is None else whole[2]
        if count < 2 and self.training:
            raise ShapeError(
                f"{self!r}: input of shape {input.shape} has {count} elements in each channel; "
                "training needs 2 or more. Use larger batches, or call eval() first"
            )
        if whole is None:
            out, mean, variance = standardize(input, (0, *range(2, input.dims)), self.eps)
        else:
            mean, variance, _ = whole
            out = (input - mean) / (variance + self.eps).sqrt()
        if self.training and self.num_batches_tracked is not None:
            self._track(mean, variance, count)
        return out

    def _track(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Update the running means; the running variance is unbiased."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = 1.0 / self.num_batches_tracked if self.momentum is None else self.momentum
        with no_grad():
            mean = mean.contiguous().view(self.channels)
            unbiased = variance.contiguous().view(self.channels) * (count / (count - 1))
            self.running_mean = self.running_mean * (1.0 - share) + mean * share
            self.running_var = self.running_var * (1.0 - share) + unbiased * share

    def extra_repr(self) -> str:
        """Return the number of channels, and settings other than the defaults."""
        parts = [str(self.channels)]
        if self.eps != 1e-5:
            parts.append(f"eps={self.eps:g}")
        if self.momentum != 0.1:
            parts.append(f"momentum={self.momentum}")
        if self.weight is None:
            parts.append("affine=False")
        if self.num_batches_tracked is None:
            parts.append("track_running_stats=False")
        return ", ".join(parts)


class BatchNorm1d(BatchNormalization):
    """Batch normalisation of features or sequences (Ioffe & Szegedy 2015, "Batch Normalization").

    Shape:
        (N, channels) or (N, channels, W) → the same.

    Attributes:
        weight: The factor of each channel, shape (channels,), or None.
        bias: The shift of each channel, shape (channels,), or None.
        running_mean: The buffer of the running mean, shape (channels,), or None.
        running_var: The buffer of the running variance, shape (channels,), or None.
        num_batches_tracked: The buffer of the number of batches in the running means, or None.

    >>> from mt_autodiff import tensor
    >>> layer = BatchNorm1d(1)
    >>> layer(tensor([[1.0], [3.0]])).to_numpy().round(3).tolist(), layer.running_mean
    ([[-1.0], [1.0]], tensor([0.2]))
    """

    ranks = (2, 3)
    layout = "batch, channels) or (batch, channels, width"


class BatchNorm2d(BatchNormalization):
    """Batch normalisation of images; see `BatchNorm1d` for the attributes.

    Shape:
        (N, channels, H, W) → the same.

    >>> from mt_autodiff import ones
    >>> BatchNorm2d(3)(ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    ranks = (4,)
    layout = "batch, channels, height, width"
