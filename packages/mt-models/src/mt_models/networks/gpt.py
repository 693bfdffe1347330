"""A decoder-only transformer, which predicts the next token of a sequence.

Radford et al. 2019, "Language Models are Unsupervised Multitask Learners" (GPT-2), in the form of
nanoGPT.
"""

import math
import weakref
from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from mt_autodiff import Seed, Tensor, from_numpy, grad_enabled, no_grad, tensor
from mt_models.networks.continuation import Continuation, GPTCache, LayerCache, Parts, parts_of
from mt_models.networks.modes import evaluating
from mt_nn import (
    Dropout,
    Embedding,
    KeyValueCache,
    LayerNorm,
    Linear,
    Module,
    TransformerBlock,
    init,
    linear,
)
from mt_tensor import REFERENCE, Backend, ShapeError

Ids = npt.NDArray[np.integer]

DEVIATION = 0.02
"""The standard deviation of the initial weights (GPT-2, section 2.3)."""


class GPT(Module):
    r"""A stack of transformer blocks between a table of tokens and the logits of the next token.

    Positions are learnt. The weights are drawn from $N(0, 0.02^2)$; those of the linear maps that
    end a residual branch from $N(0, 0.02^2 / 2 L)$ with $L$ layers, so that the sum over the
    branches keeps its size.

    Attributes:
        context: The largest number of tokens of a sequence.
        tokens: The table of token vectors, (vocabulary, width).
        positions: The table of position vectors, (context, width).
        blocks: The transformer blocks.
        norm: The normalisation before the head.
        head: The linear map to logits; None if it is the transposed table of tokens.

    >>> network = GPT(5, width=8, heads=2, layers=1, context=4, rng=0)
    >>> network(np.array([[1, 2, 3]])).shape
    (1, 3, 5)
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        width: int,
        heads: int,
        layers: int,
        context: int,
        dropout: float = 0.0,
        bias: bool = False,
        tied: bool = True,
        rng: Seed = None,
        backend: Backend = REFERENCE,
    ) -> None:
        """Build the network with random weights.

        Args:
            vocabulary: The number of tokens.
            width: The length of the vector of a token, a multiple of the heads.
            heads: The number of heads of each attention.
            layers: The number of blocks, 1 or more.
            context: The largest number of tokens of a sequence.
            dropout: The probability of dropout in the blocks and after the embeddings.
            bias: True gives linear maps and normalisations a bias.
            tied: True uses the table of tokens as the weight of the head.
            rng: The generator of weights and dropout, or a seed.
            backend: The backend of the parameters.

        Raises:
            ValueError: A size is smaller than 1, or the heads do not divide the width.
        """
        if layers < 1:
            raise ValueError(f"GPT: layers is {layers}; it must be 1 or more")
        rng = np.random.default_rng(rng)
        normal = partial(init.normal, std=DEVIATION)
        self.context = context
        self._unused: list[Continuation] = []
        self.tokens = Embedding(vocabulary, width, init=normal, rng=rng, backend=backend)
        self.positions = Embedding(context, width, init=normal, rng=rng, backend=backend)
        self.dropout = Dropout(dropout, rng=rng)
        self.blocks = [
            TransformerBlock(
                width, heads, bias=bias, dropout=dropout, init=normal, rng=rng, backend=backend
            )
            for _ in range(layers)
        ]
        for block in self.blocks:
            for last in (block.attention.output, block.linear2):
                last.weight.update(last.weight.value.detach() * (1.0 / math.sqrt(2.0 * layers)))
        self.norm = LayerNorm(width, bias=bias, backend=backend)
        self.head = (
            None
            if tied
            else Linear(width, vocabulary, bias=False, init=normal, rng=rng, backend=backend)
        )

    def forward(
        self, ids: Ids | Sequence[Sequence[int]], cache: Sequence[KeyValueCache] | None = None
    ) -> Tensor:
        """Return the logits of the token after each position.

        Args:
            ids: The numbers of the tokens.
            cache: The keys and values of the earlier tokens, from `new_cache`; the keys and values
                of these tokens are added to it.

        Shape:
            (batch, length) → (batch, length, vocabulary).

        Raises:
            ShapeError: The sequence, with the tokens in the cache, is longer than the context.
            IndexError: A token does not exist.
        """
        return self._logits(self._hidden(np.asarray(ids), cache))

    def next_logits(
        self, ids: Ids | Sequence[Sequence[int]], cache: Sequence[KeyValueCache] | None = None
    ) -> Tensor:
        """Return the logits after the last position only; see `forward`.

        Shape:
            (batch, length) → (batch, vocabulary).
        """
        ids = np.asarray(ids)
        if (
            isinstance(cache, GPTCache)
            and ids.shape == (cache.continuation.batch, 1)
            and ids.dtype.kind in "iu"
            and cache[0].length < self.context
            and cache.continuation.backend.is_recordable
            and not self.training
            and not grad_enabled()
        ):
            return self._continue(ids, cache)
        hidden = self._hidden(ids, cache)
        return self._logits(hidden[:, -1])

    def new_cache(self, batch: int = 1) -> GPTCache:
        """Return an empty cache for `context` tokens of a number of sequences.

        With a cache, in evaluation mode and without recording, `next_logits` of one token is one
        kernel or a captured step, where the backend allows it. The memory of a cache that is no
        longer used serves for the next one, so that the step is prepared once.
        """
        backend, parts = self.tokens.weight.value.backend, self._parts()
        # Steps of replaced parts are stale.
        self._unused[:] = [each for each in self._unused if each.parts == parts]
        for found in self._unused:
            if found.batch == batch and found.backend is backend:
                self._unused.remove(found)
                break
        else:
            width, context = self.tokens.width, self.context
            layers = [LayerCache(batch, context, width, backend=backend) for _ in self.blocks]
            found = Continuation(parts, layers, batch, backend, self._continued)
        cache = GPTCache(found)
        cache.clear()
        weakref.finalize(cache, self._unused.append, cache.continuation).atexit = False
        return cache

    def _parts(self) -> Parts:
        """Return the parts of the network for the fused step."""
        outer = [self.tokens, self.positions, self.norm, self.head]
        parts = parts_of(outer, self.blocks, [self, self.dropout])
        if parts.settings is None or type(self) is not GPT:
            return Parts([], [], list(self.modules()), None)
        return parts

    def attention_maps(self, ids: Ids | Sequence[Sequence[int]]) -> npt.NDArray[np.floating]:
        """Return the weight with which each position attends to each earlier one, in every head.

        Shape:
            (batch, length) → (layers, batch, heads, length, length).

        Raises:
            ShapeError, IndexError: As for `forward`.
        """
        maps = []
        with evaluating(self), no_grad():
            x = self._embedded(np.asarray(ids), 0)
            for block in self.blocks:
                maps.append(block.attention.weights(block.norm1(x)).to_numpy())
                x = block(x)
        return np.stack(maps)

    def _continue(self, ids: Ids, cache: GPTCache) -> Tensor:
        """Return the logits after one more token, (batch, vocabulary)."""
        logits = cache.logits(int(ids[0, 0]))
        if logits is None:
            logits = self._captured(ids, cache.continuation, cache[0].length)
            cache.advance()
        return logits

    def _captured(self, ids: Ids, continuation: Continuation, at: int) -> Tensor:
        """Return the logits after one more token, by a captured step; see `_continue`."""
        backend = continuation.backend
        visible = np.broadcast_to(np.arange(self.context) <= at, (len(ids), self.context))
        mask = from_numpy(visible.astype(backend.dtype), backend)
        logits = continuation.step(ids.astype(np.int64), np.array([at]), mask)
        # The next call writes into the same memory.
        return tensor(logits.to_numpy().copy(), backend)

    def _continued(
        self, layers: Sequence[LayerCache], ids: Ids, place: npt.NDArray[np.int64], visible: Tensor
    ) -> Tensor:
        """Compute one token with shapes that do not depend on its place; see `_captured`.

        Shape:
            ids (batch, 1), place (1,), visible (batch, context) → (batch, vocabulary).
        """
        x: Tensor = self.tokens(ids) + self.positions(place)
        for block, layer in zip(self.blocks, layers, strict=True):
            layer.place = place
            try:
                x = block(x, key_mask=visible, cache=layer)
            finally:
                layer.place = None
        return self._logits(self.norm(x).view(len(ids), -1))

    def _hidden(self, ids: Ids, cache: Sequence[KeyValueCache] | None) -> Tensor:
        """Return the normalised output of the last block, (batch, length, width)."""
        x = self._embedded(ids, cache[0].length if cache else 0)
        for at, block in enumerate(self.blocks):
            x = block(x, cache=cache[at] if cache else None)
        hidden: Tensor = self.norm(x)
        return hidden

    def _embedded(self, ids: Ids, start: int) -> Tensor:
        """Return the sum of token and position vectors, (batch, length, width)."""
        last = start + (ids.shape[1] if ids.ndim == 2 else 0)
        if ids.ndim != 2 or not start < last <= self.context:
            raise ShapeError(
                f"GPT: token numbers of shape {ids.shape} after {start} tokens in the cache; "
                f"expected (batch, length) and at most {self.context} tokens, the context: pass "
                "the last tokens of a longer sequence with an empty cache"
            )
        position = self.positions.weight.value[start:last]
        x: Tensor = self.dropout(self.tokens(ids) + position)
        return x

    def _logits(self, x: Tensor) -> Tensor:
        table = self.tokens.weight.value
        logits: Tensor = linear(x, table.permute(1, 0)) if self.head is None else self.head(x)
        return logits
