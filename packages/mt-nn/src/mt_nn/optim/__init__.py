"""Optimisers: SGD and Adam, and the base class."""

from mt_nn.optim.adam import Adam
from mt_nn.optim.base import Optimizer
from mt_nn.optim.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]
