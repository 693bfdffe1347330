"""Functions for networks: linear maps, pooling, maxima, probabilities, dropout.

Each is composed of a tensor's own operations and of a backend's six, so it runs on every backend
and its gradient follows from its parts. The composed definition is the specification: a backend
that brings a faster kernel of its own is held to it.
"""

from mt_nn.functional.linear import Activation, linear
from mt_nn.functional.maximum import Max, argmax, max
from mt_nn.functional.noise import dropout
from mt_nn.functional.pooling import avgpool2d, maxpool2d, tile
from mt_nn.functional.probabilities import logsoftmax, softmax

__all__ = [
    "Activation",
    "Max",
    "argmax",
    "avgpool2d",
    "dropout",
    "linear",
    "logsoftmax",
    "max",
    "maxpool2d",
    "softmax",
    "tile",
]
