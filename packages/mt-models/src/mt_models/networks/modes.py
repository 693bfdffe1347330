"""Networks in evaluation mode, and functions that return their outputs from captured kernels."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor, no_grad
from mt_nn import Module, capture


@contextmanager
def evaluating(network: Module) -> Iterator[None]:
    """Put a network into evaluation mode, and back into its mode at the end."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


def can_be_captured(network: Module) -> bool:
    """Return whether the backend of a network's parameters can be captured; see `mt_nn.capture`."""
    values = [each.value for each in network.parameters()]
    return all(isinstance(each, Tensor) and each.backend.is_recordable for each in values)


def answering(network: Module) -> Callable[[Any], npt.NDArray[Any]]:
    """Return a function that returns the output of a network as a new array, without gradients.

    Inputs should have one shape: the function captures the network where its backend can be
    captured (see `mt_nn.capture`), for each shape. It may be called from several threads.
    """
    lock = threading.Lock()

    @no_grad
    def run(inputs: Any) -> Tensor:
        output: Tensor = network(inputs)
        return output

    captured = capture(run) if can_be_captured(network) else run

    def answer(inputs: Any) -> npt.NDArray[Any]:
        # The next call writes into the same memory, so the copy belongs to this one.
        with lock:
            return np.array(captured(inputs).to_numpy())

    return answer
