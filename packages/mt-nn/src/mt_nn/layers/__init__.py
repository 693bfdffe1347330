"""Layers: the modules from which networks are built."""

from mt_nn.layers.convolution import Conv1d, Conv2d, MaxOverTimeConv1d, Padding
from mt_nn.layers.dropout import Dropout
from mt_nn.layers.embedding import Embedding
from mt_nn.layers.linear import Linear
from mt_nn.layers.pooling import AvgPool2d, MaxPool2d

__all__ = [
    "AvgPool2d",
    "Conv1d",
    "Conv2d",
    "Dropout",
    "Embedding",
    "Linear",
    "MaxOverTimeConv1d",
    "MaxPool2d",
    "Padding",
]
