"""A transformer that predicts the next token: attention, layers, and the language model.

The names, the shapes and the order of arguments are those of the courses that assign a transformer
on MiniTorch (Vaswani et al. 2017, "Attention Is All You Need"; normalisation before each part as in
Radford et al. 2019, "Language Models are Unsupervised Multitask Learners").
"""

import math

import numpy as np

from minitorch._tensor import Tensor
from minitorch.module import Module
from minitorch.modules_basic import Dropout, Embedding, LayerNorm1d, Linear
from minitorch.nn import GELU, softmax
from minitorch.tensor_functions import tensor
from minitorch.tensor_ops import SimpleBackend
from mt_tensor import Backend


class MultiHeadAttention(Module):
    """Self-attention with several heads.

    Attributes:
        n_embd: The size of a token's vector.
        n_head: The number of heads, a divisor of `n_embd`.
        attn_hidden_dim: The size of a head, n_embd / n_head.
        causal: True if a position attends only to itself and to earlier positions.
        q_projection: The linear map to queries.
        k_projection: The linear map to keys.
        v_projection: The linear map to values.
        out_projection: The linear map of the merged heads.
        dropout: The dropout of the attention weights.
    """

    def __init__(
        self,
        n_embd: int,
        n_head: int,
        causal: bool = True,
        p_dropout: float = 0.1,
        bias: bool = True,
        backend: Backend | None = None,
    ) -> None:
        """Build four linear maps from `n_embd` to `n_embd`; `bias` is that of all of them.

        Raises:
            ValueError: The heads do not divide `n_embd`.
        """
        if n_head < 1 or n_embd % n_head:
            raise ValueError(
                f"MultiHeadAttention: n_head {n_head} does not divide n_embd {n_embd}; choose a "
                "divisor"
            )
        super().__init__()
        self.backend = SimpleBackend if backend is None else backend
        self.n_embd = n_embd
        self.n_head = n_head
        self.causal = causal
        self.attn_hidden_dim = n_embd // n_head
        self.q_projection = Linear(n_embd, n_embd, bias, self.backend)
        self.k_projection = Linear(n_embd, n_embd, bias, self.backend)
        self.v_projection = Linear(n_embd, n_embd, bias, self.backend)
        self.out_projection = Linear(n_embd, n_embd, bias, self.backend)
        self.dropout = Dropout(p_dropout)

    def create_causal_mask(self, seq_len: int) -> Tensor:
        """Return 0 at and below the diagonal, and the least number of float32 above it.

        Shape:
            (1, 1, seq_len, seq_len).
        """
        least = -np.finfo(np.float32).max
        return tensor(least * np.triu(np.ones((1, 1, seq_len, seq_len)), 1), self.backend)

    def project_to_query_key_value(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, transposed keys, and values of each head.

        Shape:
            (batch, length, n_embd) → (batch, heads, length, size), (batch, heads, size, length),
            (batch, heads, length, size).
        """
        batch, length, n_embd = x.shape
        rows = x.view(batch * length, n_embd)
        split = (batch, length, self.n_head, self.attn_hidden_dim)
        q: Tensor = self.q_projection(rows).view(*split).permute(0, 2, 1, 3)
        k_transposed = self.k_projection(rows).view(*split).permute(0, 2, 3, 1)
        v = self.v_projection(rows).view(*split).permute(0, 2, 1, 3)
        return q, k_transposed, v

    def self_attention(self, q: Tensor, kT: Tensor, v: Tensor) -> Tensor:  # noqa: N803
        r"""Return $\mathrm{softmax}(q k^T / \sqrt{D} + M) v$ of each head, with merged heads.

        M is the causal mask, if `causal` is True, and D the size of a head.

        Shape:
            q (batch, heads, length, size), kT (batch, heads, size, length), v like q →
            (batch, length, heads · size).
        """
        batch, heads, length, size = q.shape
        scores = (q @ kT) / math.sqrt(size)
        if self.causal:
            scores = scores + self.create_causal_mask(length)
        weights: Tensor = self.dropout(softmax(scores, 3))
        merged = (weights @ v).permute(0, 2, 1, 3).contiguous()
        return merged.view(batch, length, heads * size)

    def forward(self, x: Tensor) -> Tensor:
        """Return the attention to all positions of each position.

        Shape:
            (batch, length, n_embd) → (batch, length, n_embd).
        """
        batch, length, n_embd = x.shape
        q, k_transposed, v = self.project_to_query_key_value(x)
        merged = self.self_attention(q, k_transposed, v).view(batch * length, n_embd)
        out: Tensor = self.out_projection(merged)
        return out.view(batch, length, n_embd)


class FeedForward(Module):
    """Two linear maps of each position, with GELU between them and dropout at the end.

    Attributes:
        linear_in: The linear map to the hidden units.
        linear_out: The linear map from the hidden units.
        dropout: The dropout of the result.
    """

    def __init__(
        self,
        n_embd: int,
        middle_dim: int = 256,
        p_dropout: float = 0.1,
        bias: bool = True,
        backend: Backend | None = None,
    ) -> None:
        """Build the linear maps n_embd → middle_dim → n_embd."""
        super().__init__()
        backend = SimpleBackend if backend is None else backend
        self.linear_in = Linear(n_embd, middle_dim, bias, backend)
        self.linear_out = Linear(middle_dim, n_embd, bias, backend)
        self.dropout = Dropout(p_dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the network to each position.

        Shape:
            (batch, length, n_embd) → (batch, length, n_embd).
        """
        batch, length, n_embd = x.shape
        hidden = GELU(self.linear_in(x.view(batch * length, n_embd)))
        out: Tensor = self.dropout(self.linear_out(hidden))
        return out.view(batch, length, n_embd)


class TransformerLayer(Module):
    """Attention and a network, each with a normalisation before it and a sum around both.

    Attributes:
        ln_1: The normalisation before the attention.
        ln_2: The normalisation before the network.
        attention: The causal self-attention.
        ff: The network.
    """

    def __init__(
        self,
        n_embd: int,
        n_head: int,
        p_dropout: float = 0.1,
        ln_eps: float = 1e-5,
        bias: bool = True,
        backend: Backend | None = None,
    ) -> None:
        """Build the four parts; `bias` is that of the linear maps."""
        super().__init__()
        backend = SimpleBackend if backend is None else backend
        self.ln_1 = LayerNorm1d(n_embd, ln_eps, backend)
        self.ln_2 = LayerNorm1d(n_embd, ln_eps, backend)
        self.attention = MultiHeadAttention(
            n_embd, n_head, p_dropout=p_dropout, bias=bias, backend=backend
        )
        self.ff = FeedForward(n_embd, p_dropout=p_dropout, bias=bias, backend=backend)

    def forward(self, x: Tensor) -> Tensor:
        """Return y + ff(ln_2(y)) with y = x + attention(ln_1(x)).

        Shape:
            (batch, length, n_embd) → (batch, length, n_embd).
        """
        batch, length, n_embd = x.shape
        rows, whole = (batch * length, n_embd), (batch, length, n_embd)
        x = x + self.attention(self.ln_1(x.view(*rows)).view(*whole))
        out: Tensor = x + self.ff(self.ln_2(x.view(*rows)).view(*whole))
        return out


class DecoderLM(Module):
    """A language model: tokens to scores of the next token at each position.

    Attributes:
        n_vocab: The number of tokens.
        n_embd: The size of a token's vector.
        token_embeddings: The table of tokens.
        position_embeddings: The table of positions, which is learned.
        t_layer_1: The first of four layers; the others are `t_layer_2` to `t_layer_4`.
        dropout: The dropout of the sum of both embeddings.
        ln: The last normalisation.
        lm_head: The linear map to the scores; it has weights of its own.
    """

    def __init__(
        self,
        n_vocab: int,
        n_embd: int,
        n_head: int,
        n_positions: int,
        p_dropout: float = 0.1,
        ln_eps: float = 1e-5,
        bias: bool = True,
        backend: Backend | None = None,
    ) -> None:
        """Build embeddings, four layers, the last normalisation and the head.

        Args:
            n_vocab: The number of tokens.
            n_embd: The size of a token's vector.
            n_head: The number of heads.
            n_positions: The largest length of a sequence.
            p_dropout: The probability of dropout, in every part.
            ln_eps: The term of every normalisation.
            bias: True if the linear maps have a bias; every normalisation has one.
            backend: The backend of the parameters.
        """
        super().__init__()
        self.backend = SimpleBackend if backend is None else backend
        self.n_vocab = n_vocab
        self.n_embd = n_embd
        self.token_embeddings = Embedding(n_vocab, n_embd, self.backend)
        self.position_embeddings = Embedding(n_positions, n_embd, self.backend)
        self.t_layer_1 = TransformerLayer(n_embd, n_head, p_dropout, ln_eps, bias, self.backend)
        self.t_layer_2 = TransformerLayer(n_embd, n_head, p_dropout, ln_eps, bias, self.backend)
        self.t_layer_3 = TransformerLayer(n_embd, n_head, p_dropout, ln_eps, bias, self.backend)
        self.t_layer_4 = TransformerLayer(n_embd, n_head, p_dropout, ln_eps, bias, self.backend)
        self.dropout = Dropout(p_dropout)
        self.ln = LayerNorm1d(n_embd, ln_eps, self.backend)
        self.lm_head = Linear(n_embd, n_vocab, bias, self.backend)

    def forward(self, idx: Tensor) -> Tensor:
        """Return the scores of the next token at each position.

        Shape:
            tokens (batch, length) → (batch, length, n_vocab), with at most n_positions tokens.

        Raises:
            IndexError: A token is not from 0 to n_vocab - 1, or the sequence is too long.
        """
        batch, length = idx.shape
        positions = tensor([list(range(length))], self.backend)
        x = self.token_embeddings(idx) + self.position_embeddings(positions)
        x = self.dropout(x)
        for layer in (self.t_layer_1, self.t_layer_2, self.t_layer_3, self.t_layer_4):
            x = layer(x)
        rows = self.ln(x.view(batch * length, self.n_embd))
        scores: Tensor = self.lm_head(rows)
        return scores.view(batch, length, self.n_vocab)


__all__ = ["DecoderLM", "FeedForward", "MultiHeadAttention", "TransformerLayer"]
