"""Optimisers: SGD, Adam and AdamW, and the base class."""

from typing import TYPE_CHECKING

from mt_nn._names import package_getattr
from mt_nn.optim.adam import Adam, AdamW
from mt_nn.optim.base import Optimizer, Parameters
from mt_nn.optim.groups import ParameterGroup, decay_groups
from mt_nn.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "ParameterGroup", "Parameters", "decay_groups"]

if not TYPE_CHECKING:  # Type checkers shall report unknown names.
    __getattr__ = package_getattr(__name__)
