"""The memory of a GPT that continues sequences: keys and values, and the step of one token.

A token of one sequence is computed by one kernel, where the backend has it (`FusedStep`). A token
of several sequences, or of a network with other parts, is a captured step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor
from mt_nn import (
    Embedding,
    KeyValueCache,
    LayerNorm,
    Linear,
    Module,
    MultiHeadAttention,
    TransformerBlock,
    capture,
)
from mt_nn.hooks import HookHandle
from mt_tensor import Backend, TensorData, host_array, recording
from mt_tensor.fused import operations


class LayerCache(KeyValueCache):
    """A cache with two ways to append: behind the last position, or in a captured step.

    Attributes:
        place: In a captured step, the position of the next key, an array (1,); else None. All
            positions are then returned, so that the shapes are always the same.
    """

    place: npt.NDArray[np.int64] | None = None

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store keys and values; see `KeyValueCache.append`."""
        if self.place is None:
            return super().append(keys, values)
        for memory, new in ((self._keys, keys), (self._values, values)):
            recording.called(_put, host_array(memory.data), host_array(new.data), self.place)
        return self._keys, self._values

    @property
    def memory(self) -> tuple[TensorData, TensorData]:
        """The memory of keys and of values, (batch, capacity, width)."""
        return self._keys.data, self._values.data


def _put(memory: npt.NDArray[Any], new: npt.NDArray[Any], place: npt.NDArray[np.int64]) -> None:
    """Write the vectors of one position, (batch, 1, width), into a memory of all positions."""
    memory[:, place[0]] = new[:, 0]


class Parts(NamedTuple):
    """The parts of a network that the fused step computes.

    Attributes:
        outer: Both tables, the last normalisation, and the head or None.
        blocks: The normalisations and linear maps of each block, in the order of their use.
        others: The other modules of the network, those with dropout among them.
        settings: The number of heads, epsilon, and the activation; None if there are no parts.
    """

    outer: list[Any]
    blocks: list[list[Any]]
    others: list[Module]
    settings: tuple[int, float, Any] | None


class FusedStep:
    """The computation of one token of one sequence by the fused form of the backend."""

    def __init__(self, parts: Parts, layers: list[LayerCache], backend: Backend) -> None:
        """Collect the parameters; the first token prepares the computation.

        Args:
            parts: The parts of the network.
            layers: The cache of each layer.
            backend: The backend of the caches.
        """
        self.parts = parts
        self._layers, self._backend = layers, backend
        linear = [each for each in chain(parts.outer, *parts.blocks) if each is not None]
        self._modules: list[Module] = [*linear, *parts.others]
        self._has_hooks, self._hooks = True, 0
        tensors = chain.from_iterable((each.weight, getattr(each, "bias", None)) for each in linear)
        self._parameters = [each for each in tensors if each is not None]
        self._values: list[Any] = []
        self._step: Callable[[int, int], TensorData | None] | None = None

    def logits(self, token: int, position: int) -> Tensor | None:
        """Return the logits after a token, and store its key and value.

        Returns:
            None if the form does not compute them: the backend has none, a module has a hook,
            dropout is in training mode, or the token does not exist.

        Shape:
            (1, vocabulary).
        """
        # Looking at all modules for each token would take a noticeable part of its time.
        if self._has_hooks or self._hooks != HookHandle.registered:
            self._hooks = HookHandle.registered
            self._has_hooks = any(module._forward_hooks for module in self._modules)
        if self._has_hooks or [module for module in self.parts.others if module.training]:
            return None
        values = [parameter.value.data for parameter in self._parameters]
        if values != self._values:
            self._values, self._step = values, self._prepared()
        data = None if self._step is None else self._step(token, position)
        return None if data is None else Tensor(data, backend=self._backend)

    def _prepared(self) -> Any:
        """Return the step of the form for the present parameters, None if there is none."""
        form, (outer, blocks, _, settings) = self._backend.fused(operations.DECODER), self.parts
        if form is None or settings is None:
            return None
        if any(each.value.backend is not self._backend for each in self._parameters):
            return None
        tokens, positions, norm, head = outer
        tables = [each.weight.value.data for each in (tokens, positions)]
        of_blocks = [
            [*chain.from_iterable(map(_tensors, block)), *layer.memory]
            for block, layer in zip(blocks, self._layers, strict=True)
        ]
        rest = [*_tensors(norm), *((None, None) if head is None else _tensors(head))]
        return form.forward(self._backend, (), [*tables, *rest], of_blocks, *settings)


def _tensors(layer: Any) -> tuple[TensorData, TensorData | None]:
    """Return the weight and the bias of a layer."""
    return layer.weight.value.data, None if layer.bias is None else layer.bias.value.data


def parts_of(
    outer: list[Any], transformer_blocks: Sequence[TransformerBlock], others: Sequence[Module]
) -> Parts:
    """Return the parts of a network; none of them if the form cannot compute it.

    Args:
        outer: Both tables, the last normalisation, and the head or None.
        transformer_blocks: The blocks.
        others: The other modules outside of the blocks.
    """
    plain = [each for each in transformer_blocks if type(each) is TransformerBlock]
    attentions = [block.attention for block in plain]
    if len(attentions) < len(transformer_blocks) or any(
        type(each) is not MultiHeadAttention for each in attentions
    ):
        return Parts([], [], [], None)
    blocks: list[list[Any]] = [
        [
            *(block.norm1, each.query, each.key, each.value, each.output),
            *(block.norm2, block.linear1, block.linear2),
        ]
        for block, each in zip(transformer_blocks, attentions, strict=True)
    ]
    others = [*others, *transformer_blocks, *attentions]
    others += [block.dropout for block in transformer_blocks]
    layers = [*outer[2:], *chain.from_iterable(blocks)]
    linear = [each for each in layers if type(each) is Linear]
    norms = [each for each in layers if type(each) is LayerNorm]
    heads = {each.heads if each.causal else 0 for each in attentions}
    activations = {getattr(block.linear1, "activation", None) for block in transformer_blocks}
    is_plain = (
        len(linear) + len(norms) + layers.count(None) == len(layers)
        and all(type(each) is Embedding and each.padding_row is None for each in outer[:2])
        and sum(each.activation is not None for each in linear) in (0, len(blocks))
        and len({each.eps for each in norms}) == len(heads) == len(activations) == 1
    )
    if not is_plain:
        return Parts([], [], [], None)
    return Parts(outer, blocks, others, (heads.pop(), norms[0].eps, activations.pop()))


class Continuation:
    """The memory with which sequences are continued, and the steps of one token.

    Attributes:
        parts: The parts of the network.
        layers: The cache of each layer.
        batch: The number of sequences of the caches.
        backend: The backend of the caches.
        step: The captured step.
    """

    def __init__(
        self,
        parts: Parts,
        layers: list[LayerCache],
        batch: int,
        backend: Backend,
        step: Callable[..., Any],
    ) -> None:
        """Prepare both steps; nothing is computed yet.

        Args:
            parts: The parts of the network.
            layers: The cache of each layer.
            batch: The number of sequences of the caches.
            backend: The backend of the caches.
            step: The function that continues by one token; its first argument is `layers`.
        """
        self.parts, self.layers, self.batch, self.backend = parts, layers, batch, backend
        self.step = capture(partial(step, layers))
        self._fused: FusedStep | None = None

    @property
    def fused(self) -> FusedStep | None:
        """The fused step, None for several sequences."""
        if self._fused is None and self.batch == 1:
            self._fused = FusedStep(self.parts, self.layers, self.backend)
        return self._fused

    def __getstate__(self) -> dict[str, Any]:
        # The fused step has addresses of memory that a copy does not have.
        return {**vars(self), "_fused": None}


class GPTCache(list[KeyValueCache]):
    """The keys and values of the tokens that a network has read, one item for each layer."""

    def __init__(self, continuation: Continuation) -> None:
        super().__init__(continuation.layers)
        self.continuation = continuation

    def logits(self, token: int) -> Tensor | None:
        """Return the logits after one more token of one sequence, without a gradient.

        Returns:
            None, and nothing is stored, if no kernel computes the whole token.

        Shape:
            (1, vocabulary).
        """
        fused = self.continuation.fused
        logits = None if fused is None else fused.logits(token, self[0].length)
        if logits is not None:
            self.advance()
        return logits

    def advance(self) -> None:
        """Count one more token."""
        length = self[0].length + 1
        for layer in self:
            layer.length = length

    def clear(self) -> None:
        """Forget all tokens; the memory is kept."""
        for layer in self:
            layer.clear()
