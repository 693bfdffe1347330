"""Evaluation mode for a block of code."""

from collections.abc import Iterator
from contextlib import contextmanager

from mt_nn import Module


@contextmanager
def evaluating(network: Module) -> Iterator[None]:
    """Put a network into evaluation mode, and back into its mode at the end."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)
