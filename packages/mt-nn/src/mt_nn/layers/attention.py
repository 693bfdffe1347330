"""Attention layers, and the memory of keys and values with which a sequence is continued."""

import numpy as np
import numpy.typing as npt

from mt_autodiff import Seed, Tensor, zeros
from mt_autodiff.names import renamed
from mt_nn import init as initializers
from mt_nn.functional.attention import attention, attention_weights, self_attention
from mt_nn.init import Initializer
from mt_nn.layers._checks import check_sizes, check_tensor
from mt_nn.layers.linear import Linear
from mt_nn.module import Module
from mt_tensor import REFERENCE, Backend, ShapeError


class KeyValueCache:
    """The keys and values of the earlier positions of a sequence, for one attention layer.

    With it, a network that continues a sequence computes only the new positions. Keys and values
    are stored without their history: gradients do not flow to earlier calls.

    Attributes:
        capacity: The number of positions for which there is memory.
        length: The number of positions that are stored.

    >>> from mt_autodiff import ones
    >>> cache = KeyValueCache(1, 4, 2)
    >>> keys, values = cache.append(ones((1, 3, 2)), ones((1, 3, 2)))
    >>> keys.shape, cache.length
    ((1, 3, 2), 3)
    """

    def __init__(
        self, batch: int, capacity: int, width: int, *, backend: Backend = REFERENCE
    ) -> None:
        """Allocate memory.

        Args:
            batch: The number of sequences.
            capacity: The largest number of positions.
            width: The width of keys and of values.
            backend: The backend of the layer.

        Raises:
            ValueError: A size is smaller than 1.
            TypeError: A size is not an integer.
        """
        sizes = {"batch": batch, "capacity": capacity, "width": width}
        shape = [check_sizes("KeyValueCache", *size, 1, 1)[0] for size in sizes.items()]
        self.capacity = shape[1]
        self.length = 0
        self._keys = zeros(shape, backend)
        self._values = zeros(shape, backend)

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store the keys and values of the next positions, and return all that are stored.

        The results are views of the memory; later calls write behind them.

        Shape:
            keys (batch, n, width), values (batch, n, width) → twice (batch, length + n, width).

        Raises:
            ShapeError: The shapes differ from these, or the capacity is exceeded.
        """
        batch, capacity, width = self._keys.shape
        if keys.shape != values.shape or keys.dims != 3 or keys.shape[::2] != (batch, width):
            raise ShapeError(
                f"KeyValueCache: keys of shape {keys.shape} and values of shape {values.shape}; "
                f"expected ({batch}, positions, {width}) twice"
            )
        last = self.length + keys.shape[1]
        if last > capacity:
            raise ShapeError(
                f"KeyValueCache: {last} positions exceed the capacity {capacity}; build a larger "
                "cache, or call clear() and pass the last positions of the sequence again"
            )
        self._keys[:, self.length : last] = keys.detach()
        self._values[:, self.length : last] = values.detach()
        self.length = last
        return self._keys[:, :last], self._values[:, :last]

    def clear(self) -> None:
        """Forget all positions; the memory is kept."""
        self.length = 0

    def __repr__(self) -> str:
        batch, capacity, width = self._keys.shape
        return f"KeyValueCache({batch}, {capacity}, {width}, length={self.length})"


class MultiHeadAttention(Module):
    """Attention of several heads, with linear maps before and after it.

    (Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2; see `mt_nn.attention`.)

    Attributes:
        width: The number of columns.
        heads: The number of heads.
        causal: True hides later positions.
        dropout: The probability with which dropout removes a weight in training.
        rng: The random generator of dropout.
        query: The linear map to queries; `key`, `value` and `output` are the other three.

    >>> from mt_autodiff import randn
    >>> MultiHeadAttention(6, 2, causal=True, rng=0)(randn((5, 4, 6), rng=0)).shape
    (5, 4, 6)
    """

    @renamed(
        embed_dim="width", num_heads="heads", batch_first=None, device="backend", dtype="backend"
    )
    def __init__(
        self,
        width: int,
        heads: int,
        *,
        causal: bool = False,
        bias: bool = True,
        dropout: float = 0.0,
        init: Initializer = initializers.xavier_uniform,
        rng: Seed = None,
        backend: Backend = REFERENCE,
    ) -> None:
        """Build a layer.

        Args:
            width: The number of columns, a multiple of the heads.
            heads: The number of heads, 1 or more.
            causal: True hides later positions.
            bias: False leaves out the biases of the linear maps.
            dropout: A probability, 0 to 1.
            init: The initialiser of the weights.
            rng: A generator, preferably one for the whole network; a seed, or None.
            backend: The backend of the parameters.

        Raises:
            ValueError: A setting is out of range, or the heads do not divide the width.
            TypeError: A size is not an integer.
        """
        (self.width,) = check_sizes("MultiHeadAttention", "width", width, 1, 1)
        (self.heads,) = check_sizes("MultiHeadAttention", "heads", heads, 1, 1)
        if width % heads:
            raise ValueError(
                f"MultiHeadAttention: width {width} is not a multiple of the {heads} heads; "
                f"use {max(d for d in range(1, heads + 1) if width % d == 0)} heads, or the width "
                f"{-(-width // heads) * heads}"
            )
        if not 0.0 <= dropout <= 1.0:
            raise ValueError(
                f"MultiHeadAttention: dropout {dropout} is not a probability; "
                "it must be from 0 to 1"
            )
        self.causal = bool(causal)
        self.dropout = float(dropout)
        self.rng = rng = np.random.default_rng(rng)
        self.query, self.key, self.value, self.output = (
            Linear(width, width, bias=bias, init=init, rng=rng, backend=backend) for _ in range(4)
        )

    def forward(
        self,
        x: Tensor,
        context: Tensor | None = None,
        key_mask: Tensor | npt.NDArray[np.bool_] | None = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Let each position of x attend to the positions of x or of a context.

        Args:
            x: The sequences.
            context: The sequences of keys and values, for cross-attention; None means x.
            key_mask: Truth values, 0 for keys that are hidden, such as padding. With a cache it
                covers all stored positions, too.
            cache: The earlier positions of the sequence, to which those of x are appended. The
                result is that of the whole sequence at the positions of x.

        Shape:
            x (batch, length, width), context (batch, keys, width), key_mask (batch, keys) →
            (batch, length, width).

        Raises:
            ShapeError: The shapes differ from these.
            ValueError: A cache is combined with a context, or the layer is not causal.
            TypeError: The input is not a tensor.
        """
        self._check(x, context)
        maps = self.query, self.key, self.value
        hidden = context is not None or key_mask is not None or cache is not None
        drops = self.training and self.dropout > 0.0
        if not hidden and not drops and not any(layer._forward_hooks for layer in maps):
            query, key, value = (layer.weight.value for layer in maps)
            q, k, v = (None if layer.bias is None else layer.bias.value for layer in maps)
            attended = self_attention(x, query, key, value, q, k, v, self.heads, self.causal)
        else:
            attended = self._attended(x, context, key_mask, cache)
        result: Tensor = self.output(attended)
        return result

    def _attended(
        self,
        x: Tensor,
        context: Tensor | None,
        key_mask: Tensor | npt.NDArray[np.bool_] | None,
        cache: KeyValueCache | None,
    ) -> Tensor:
        """Return the result of attention with any options; see `forward`."""
        source = x if context is None else context
        query, key, value = self.query(x), self.key(source), self.value(source)
        if cache is not None:
            if context is not None or not self.causal:
                raise ValueError(
                    f"{self!r}: a cache needs causal self-attention, in which earlier positions do "
                    "not depend on later ones; build the layer with causal=True, without context"
                )
            length = cache.length
            key, value = cache.append(key, value)
        try:
            mask = _of_keys(key_mask, key)
        except ShapeError:
            if cache is not None:
                # A second call with another mask appends the same positions.
                cache.length = length
            raise
        return attention(
            query,
            key,
            value,
            self.heads,
            causal=self.causal,
            mask=mask,
            rate=self.dropout if self.training else 0.0,
            rng=self.rng,
        )

    def weights(
        self,
        x: Tensor,
        context: Tensor | None = None,
        key_mask: Tensor | npt.NDArray[np.bool_] | None = None,
    ) -> Tensor:
        """Return the weights with which each position attends to the others, without dropout.

        Shape:
            As `forward` → (batch, heads, length, keys).

        Raises:
            ShapeError: The shapes differ from these.
            TypeError: The input is not a tensor.
        """
        self._check(x, context)
        query, key = self.query(x), self.key(x if context is None else context)
        mask = _of_keys(key_mask, key)
        return attention_weights(query, key, self.heads, causal=self.causal, mask=mask)

    def _check(self, x: Tensor, context: Tensor | None) -> None:
        """Raise an error unless the operands are sequences of the layer's width."""
        for name, each in (("input", x), ("context", context)):
            if each is None and name == "context":
                continue
            check_tensor(self, each)
            assert each is not None
            if each.dims != 3 or each.shape[2] != self.width or each.shape[0] != x.shape[0]:
                raise ShapeError(
                    f"{self!r}: {name} of shape {each.shape}; expected (batch, length, "
                    f"{self.width}), the batch that of the input. Use view or permute, or build "
                    "the layer with another width"
                )

    def extra_repr(self) -> str:
        """Return the sizes, and settings other than the defaults."""
        parts = [str(self.width), str(self.heads)]
        if self.causal:
            parts.append("causal=True")
        if self.query.bias is None:
            parts.append("bias=False")
        if self.dropout:
            parts.append(f"dropout={self.dropout:g}")
        return ", ".join(parts)


def _of_keys(
    mask: Tensor | npt.NDArray[np.bool_] | None, key: Tensor
) -> Tensor | npt.NDArray[np.bool_] | None:
    """Return a mask of keys, (batch, keys), as one of (batch, heads, queries, keys)."""
    if mask is None:
        return None
    shape = key.shape[:2]
    if tuple(mask.shape) != shape:
        raise ShapeError(
            f"MultiHeadAttention: key_mask of shape {tuple(mask.shape)} for keys of shape "
            f"{key.shape}; expected {shape}, one truth value for each key"
        )
    return mask.reshape(shape[0], 1, 1, shape[1])
