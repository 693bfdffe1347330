"""Pooling, maxima, softmax and dropout."""

from . import operators
from .fast_ops import FastOps
from .tensor_functions import Function, rand

max_reduce = FastOps.reduce(operators.max, -1e9)


def tile(input, kernel):
    batch, channel, height, width = input.shape
    kh, kw = kernel
    assert height % kh == 0
    assert width % kw == 0
    h, w = height // kh, width // kw
    x = input.contiguous().view(batch, channel, h, kh, w, kw)
    x = x.permute(0, 1, 2, 4, 3, 5).contiguous()
    return x.view(batch, channel, h, w, kh * kw), h, w


def avgpool2d(input, kernel):
    batch, channel = input.shape[:2]
    tiled, h, w = tile(input, kernel)
    return tiled.mean(4).view(batch, channel, h, w)


def argmax(input, dim):
    return input == max_reduce(input, dim)


class Max(Function):
    @staticmethod
    def forward(ctx, input, dim):
        out = max_reduce(input, dim)
        ctx.save_for_backward(input, out)
        return out

    @staticmethod
    def backward(ctx, grad_output):
        input, out = ctx.saved_values
        return (input == out) * grad_output


max = Max.apply


def softmax(input, dim):
    e = (input - max(input, dim)).exp()
    return e / e.sum(dim)


def logsoftmax(input, dim):
    m = max(input, dim)
    return input - (input - m).exp().sum(dim).log() - m


def maxpool2d(input, kernel):
    batch, channel = input.shape[:2]
    tiled, h, w = tile(input, kernel)
    return max(tiled, 4).view(batch, channel, h, w)


def dropout(input, rate, ignore=False):
    if ignore:
        return input
    return input * (rand(input.shape, backend=input.backend) > rate)
