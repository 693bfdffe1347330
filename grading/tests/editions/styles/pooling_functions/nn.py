import numpy as np

from .tensor import Tensor


def _made(array, like):
    return Tensor.make(np.array(array, float).ravel(), array.shape, backend=like.backend)


def _cut(array, kh, kw):
    batch, channel, height, width = array.shape
    return array.reshape(batch, channel, height // kh, kh, width // kw, kw).swapaxes(3, 4)


class AvgPool(Function):
    @staticmethod
    def forward(ctx, input, kernel):
        kh, kw = (int(size) for size in kernel.to_numpy())
        ctx.save_for_backward(kh, kw)
        return _made(_cut(input.to_numpy(), kh, kw).mean(axis=(4, 5)), input)

    @staticmethod
    def backward(ctx, grad_output):
        kh, kw = ctx.saved_values
        spread = np.kron(grad_output.to_numpy(), np.ones((kh, kw))) / (kh * kw)
        return _made(spread, grad_output), 0.0


def avgpool2d(input, kernel):
    return AvgPool.apply(input, tensor(list(kernel)))


class MaxPool(Function):
    @staticmethod
    def forward(ctx, input, kernel):
        kh, kw = (int(size) for size in kernel.to_numpy())
        x = input.to_numpy()
        best = _cut(x, kh, kw).max(axis=(4, 5))
        ctx.save_for_backward(kh, kw, x, best)
        return _made(best, input)

    @staticmethod
    def backward(ctx, grad_output):
        kh, kw, x, best = ctx.saved_values
        ones = np.ones((kh, kw))
        hits = x == np.kron(best, ones)
        return _made(hits * np.kron(grad_output.to_numpy(), ones), grad_output), 0.0


def maxpool2d(image, window):
    return MaxPool.apply(image, tensor(list(window)))


from .tensor_functions import Function, rand, tensor
