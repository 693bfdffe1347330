"""Neural networks: modules, functions, losses, layers, initialisers, optimisers, checkpoints.

A name of PyTorch that does not exist raises an error that says what to use instead.

The package computes with the tensors of `mt_autodiff`, so it runs on every backend. Start with
`Module`; `mt_nn.layers` contains the layers, `mt_nn.optim` the optimisers.
"""

from typing import TYPE_CHECKING

from mt_nn import init, interop, schedules
from mt_nn._names import package_getattr
from mt_nn._state import IncompatibleKeys
from mt_nn.capturing import CaptureWarning, capture, is_finite
from mt_nn.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from mt_nn.clipping import clip_grad_norm, clip_grad_value
from mt_nn.functional import (
    Max,
    argmax,
    avg_pool2d,
    avgpool2d,
    dropout,
    linear,
    logsoftmax,
    max,
    max_pool2d,
    maxpool2d,
    softmax,
    standardize,
    tile,
)
from mt_nn.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    BCELoss,
    BCEWithLogitsLoss,
    Conv1d,
    Conv2d,
    CrossEntropyLoss,
    Dropout,
    Embedding,
    Flatten,
    HuberLoss,
    Identity,
    L1Loss,
    Lambda,
    Linear,
    MaxOverTimeConv1d,
    MaxPool2d,
    MSELoss,
    NLLLoss,
    Padding,
    ReLU,
    Sequential,
    Sigmoid,
    SmoothL1Loss,
    Softmax,
)
from mt_nn.losses import (
    Reduction,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from mt_nn.module import HookHandle, Module, Parameter
from mt_nn.monitors import EarlyStopping, Plateau
from mt_nn.optim import SGD, Adam, AdamW, Optimizer, ParameterGroup
from mt_nn.schedules import (
    ConstantRate,
    CosineDecay,
    LinearWarmup,
    MultiStepDecay,
    OneCycle,
    Schedule,
    StepDecay,
)
from mt_nn.weights import load_weights, save_weights

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "CaptureWarning",
    "Checkpoint",
    "CheckpointError",
    "ConstantRate",
    "Conv1d",
    "Conv2d",
    "CosineDecay",
    "CrossEntropyLoss",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Flatten",
    "HookHandle",
    "HuberLoss",
    "Identity",
    "IncompatibleKeys",
    "L1Loss",
    "Lambda",
    "Linear",
    "LinearWarmup",
    "MSELoss",
    "Max",
    "MaxOverTimeConv1d",
    "MaxPool2d",
    "Module",
    "MultiStepDecay",
    "NLLLoss",
    "OneCycle",
    "Optimizer",
    "Padding",
    "Parameter",
    "ParameterGroup",
    "Plateau",
    "ReLU",
    "Reduction",
    "Schedule",
    "Sequential",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "StepDecay",
    "argmax",
    "avg_pool2d",
    "avgpool2d",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "capture",
    "clip_grad_norm",
    "clip_grad_value",
    "cross_entropy",
    "dropout",
    "huber_loss",
    "init",
    "interop",
    "is_finite",
    "l1_loss",
    "linear",
    "load_checkpoint",
    "load_weights",
    "logsoftmax",
    "max",
    "max_pool2d",
    "maxpool2d",
    "mse_loss",
    "nll_loss",
    "save_checkpoint",
    "save_weights",
    "schedules",
    "smooth_l1_loss",
    "softmax",
    "standardize",
    "tile",
]

if not TYPE_CHECKING:  # Type checkers shall report unknown names.
    __getattr__ = package_getattr(__name__)
