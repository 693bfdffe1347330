"""Fused form of one token of a decoder-only transformer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.tuned.decoder.kernels import LINEAR1, decode
from mt_kernels_cpu.tuned.layers.linear import ACTIVATIONS
from mt_kernels_cpu.tuned.memory import Memory
from mt_tensor import FusedForm, TensorData

Parameters: TypeAlias = Sequence[TensorData | None]
Shape: TypeAlias = tuple[int, ...]


class Decoder(FusedForm[Memory]):
    """One token at a time, without gradients; see `mt_tensor.fused.operations.DECODER`."""

    @staticmethod
    def forward(
        backend: Memory,
        needs_grad: tuple[bool, ...],
        outer: Parameters,
        blocks: Sequence[Parameters],
        heads: int,
        eps: float,
        activation: str | None,
    ) -> Any:
        """Return the step of these parameters; None for shapes that do not match."""
        tokens, positions = outer[:2]
        expanded = blocks[0][LINEAR1] if blocks else None
        if tokens is None or positions is None or expanded is None:
            return None
        if len(tokens.shape) != 2 or len(positions.shape) != 2 or len(expanded.shape) != 2:
            return None
        (vocabulary, width), context, hidden = tokens.shape, positions.shape[0], expanded.shape[1]
        if activation not in ACTIVATIONS or heads < 1 or width % heads:
            return None
        vector, square = (width,), (width, width)
        norm = [vector, vector]
        of_block = [*norm, *[square, vector] * 4, *norm, (width, hidden), (hidden,)]
        of_block += [(hidden, width), vector, *[(1, context, width)] * 2]
        of_outer = [(vocabulary, width), (context, width), *norm]
        of_outer += [(width, vocabulary), (vocabulary,)]
        # Biases and shifts may be missing, and the weight of the head.
        first = _addresses(backend, outer, of_outer, (3, 4, 5))
        rest = [_addresses(backend, block, of_block, range(1, 16, 2)) for block in blocks]
        if first is None or any(each is None for each in rest):
            return None
        return DecoderStep(
            backend,
            (first, np.array(rest)),
            (heads, width, hidden, context),
            eps,
            activation,
            vocabulary,
            (outer, blocks),
        )


class DecoderStep:
    """The computation of one token, for some parameters and a cache."""

    def __init__(
        self,
        backend: Memory,
        addresses: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
        sizes: tuple[int, int, int, int],
        eps: float,
        activation: str | None,
        vocabulary: int,
        kept: Any,
    ) -> None:
        """Allocate scratch memory; see `decode` for the arguments, `kept` are the arrays."""
        heads, width, hidden, self._context = sizes
        self._backend, self._vocabulary, self._kept = backend, vocabulary, kept
        scratch = backend.scratch(1, 4 * width + hidden + heads * self._context)[0]
        self._arguments = scratch, (*addresses, sizes, eps)
        self._kernel = decode(backend.dtype, activation)

    def __call__(self, token: int, position: int) -> TensorData | None:
        """Return the logits after a token, and add its key and value to the cache.

        It is called from one thread at a time.

        Args:
            token: The number of the token.
            position: Its place. The cache contains the tokens before it.

        Returns:
            None for a token or a position that does not exist.

        Shape:
            (1, vocabulary).
        """
        if not (0 <= token < self._vocabulary and 0 <= position < self._context):
            return None
        logits = self._backend.new((1, self._vocabulary))
        self._kernel(logits.storage, *self._arguments, token, position)
        return logits


def _addresses(
    backend: Memory, arrays: Parameters, shapes: Sequence[Shape], optional: Sequence[int]
) -> npt.NDArray[np.int64] | None:
    """Return the addresses of the first elements, 0 for an array that is missing.

    Returns None if an array has another shape, dtype or layout.
    """
    found = np.zeros(len(shapes), np.int64)
    for at, (array, shape) in enumerate(zip(arrays, shapes, strict=True)):
        if array is None and at in optional:
            continue
        elements = None if array is None or array.shape != shape else array.flat()
        if elements is None or elements.dtype != backend.dtype:
            return None
        if not (elements.flags.c_contiguous and elements.flags.aligned):
            return None
        found[at] = elements.ctypes.data
    return found
