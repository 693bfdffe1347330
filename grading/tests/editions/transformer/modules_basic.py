"""Basic layers."""

import numpy as np

from .module import Module, Parameter
from .nn import one_hot
from .tensor import Tensor
from .tensor_functions import Function, rand


def made(array, backend):
    array = np.ascontiguousarray(array, np.float32)
    return Tensor.make(array.reshape(-1).copy(), array.shape, backend=backend)


class Power(Function):
    """A power by a constant."""

    @staticmethod
    def forward(ctx, x, p):
        ctx.save_for_backward(x, p)
        return made(x.to_numpy() ** p.item(), x.backend)

    @staticmethod
    def backward(ctx, grad):
        x, p = ctx.saved_values
        slope = made(p.item() * x.to_numpy() ** (p.item() - 1.0), x.backend)
        return grad * slope, 0.0


class Embedding(Module):
    def __init__(self, num_embeddings, embedding_dim, backend):
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        table = np.random.normal(size=(num_embeddings, embedding_dim))  # noqa: NPY002
        self.weights = Parameter(made(table, backend))

    def forward(self, x):
        bs, seq_len = x.shape
        hot = one_hot(x, self.num_embeddings).view(bs * seq_len, self.num_embeddings)
        return (hot @ self.weights.value).view(bs, seq_len, self.embedding_dim)


class Dropout(Module):
    def __init__(self, p_dropout=0.1):
        super().__init__()
        self.p_dropout = p_dropout

    def forward(self, x):
        if self.training and self.p_dropout > 0:
            mask = np.random.binomial(1, 1 - self.p_dropout, tuple(x.shape))  # noqa: NPY002
            return x * made(mask, x.backend) * (1.0 / (1.0 - self.p_dropout))
        return x


class Linear(Module):
    def __init__(self, in_size, out_size, bias, backend):
        super().__init__()
        bound = (1.0 / in_size) ** 0.5
        self.out_size = out_size
        self.weights = Parameter(2.0 * bound * (rand((in_size, out_size), backend) - 0.5))
        if bias:
            self.bias = Parameter(2.0 * bound * (rand((out_size,), backend) - 0.5))
        else:
            self.bias = None

    def forward(self, x):
        batch, in_size = x.shape
        y = x.view(batch, in_size) @ self.weights.value.view(in_size, self.out_size)
        if self.bias is not None:
            y = y + self.bias.value.view(1, self.out_size)
        return y


class LayerNorm1d(Module):
    def __init__(self, dim, eps, backend):
        super().__init__()
        self.dim, self.eps = dim, eps
        self.weights = Parameter(made(np.ones(dim), backend))
        self.bias = Parameter(made(np.zeros(dim), backend))

    def forward(self, x):
        dim = self.dim
        mean = x.mean(1)
        variance = (x * x).mean(1) - mean * mean
        scale = Power.apply(variance + self.eps, made([-0.5], x.backend))
        return (x - mean) * scale * self.weights.value.view(1, dim) + self.bias.value.view(1, dim)
