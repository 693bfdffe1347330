"""The composed functions and optimiser steps that may have a fused form.

Each is an object that two packages import: `mt_autodiff.fused` decorates the composed function with
it, and a backend's table of forms has it as a key. Packages of kernels and packages of gradients
do not import each other; this module connects a form with its function.
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


ATTENTION = FusedOperation("attention")
"""Attention of several heads: `mt_nn.functional.attention`."""

AVGPOOL2D = FusedOperation("avgpool2d")
"""Average pooling: `mt_nn.functional.avgpool2d`."""

BINARY_CROSS_ENTROPY = FusedOperation("binary_cross_entropy")
"""The loss of two classes given probabilities: `mt_nn.binary_cross_entropy`."""

BINARY_CROSS_ENTROPY_WITH_LOGITS = FusedOperation("binary_cross_entropy_with_logits")
"""The loss of two classes given logits: `mt_nn.binary_cross_entropy_with_logits`."""

CLIP_GRAD_NORM = FusedOperation("clip_grad_norm")
"""Scaling of gradients to a norm: `mt_nn.clip_grad_norm`.

Arguments: the gradients, the largest norm. Result: the gradients and their norm before.
"""

CONVOLUTION = FusedOperation("convolve")
"""Convolution with padding, stride, bias and ReLU: `mt_nn.functional.convolution.convolve`."""

CROSS_ENTROPY = FusedOperation("cross_entropy")
"""The loss of several classes given logits: `mt_nn.cross_entropy`."""

DECODER = FusedOperation("decoder")
"""One token of a transformer that continues a sequence: `mt_models.networks.GPT`.

Arguments: parameters outside of the blocks (tables of tokens and of positions, factors and shifts
of the last normalisation, weight and bias of the head); parameters of each block (factors and
shifts, or weight and bias, of the first normalisation, the maps to queries, keys and values, the
map after the attention, the second normalisation, and both linear layers; then the memory of keys
and of values, (1, context, width)); the number of heads, epsilon, and the activation. None is a
missing bias or shift, and a head that is the transposed table of tokens. Result: a function of a
token and its position, from 0 on, that returns the logits, (1, vocabulary), and stores key and
value; None for a token or a position that does not exist.
"""

DROPOUT = FusedOperation("dropout")
"""Dropout: `mt_nn.functional.dropout`."""

LAYER_NORM = FusedOperation("layer_norm")
"""Normalisation of rows by mean and variance: `mt_nn.functional.layer_norm`."""

LINEAR = FusedOperation("linear")
"""Matrix product, bias and activation: `mt_nn.functional.linear`."""

LOGSOFTMAX = FusedOperation("logsoftmax")
"""Log-softmax: `mt_nn.functional.logsoftmax`."""

MAX_OVER_TIME = FusedOperation("max_over_time")
"""Convolution, ReLU and max over time: `mt_nn.functional.convolution.max_over_time`."""

MAXPOOL2D = FusedOperation("maxpool2d")
"""Max pooling: `mt_nn.functional.maxpool2d`."""

NLL_LOSS = FusedOperation("nll_loss")
"""The loss of several classes given log-probabilities: `mt_nn.nll_loss`."""

RMS_NORM = FusedOperation("rms_norm")
"""Normalisation of rows by the root of their mean square: `mt_nn.functional.rms_norm`."""

SELF_ATTENTION = FusedOperation("self_attention")
"""Linear maps of one sequence, and attention: `mt_nn.functional.self_attention`."""

SOFTMAX = FusedOperation("softmax")
"""Softmax: `mt_nn.functional.softmax`."""

TAKE = FusedOperation("take")
"""Lookup of rows of a table by index: `mt_autodiff.take`."""

SGD = FusedOperation("sgd")
"""A step of gradient descent. No slots; settings: learning rate, weight decay."""

SGD_MOMENTUM = FusedOperation("sgd_momentum")
"""A step of gradient descent with momentum.

Slots: the velocities. Settings: learning rate, momentum, weight decay, and 1 for Nesterov
momentum, else 0.
"""

ADAM = FusedOperation("adam")
"""A step of Adam.

Slots: the running means of the gradients and of their squares. Settings: step size, beta1, beta2,
1 - beta1, 1 - beta2, the factor of the root, epsilon, weight decay, and the factor by which the
values are multiplied before the step.
"""
