"""The composed functions and optimiser steps that a backend may compute in one piece.

Each is an object that both sides import: `mt_autodiff.fused` decorates the composed function with
it, and the table of forms of a backend has it as a key. Kernels and gradients never import one
another, so this is where they agree which function a form computes.
"""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class FusedOperation:
    """One function of tensors, or one optimiser step, that may have a fused form.

    Two operations are equal only if they are the same object.

    Attributes:
        name: Its name in histories, messages and profiles.
    """

    name: str

    def __repr__(self) -> str:
        return self.name


AVGPOOL2D = FusedOperation("avgpool2d")
"""Averages of windows of an image: `mt_nn.functional.avgpool2d`."""

BINARY_CROSS_ENTROPY = FusedOperation("binary_cross_entropy")
"""The loss of two classes given probabilities: `mt_nn.binary_cross_entropy`."""

BINARY_CROSS_ENTROPY_WITH_LOGITS = FusedOperation("binary_cross_entropy_with_logits")
"""The loss of two classes given logits: `mt_nn.binary_cross_entropy_with_logits`."""

CONVOLUTION = FusedOperation("convolve")
"""Convolution with padding, stride, bias and ReLU: `mt_nn.functional.convolution.convolve`."""

CROSS_ENTROPY = FusedOperation("cross_entropy")
"""The loss of several classes given logits: `mt_nn.cross_entropy`."""

DROPOUT = FusedOperation("dropout")
"""Random zeros: `mt_nn.functional.dropout`."""

EMBEDDING = FusedOperation("take")
"""Rows of a table by their numbers: `mt_autodiff.take`."""

LINEAR = FusedOperation("linear")
"""Product, bias and ReLU: `mt_nn.functional.linear`."""

LOGSOFTMAX = FusedOperation("logsoftmax")
"""Logarithms of probabilities: `mt_nn.functional.logsoftmax`."""

MAX_OVER_TIME = FusedOperation("max_over_time")
"""Convolution, ReLU and maximum over positions: `mt_nn.functional.convolution.max_over_time`."""

MAXPOOL2D = FusedOperation("maxpool2d")
"""Maxima of windows of an image: `mt_nn.functional.maxpool2d`."""

NLL_LOSS = FusedOperation("nll_loss")
"""The loss of several classes given logarithms of probabilities: `mt_nn.nll_loss`."""

SOFTMAX = FusedOperation("softmax")
"""Probabilities from logits: `mt_nn.functional.softmax`."""

SGD = FusedOperation("sgd")
"""A step of gradient descent. No slots; settings: learning rate, weight decay."""

SGD_MOMENTUM = FusedOperation("sgd_with_momentum")
"""A step of gradient descent with momentum.

Slots: the velocities. Settings: learning rate, momentum, weight decay, and 1 for Nesterov's
form, else 0.
"""

ADAM = FusedOperation("adam")
"""A step of Adam.

Slots: the running means of the gradients and of their squares. Settings: step size, beta1, beta2,
1 - beta1, 1 - beta2, the factor of the root, epsilon, weight decay.
"""
