"""The memory of a GPT that continues sequences: keys and values, and a captured step."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor
from mt_nn import KeyValueCache, capture
from mt_tensor import Backend, host_array, recording


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


def _put(memory: npt.NDArray[Any], new: npt.NDArray[Any], place: npt.NDArray[np.int64]) -> None:
    """Write the vectors of one position, (batch, 1, width), into a memory of all positions."""
    memory[:, place[0]] = new[:, 0]


class Continuation:
    """The memory with which sequences are continued, and the captured step of one token."""

    def __init__(
        self, layers: list[LayerCache], batch: int, backend: Backend, step: Callable[..., Any]
    ) -> None:
        """Capture a step.

        Args:
            layers: The cache of each layer.
            batch: The number of sequences of the caches.
            backend: The backend of the caches.
            step: The function that continues by one token; its first argument is `layers`.
        """
        self.layers, self.batch, self.backend = layers, batch, backend
        self.step = capture(partial(step, layers))


class GPTCache(list[KeyValueCache]):
    """The keys and values of the tokens that a network has read, one item for each layer."""

    def __init__(self, continuation: Continuation) -> None:
        super().__init__(continuation.layers)
        self.continuation = continuation

    def clear(self) -> None:
        """Forget all tokens; the memory is kept."""
        for layer in self:
            layer.clear()
