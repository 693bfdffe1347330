"""Functions for networks: linear maps, attention, pooling, maxima, probabilities, dropout, norms.

Each function is composed of operations on tensors, so it runs on every backend and needs no
gradient formula of its own. The composed definition is the specification: the tests compare the
fused form of a backend with it.
"""

from typing import TYPE_CHECKING

from mt_nn._names import package_getattr
from mt_nn.functional.activations import elu, gelu, leaky_relu, silu, softplus
from mt_nn.functional.attention import attention, attention_weights, self_attention
from mt_nn.functional.linear import Activation, LinearActivation, linear
from mt_nn.functional.masking import masked_logsoftmax, masked_softmax
from mt_nn.functional.maximum import Max, argmax, max
from mt_nn.functional.noise import dropout
from mt_nn.functional.normalization import layer_norm, rms_norm, standardize
from mt_nn.functional.pooling import avg_pool2d, avgpool2d, max_pool2d, maxpool2d, tile
from mt_nn.functional.probabilities import logsoftmax, softmax

__all__ = [
    "Activation",
    "LinearActivation",
    "Max",
    "argmax",
    "attention",
    "attention_weights",
    "avg_pool2d",
    "avgpool2d",
    "dropout",
    "elu",
    "gelu",
    "layer_norm",
    "leaky_relu",
    "linear",
    "logsoftmax",
    "masked_logsoftmax",
    "masked_softmax",
    "max",
    "max_pool2d",
    "maxpool2d",
    "rms_norm",
    "self_attention",
    "silu",
    "softmax",
    "softplus",
    "standardize",
    "tile",
]

if not TYPE_CHECKING:  # Type checkers shall report unknown names.
    __getattr__ = package_getattr(__name__)
