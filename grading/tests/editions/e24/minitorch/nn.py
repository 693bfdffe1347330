"""Pooling, maxima, softmax and dropout."""

from . import operators
from .autodiff import Context
from .fast_ops import FastOps
from .tensor import Tensor
from .tensor_functions import Function, rand, tensor


def tile(input: Tensor, kernel: tuple[int, int]) -> tuple[Tensor, int, int]:
    """Cut images into windows."""
    batch, channel, height, width = input.shape
    kh, kw = kernel
    assert height % kh == 0
    assert width % kw == 0
    new_height, new_width = height // kh, width // kw
    rows = input.contiguous().view(batch, channel, new_height, kh, new_width, kw)
    windows = rows.permute(0, 1, 2, 4, 3, 5).contiguous()
    return windows.view(batch, channel, new_height, new_width, kh * kw), new_height, new_width


def avgpool2d(input: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Take the mean of each window."""
    batch, channel, _, _ = input.shape
    windows, height, width = tile(input, kernel)
    return windows.mean(dim=4).view(batch, channel, height, width)


largest = FastOps.reduce(operators.max, -1e9)


def argmax(input: Tensor, dim: int) -> Tensor:
    """Mark the largest elements along a dimension."""
    return largest(input, dim) == input


class Max(Function):
    @staticmethod
    def forward(ctx: Context, input: Tensor, dim: Tensor) -> Tensor:
        """Take the largest elements along a dimension."""
        d = int(dim.item())
        ctx.save_for_backward(input, d)
        return largest(input, d)

    @staticmethod
    def backward(ctx: Context, grad_output: Tensor) -> tuple[Tensor, float]:
        """Hand the gradient to the largest elements."""
        input, d = ctx.saved_values
        return grad_output * argmax(input, d), 0.0


def max(input: Tensor, dim: int) -> Tensor:
    """Take the largest elements along a dimension."""
    return Max.apply(input, tensor([dim]))


def softmax(input: Tensor, dim: int) -> Tensor:
    """Turn scores into probabilities."""
    exps = input.exp()
    return exps / exps.sum(dim)


def logsoftmax(input: Tensor, dim: int) -> Tensor:
    """Take the logarithm of the softmax, with the largest score taken out."""
    top = max(input, dim)
    return input - ((input - top).exp().sum(dim).log() + top)


def maxpool2d(input: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Take the largest element of each window."""
    batch, channel, _, _ = input.shape
    windows, height, width = tile(input, kernel)
    return max(windows, 4).view(batch, channel, height, width)


def dropout(input: Tensor, p: float, ignore: bool = False) -> Tensor:
    """Drop elements at random."""
    if ignore or p <= 0.0:
        return input
    if p >= 1.0:
        return input * 0.0
    return (rand(input.shape, backend=input.backend) > p) * input
