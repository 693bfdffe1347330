"""Trees of parameters; see `mt_nn.module`."""

from mt_nn.module import Module, Parameter

__all__ = ["Module", "Parameter"]
