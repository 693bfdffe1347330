"""Functions that the course of a transformer adds."""

import math

import numpy as np

import minitorch


def GELU(input):
    doubled = (input + 0.044715 * (input * input * input)) * (2.0 * (2.0 / math.pi) ** 0.5)
    # tanh(x) is 2 sigmoid(2 x) - 1.
    return input * doubled.sigmoid()


def logsumexp(input, dim):
    m = max(input, dim)
    return (input + -m).exp().sum(dim).log() + m


def one_hot(input, num_classes):
    ids = input.to_numpy().astype(int)
    rows = np.zeros((*ids.shape, num_classes), np.float32)
    for index in np.ndindex(*ids.shape):
        rows[(*index, ids[index])] = 1.0
    return minitorch.Tensor.make(rows.reshape(-1), rows.shape, backend=input.backend)


def softmax_loss(logits, target):
    batch_size, classes = logits.shape
    chosen = (one_hot(target, classes) * logits).sum(1)
    return (logsumexp(logits, 1) - chosen).view(batch_size)
