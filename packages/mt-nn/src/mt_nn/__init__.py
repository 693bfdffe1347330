"""Neural networks: modules, functions, losses, layers, initialisers, optimisers, checkpoints.

The package computes with the tensors of `mt_autodiff`, so it runs on every backend. Start with
`Module`; `mt_nn.layers` contains the layers, `mt_nn.optim` the optimisers.
"""

from mt_nn import init, schedules
from mt_nn.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from mt_nn.clipping import clip_grad_norm, clip_grad_value
from mt_nn.functional import (
    Max,
    argmax,
    avgpool2d,
    dropout,
    linear,
    logsoftmax,
    max,
    maxpool2d,
    softmax,
    tile,
)
from mt_nn.layers import (
    AvgPool2d,
    Conv1d,
    Conv2d,
    Dropout,
    Embedding,
    Linear,
    MaxOverTimeConv1d,
    MaxPool2d,
    Padding,
)
from mt_nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    mse_loss,
    nll_loss,
)
from mt_nn.module import Module, Parameter
from mt_nn.optim import SGD, Adam, Optimizer
from mt_nn.schedules import ConstantRate, CosineDecay, LinearWarmup, Schedule, StepDecay

__all__ = [
    "SGD",
    "Adam",
    "AvgPool2d",
    "Checkpoint",
    "CheckpointError",
    "ConstantRate",
    "Conv1d",
    "Conv2d",
    "CosineDecay",
    "Dropout",
    "Embedding",
    "Linear",
    "LinearWarmup",
    "Max",
    "MaxOverTimeConv1d",
    "MaxPool2d",
    "Module",
    "Optimizer",
    "Padding",
    "Parameter",
    "Schedule",
    "StepDecay",
    "argmax",
    "avgpool2d",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "clip_grad_norm",
    "clip_grad_value",
    "cross_entropy",
    "dropout",
    "init",
    "linear",
    "load_checkpoint",
    "logsoftmax",
    "max",
    "maxpool2d",
    "mse_loss",
    "nll_loss",
    "save_checkpoint",
    "schedules",
    "softmax",
    "tile",
]
