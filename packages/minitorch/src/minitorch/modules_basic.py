"""Layers of a transformer: embeddings, dropout, linear maps and layer normalisation.

Names, shapes and the order of arguments are those of the courses that assign a transformer on
MiniTorch. `LayerNorm1d` accepts tensors of two dimensions only: reshape others with `view` before
and after.
"""

import numpy as np

from minitorch._tensor import Tensor
from minitorch.module import Module, Parameter
from minitorch.nn import one_hot
from minitorch.tensor_functions import rand, tensor
from mt_tensor import Backend, ShapeError


class Embedding(Module):
    """A table with a vector for each token.

    Attributes:
        num_embeddings: The number of tokens.
        embedding_dim: The size of a vector.
        weights: The table, shape (num_embeddings, embedding_dim).
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, backend: Backend) -> None:
        """Draw the table from the standard normal distribution, with NumPy's global generator."""
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        table = np.random.standard_normal((num_embeddings, embedding_dim))  # noqa: NPY002
        self.weights = Parameter(tensor(table, backend))

    def forward(self, x: Tensor) -> Tensor:
        """Return the vector of each token: the product of its one-hot row and the table.

        Shape:
            tokens (batch, length) → (batch, length, embedding_dim).
        """
        batch, length = x.shape
        rows = one_hot(x, self.num_embeddings).view(batch * length, self.num_embeddings)
        vectors: Tensor = rows @ self.weights.value
        return vectors.view(batch, length, self.embedding_dim)


class Dropout(Module):
    """Dropout with scaling: the mean of an element is the same in training and in evaluation.

    Attributes:
        p_dropout: The probability that an element is dropped.
    """

    def __init__(self, p_dropout: float = 0.1) -> None:
        """Set the probability.

        Raises:
            ValueError: The probability is not from 0 up to but not including 1.
        """
        if not 0.0 <= p_dropout < 1.0:
            raise ValueError(f"Dropout: p_dropout {p_dropout} must be at least 0 and below 1")
        super().__init__()
        self.p_dropout = p_dropout

    def forward(self, x: Tensor) -> Tensor:
        """Set elements to 0, and divide the others by the probability to keep one, in training.

        Without training, or with a probability of 0, the input is returned and nothing is drawn.
        The draws come from NumPy's global generator: seed it with ``numpy.random.seed``.

        Shape:
            (...) → (...).
        """
        if not self.training or self.p_dropout == 0.0:
            return x
        keep = 1.0 - self.p_dropout
        kept = np.random.binomial(1, keep, x.shape)  # noqa: NPY002
        return x * tensor(kept / keep, x.backend)


class Linear(Module):
    """A linear map with or without a bias.

    Attributes:
        out_size: The number of outputs.
        weights: Shape (in_size, out_size).
        bias: Shape (out_size,), or None.
    """

    def __init__(self, in_size: int, out_size: int, bias: bool, backend: Backend) -> None:
        r"""Draw weights and bias, uniformly from $-1/\sqrt{n}$ to $1/\sqrt{n}$ for n inputs."""
        super().__init__()
        self.out_size = out_size
        bound = 1.0 / in_size**0.5
        self.weights = Parameter((rand((in_size, out_size), backend) * 2.0 - 1.0) * bound)
        self.bias = Parameter((rand((out_size,), backend) * 2.0 - 1.0) * bound) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Return x W + b.

        Shape:
            (..., in_size) → (..., out_size).
        """
        out: Tensor = x @ self.weights.value
        return out if self.bias is None else out + self.bias.value


class LayerNorm1d(Module):
    """Layer normalisation over the last of two dimensions.

    (Ba, Kiros and Hinton 2016, "Layer Normalization", equation 4.)

    Attributes:
        dim: The size of a row.
        eps: The term that keeps the quotient finite where a row is constant.
        weights: The factors, shape (dim,).
        bias: The summands, shape (dim,).
    """

    def __init__(self, dim: int, eps: float, backend: Backend) -> None:
        """Begin with factors of 1 and summands of 0."""
        super().__init__()
        self.dim = dim
        self.eps = eps
        self.weights = Parameter(tensor(np.ones(dim), backend))
        self.bias = Parameter(tensor(np.zeros(dim), backend))

    def forward(self, x: Tensor) -> Tensor:
        r"""Return $(x - \mu) / \sqrt{\sigma^2 + \epsilon} \cdot w + b$ of each row.

        The variance $\sigma^2$ is the biased one: the mean of the squares.

        Shape:
            (batch, dim) → (batch, dim).

        Raises:
            ShapeError: The shape is another one.
        """
        if len(x.shape) != 2 or x.shape[1] != self.dim:
            raise ShapeError(
                f"LayerNorm1d: shape {x.shape}; it must be (batch, {self.dim}). Call view before "
                "and after the layer"
            )
        centred = x - x.mean(1)
        variance = (centred * centred).mean(1)
        normalized = centred / (variance + self.eps).sqrt()
        out: Tensor = normalized * self.weights.value + self.bias.value
        return out


__all__ = ["Dropout", "Embedding", "LayerNorm1d", "Linear"]
