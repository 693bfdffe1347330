import numpy as np


class Tile(Function):
    @staticmethod
    def forward(ctx, input, size):
        kh, kw = map(int, size.to_numpy())
        batch, channel, height, width = input.shape
        ctx.shape = batch, channel, height // kh, width // kw, kh, kw
        x = input.to_numpy().reshape(batch, channel, height // kh, kh, width // kw, kw)
        x = np.ascontiguousarray(x.transpose(0, 1, 2, 4, 3, 5))
        return Tensor.make(x.ravel(), ctx.shape[:4] + (kh * kw,), backend=input.backend)

    @staticmethod
    def backward(ctx, grad):
        batch, channel, h, w, kh, kw = ctx.shape
        x = grad.to_numpy().reshape(ctx.shape).transpose(0, 1, 2, 4, 3, 5)
        x = np.ascontiguousarray(x)
        shape = (batch, channel, h * kh, w * kw)
        return Tensor.make(x.ravel(), shape, backend=grad.backend), 0.0


def tile(input, kernel):
    windows = Tile.apply(input, tensor([float(size) for size in kernel]))
    return (windows, *windows.shape[2:4])


def avgpool2d(input, kernel):
    windows = tile(input, kernel)[0]
    return (windows.sum(4) * (1 / windows.shape[4])).view(*windows.shape[:4])


def max(input, dim=None):
    if dim is None:
        return Max.apply(input.contiguous().view(input.size), tensor([0]))
    rest = [size for d, size in enumerate(input.shape) if d != dim]
    return Max.apply(input, tensor([dim])).view(*(rest or [1]))


def maxpool2d(input, kernel):
    return max(tile(input, kernel)[0], 4)


def softmax(input, dim):
    return (input - _logsumexp(input, dim)).exp()


def logsoftmax(input, dim):
    return input - _logsumexp(input, dim)


def _logsumexp(input, dim):
    kept = [1 if d == dim else size for d, size in enumerate(input.shape)]
    top = max(input, dim).view(*kept)
    return (input - top).exp().sum(dim).log() + top


def dropout(input, probability, ignore=False):
    if ignore:
        return input
    kept = np.random.binomial(1, 1 - probability, input.shape)
    return input * tensor(kept.tolist(), backend=input.backend)
