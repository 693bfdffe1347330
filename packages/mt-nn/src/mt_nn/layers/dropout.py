"""The dropout layer."""

import numpy as np

from mt_autodiff import Seed, Tensor
from mt_autodiff.names import renamed
from mt_nn.functional import dropout
from mt_nn.functional.linear import Activation
from mt_nn.layers._checks import check_activation, check_tensor
from mt_nn.module import Module


class Dropout(Module):
    r"""A layer that sets random elements to zero in training and is the identity in evaluation.

    In training each element is set to zero with probability `rate`; the others are multiplied by
    $1 / (1 - \text{rate})$, so that the mean of every element is the same in evaluation ("inverted"
    dropout; Srivastava et al. 2014, "Dropout", section 10).

    Attributes:
        rate: The probability that an element is set to zero.
        activation: "relu" applies ReLU to the input first, also in evaluation; or None.
        rng: The random generator. Checkpoints of the network contain its state.

    >>> from mt_autodiff import ones
    >>> layer = Dropout(0.5, rng=1)
    >>> layer(ones((5,)))
    tensor([2., 2., 0., 2., 0.])
    >>> layer.eval()(ones((5,)))
    tensor([1., 1., 1., 1., 1.])
    """

    @renamed(p="rate", inplace=None)
    def __init__(self, rate: float, rng: Seed = None, *, activation: Activation = None) -> None:
        """Build the layer.

        Args:
            rate: A probability, 0 to 1; with 1 all elements are zero in training.
            rng: A generator, preferably one for the whole network; a seed, or None.
            activation: "relu" or None.

        Raises:
            ValueError: The rate is out of range, or the activation is unknown.
        """
        if not 0.0 <= rate <= 1.0:
            raise ValueError(f"Dropout: rate {rate} is not a probability; it must be from 0 to 1")
        self.rate = float(rate)
        self.rng = np.random.default_rng(rng)
        self.activation = check_activation("Dropout", activation)

    def forward(self, input: Tensor) -> Tensor:
        """Apply dropout in training, and the activation in both modes.

        Shape:
            (...) → (...).

        Raises:
            TypeError: The input is not a tensor.
        """
        check_tensor(self, input)
        if not self.training or self.rate == 0.0:
            return input.relu() if self.activation == "relu" else input
        return dropout(input, self.rate, rng=self.rng, activation=self.activation)

    def extra_repr(self) -> str:
        """Return the rate, and the activation if there is one."""
        activation = "" if self.activation is None else f", activation={self.activation!r}"
        return f"{self.rate:g}{activation}"
