"""Layers that compute with the whole batch, although a rank has only some of its examples."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff import Function, Tensor, TensorContext
from mt_nn.distributed.communicator import Communicator
from mt_nn.distributed.sampler import Part
from mt_tensor import ShapeError, TensorData, recording


class WholeBatch:
    """The batch of all ranks, for the layers of one rank.

    Attributes:
        communicator: The communicator.
        part: A function that returns the rank's part of the present batch; None outside of one.
    """

    def __init__(self, communicator: Communicator, part: Callable[[], Part | None]) -> None:
        self.communicator = communicator
        self.part = part

    def statistics(self, input: Tensor) -> tuple[Tensor, Tensor, int] | None:
        """Return mean and biased variance of each channel over the examples of all ranks.

        Returns:
            The mean, the variance, and the number of elements of each channel; None outside of a
            batch.

        Shape:
            (rows, channels, *sizes) → (1, channels, *ones), (1, channels, *ones).
        """
        part = self.part()
        if part is None:
            return None
        recording.refuse("exchanges the statistics of a batch between ranks")
        rows, channels = input.shape[:2]
        self._check_rows("batch normalisation", part, input.shape)
        both = _Statistics.apply(input, self.communicator, part)
        shape = (1, channels) + (1,) * (input.dims - 2)
        count = input.size // channels // rows * part.total
        return both[0].view(*shape), both[1].view(*shape), count

    def _check_rows(self, operation: str, part: Part, shape: tuple[int, ...]) -> None:
        rows = part.rows.stop - part.rows.start
        if shape[0] != rows:
            raise ShapeError(
                f"{operation}: input of shape {shape} has {shape[0]} rows, and rank "
                f"{self.communicator.rank} has {rows} examples of the batch of {part.total}; pass "
                "the examples part.rows of the batch to the network, or use "
                "DataParallel(..., exact=False)"
            )


class _Statistics(Function):
    r"""$\mu = \frac{1}{n} \sum_i x_i$ and $\sigma^2 = \frac{1}{n} \sum_i x_i^2 - \mu^2$.

    The sums are over the examples of all ranks, in double precision, because the difference cancels
    digits. $\partial \mu / \partial x_i = 1 / n$, $\partial \sigma^2 / \partial x_i = 2 (x_i - \mu)
    / n$. The loss of every rank depends on these values, so their gradients are summed over the
    ranks, too.
    """

    @staticmethod
    def forward(
        ctx: TensorContext, a: TensorData, communicator: Communicator, part: Part
    ) -> TensorData:
        """Return mean and variance: (rows, channels, *sizes) → (2, channels)."""
        x = np.asarray(ctx.backend.to_numpy(a), np.float64)
        channels = x.shape[1]
        along = (0, *range(2, x.ndim))
        sums = np.zeros(2 * channels + 1)
        if part.count:
            sums[:channels] = x.sum(along)
            sums[channels:-1] = (x * x).sum(along)
            sums[-1] = x.size // channels
        communicator.all_reduce(sums)
        count = sums[-1]
        mean = sums[:channels] / count
        variance = np.maximum(sums[channels:-1] / count - mean * mean, 0.0)
        ctx.save_for_backward(x, mean, count, communicator, part)
        return ctx.backend.from_numpy(np.stack([mean, variance]).astype(ctx.backend.dtype))

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        """Return the gradient of the rank's rows."""
        x, mean, count, communicator, part = ctx.saved_values
        total = np.array(ctx.backend.to_numpy(grad), np.float64, order="C")
        communicator.all_reduce(total)
        channel = (1, -1) + (1,) * (x.ndim - 2)
        of_mean, of_variance = (row.reshape(channel) for row in total / count)
        result = of_mean + 2.0 * (x - mean.reshape(channel)) * of_variance
        if not part.count:
            result[...] = 0.0
        return ctx.backend.from_numpy(result.astype(ctx.backend.dtype))


class RowsOfDraws(np.random.Generator):
    """A generator that draws for the whole batch and returns the rows of one rank.

    It shares its state with the generator that it replaces. Outside of a batch it is a generator
    like any other.
    """

    def __init__(self, bit_generator: np.random.BitGenerator, whole: WholeBatch) -> None:
        super().__init__(bit_generator)
        self._whole = whole

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Return draws from [0, 1) for the rank's rows, as many as `numpy.random.Generator`.

        Args:
            size: The shape, whose first dimension is the batch, or the number of elements of such a
                shape.
            dtype: The dtype.
            out: None; the draws of a part of a batch are a new array.

        Raises:
            ShapeError: The size is not divisible by the number of the rank's examples.
        """
        part = self._whole.part()
        if part is None:
            return super().random(size, dtype, out)
        shape = (size,) if isinstance(size, int | np.integer) else tuple(size or ())
        rows = part.rows.stop - part.rows.start
        if out is not None or not shape or shape[0] % rows:
            raise ShapeError(
                f"random: draws of shape {shape} for {rows} examples; in exact mode the first "
                "dimension of what dropout receives is the batch. Use DataParallel(..., "
                "exact=False) for a network with another order"
            )
        each = math.prod(shape) // rows
        draws: npt.NDArray[Any] = super().random(each * part.total, dtype)
        return draws[each * part.rows.start : each * part.rows.stop].reshape(shape)

    def __getattribute__(self, name: str) -> Any:
        if name in _OTHER_DRAWS and object.__getattribute__(self, "_whole").part() is not None:
            raise NotImplementedError(
                f"{name}: in exact mode a network draws with `random` only, so that each rank can "
                "take its rows of the whole batch's draws; use DataParallel(..., exact=False)"
            )
        return super().__getattribute__(name)


_OTHER_DRAWS = frozenset(
    name
    for name in dir(np.random.Generator)
    if not name.startswith("_") and name not in ("random", "bit_generator", "spawn")
)
