"""Optimisers; see `mt_nn.optim`."""

from typing import TYPE_CHECKING

import mt_nn
from minitorch._names import course_getattr
from mt_nn.optim import Optimizer, Parameters


class SGD(mt_nn.SGD):
    """Gradient descent with the course's rate of 1.0, whose steps remove gradients.

    The course's training loops need no `zero_grad`.
    """

    def __init__(self, parameters: Parameters, lr: float = 1.0) -> None:
        """Make an optimiser of parameters."""
        super().__init__(parameters, lr)

    def step(self) -> None:
        """Update every parameter that has a gradient, and remove the gradients."""
        super().step()
        self.zero_grad()


__all__ = ["SGD", "Optimizer"]

if not TYPE_CHECKING:  # A type checker would accept every name.
    __getattr__ = course_getattr(__name__)
