"""Dropout: random noise that regularises a network in training."""

import numpy as np

from mt_autodiff import Seed, Tensor, fused
from mt_autodiff.names import renamed
from mt_nn.functional.linear import Activation
from mt_tensor.fused import operations
from mt_tensor.fused.arguments import inverted_scale


@fused(operations.DROPOUT)
@renamed(2, p="rate", training="ignore=not training", inplace=None)
def dropout(
    input: Tensor,
    rate: float,
    *,
    ignore: bool = False,
    rng: Seed = None,
    scale: float | None = None,
    activation: Activation = None,
) -> Tensor:
    """Set each element to zero with a probability; multiply the others by `scale`.

    With the default scale, 1 / (1 - rate), every element has the same mean in training and in
    evaluation (Srivastava et al. 2014, "Dropout", Journal of Machine Learning Research 15, section
    10). The course's function `minitorch.dropout` has the scale 1.

    The dropped elements depend only on the generator and the shape: they are the same on every
    backend and for every memory layout. The elements are multiplied by 0 or by the scale, so
    infinity and NaN become NaN where they are dropped.

    Args:
        input: The elements.
        rate: The probability, 0 to 1.
        ignore: True returns the input without dropout.
        rng: A generator, whose state every call advances, or the seed of a new one.
        scale: The factor of the elements that are not dropped; None means 1 / (1 - rate).
        activation: "relu" applies ReLU to the input first, also if `ignore` is True; or None.

    Shape:
        (...) → (...).

    Raises:
        ValueError: The rate is not a probability.

    >>> from mt_autodiff import ones
    >>> dropout(ones((8,)), rate=0.5, rng=1)
    tensor([2., 2., 0., 2., 0., 0., 2., 0.])
    """
    # In this form NaN fails.
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"dropout: rate {rate} is not a probability; it must be from 0 to 1")
    if activation == "relu":
        input = input.relu()
    if ignore:
        return input
    if scale is None:
        scale = inverted_scale(rate)
    # Draws are in [0, 1): a rate of 0 keeps every element, a rate of 1 drops every element.
    kept = np.random.default_rng(rng).random(input.shape) >= rate
    return input * (kept * scale).astype(input.dtype)
