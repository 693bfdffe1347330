"""The block of which transformers consist."""

import numpy as np
import numpy.typing as npt

from mt_autodiff import Seed, Tensor, grad_enabled
from mt_autodiff.names import renamed
from mt_nn import init as initializers
from mt_nn.functional.linear import LinearActivation
from mt_nn.init import Initializer
from mt_nn.layers._checks import check_sizes, check_tensor
from mt_nn.layers.attention import KeyValueCache, MultiHeadAttention
from mt_nn.layers.dropout import Dropout
from mt_nn.layers.layer_norm import LayerNorm
from mt_nn.layers.linear import Linear
from mt_nn.module import Module
from mt_nn.side_by_side import Part, compute_in_parts
from mt_tensor import REFERENCE, Backend


class TransformerBlock(Module):
    r"""Attention and a network of two layers, each added to its input.

    $y = x + \mathrm{attention}(\mathrm{norm}_1(x))$, then
    $z = y + W_2 f(W_1 \mathrm{norm}_2(y))$, the form with the normalisation first (Xiong et al.
    2020, "On Layer Normalization in the Transformer Architecture", figure 1b).

    Attributes:
        norm1: The normalisation before the attention.
        attention: The attention.
        norm2: The normalisation before the network.
        linear1: The first linear layer, with the activation.
        linear2: The second linear layer.
        dropout: Dropout of both terms before they are added.

    >>> from mt_autodiff import randn
    >>> TransformerBlock(6, 2, rng=0)(randn((5, 4, 6), rng=0)).shape
    (5, 4, 6)
    """

    @renamed(
        d_model="width",
        nhead="heads",
        dim_feedforward="hidden",
        norm_first=None,
        batch_first=None,
        device="backend",
        dtype="backend",
    )
    def __init__(
        self,
        width: int,
        heads: int,
        *,
        hidden: int | None = None,
        causal: bool = True,
        bias: bool = True,
        dropout: float = 0.0,
        activation: LinearActivation = "gelu",
        init: Initializer = initializers.xavier_uniform,
        rng: Seed = None,
        backend: Backend = REFERENCE,
    ) -> None:
        """Build a block.

        Args:
            width: The number of columns, a multiple of the heads.
            heads: The number of heads, 1 or more.
            hidden: The width between the two linear layers; None means four times `width`.
            causal: True hides later positions.
            bias: False leaves out the biases of linear layers and of normalisations.
            dropout: The probability with which an element of each term, and a weight of the
                attention, is dropped in training.
            activation: "gelu", "gelu-tanh", "relu" or None.
            init: The initialiser of the weights.
            rng: A generator, preferably one for the whole network; a seed, or None.
            backend: The backend of the parameters.

        Raises:
            ValueError: A setting is out of range, or the heads do not divide the width.
            TypeError: A size is not an integer.
        """
        rng = np.random.default_rng(rng)
        (width,) = check_sizes("TransformerBlock", "width", width, 1, 1)
        hidden = 4 * width if hidden is None else hidden
        self.norm1 = LayerNorm(width, bias=bias, backend=backend)
        self.attention = MultiHeadAttention(
            width,
            heads,
            causal=causal,
            bias=bias,
            dropout=dropout,
            init=init,
            rng=rng,
            backend=backend,
        )
        self.norm2 = LayerNorm(width, bias=bias, backend=backend)
        self.linear1 = Linear(
            width, hidden, bias=bias, activation=activation, init=init, rng=rng, backend=backend
        )
        self.linear2 = Linear(hidden, width, bias=bias, init=init, rng=rng, backend=backend)
        self.dropout = Dropout(dropout, rng)

    def forward(
        self,
        x: Tensor,
        key_mask: Tensor | npt.NDArray[np.bool_] | None = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Apply the block; see `MultiHeadAttention.forward` for the arguments.

        Shape:
            x (batch, length, width), key_mask (batch, keys) → (batch, length, width).

        Raises:
            ShapeError: The shapes differ from these.
            ValueError: A cache is given to a block that is not causal.
            TypeError: The input is not a tensor.
        """
        if key_mask is None and cache is None:
            parts = self._parts(x)
            if len(parts) > 1:
                return compute_in_parts(self._computed, x, self.parameters(), parts)
        return self._computed(x, key_mask, cache)

    def _parts(self, x: Tensor) -> list[Part]:
        """Return the parts of a batch that are computed side by side."""
        check_tensor(self, x)
        count, width = x.shape[0] if x.shape else 1, self.attention.width
        # Each position takes part in products with 12 · width² weights.
        parts = x.backend.parts(count, 12 * width * x.size, width * self.linear1.out_size)
        drops = self.training and max(self.dropout.rate, self.attention.dropout) > 0.0
        if len(parts) == 1 or not grad_enabled() or drops:
            return [(0, count)]
        # A hook receives whole batches.
        has_hooks = any(module._forward_hooks for module in self.modules())
        return [(0, count)] if has_hooks else parts

    def _computed(
        self,
        x: Tensor,
        key_mask: Tensor | npt.NDArray[np.bool_] | None = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Return the result of a batch; see `forward`."""
        attended = self.attention(self.norm1(x), key_mask=key_mask, cache=cache)
        y = x + self.dropout(attended)
        z: Tensor = y + self.dropout(self.linear2(self.linear1(self.norm2(y))))
        return z
