"""Optimisers; see `mt_nn.optim`."""

from mt_nn.optim import SGD, Optimizer

__all__ = ["SGD", "Optimizer"]
