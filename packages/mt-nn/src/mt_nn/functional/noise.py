"""Noise that regularises a network while it trains."""

import numpy as np

from mt_autodiff import Seed, Tensor, fused
from mt_nn.functional.linear import Activation
from mt_tensor.fused import operations


@fused(operations.DROPOUT)
def dropout(
    input: Tensor,
    rate: float,
    ignore: bool = False,
    rng: Seed = None,
    scale: float = 1.0,
    activation: Activation = None,
) -> Tensor:
    """Set each element to zero with a probability; the others stay as they are.

    The others are not enlarged in return, unless `scale` says so: a network that wants the same
    mean in training as afterwards divides by 1 - rate, as the layer does (Srivastava and others,
    "Dropout", Journal of Machine Learning Research 15, 2014, section 10).

    Which elements go depends on the generator and the shape alone: it is the same on every
    backend and for every memory layout. The elements are multiplied by 0 or by the scale, so
    infinities and NaN give NaN where they are dropped.

    Args:
        input: The elements.
        rate: The probability, 0 to 1.
        ignore: Return the input as it is.
        rng: A generator, which every call moves on, or the seed of a new one.
        scale: What the elements that stay are multiplied by.
        activation: "relu" for ReLU of the input before elements go, ignored or not; or None.

    Shape:
        (...) → (...).

    Raises:
        ValueError: The rate is not a probability.

    >>> from mt_autodiff import ones
    >>> dropout(ones((8,)), rate=0.5, rng=1)
    tensor([1., 1., 0., 1., 0., 0., 1., 0.])
    """
    # Written so that NaN fails.
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"dropout: rate {rate} is not a probability; choose one from 0 to 1")
    if activation == "relu":
        input = input.relu()
    if ignore:
        return input
    # Draws lie in [0, 1): a rate of 0 keeps every element and a rate of 1 none.
    kept = np.random.default_rng(rng).random(input.shape) >= rate
    return input * (kept * scale).astype(input.dtype)
