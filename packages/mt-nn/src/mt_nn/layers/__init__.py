"""Layers: the modules from which networks are built."""

from typing import TYPE_CHECKING

from mt_nn._names import package_getattr
from mt_nn.layers.activations import (
    ELU,
    GELU,
    Flatten,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from mt_nn.layers.attention import KeyValueCache, MultiHeadAttention
from mt_nn.layers.containers import Lambda, Sequential
from mt_nn.layers.convolution import Conv1d, Conv2d, MaxOverTimeConv1d, Padding
from mt_nn.layers.dropout import Dropout
from mt_nn.layers.embedding import Embedding
from mt_nn.layers.layer_norm import LayerNorm, RMSNorm
from mt_nn.layers.linear import Linear
from mt_nn.layers.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from mt_nn.layers.normalization import BatchNorm1d, BatchNorm2d
from mt_nn.layers.pooling import AvgPool2d, MaxPool2d
from mt_nn.layers.transformer import TransformerBlock

__all__ = [
    "ELU",
    "GELU",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "HuberLoss",
    "Identity",
    "KeyValueCache",
    "L1Loss",
    "Lambda",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MSELoss",
    "MaxOverTimeConv1d",
    "MaxPool2d",
    "MultiHeadAttention",
    "NLLLoss",
    "Padding",
    "RMSNorm",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Tanh",
    "TransformerBlock",
]

if not TYPE_CHECKING:  # Type checkers shall report unknown names.
    __getattr__ = package_getattr(__name__)
