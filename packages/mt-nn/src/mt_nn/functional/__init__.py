"""Functions for networks: linear maps, pooling, maxima, probabilities, dropout.

Each function is composed of operations on tensors, so it runs on every backend and needs no
gradient formula of its own. The composed definition is the specification: the tests compare the
fused form of a backend with it.
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
