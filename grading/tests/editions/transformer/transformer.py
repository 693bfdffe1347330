"""A transformer."""

import numpy as np

from .module import Module
from .modules_basic import Dropout, Embedding, LayerNorm1d, Linear, made
from .nn import GELU, softmax


class MultiHeadAttention(Module):
    def __init__(self, n_embd, n_head, causal=True, p_dropout=0.1, bias=True, backend=None):
        super().__init__()
        self.backend, self.n_embd, self.n_head, self.causal = backend, n_embd, n_head, causal
        self.attn_hidden_dim = n_embd // n_head
        self.q_projection = Linear(n_embd, n_embd, bias, backend)
        self.k_projection = Linear(n_embd, n_embd, bias, backend)
        self.v_projection = Linear(n_embd, n_embd, bias, backend)
        self.out_projection = Linear(n_embd, n_embd, bias, backend)
        self.dropout = Dropout(p_dropout)

    def create_causal_mask(self, seq_len):
        mask = -np.finfo(np.float32).max * np.triu(np.ones((1, 1, seq_len, seq_len)), 1)
        return made(mask, self.backend)

    def project_to_query_key_value(self, x):
        bs, seq, n = x.shape
        x = x.view(bs * seq, n)

        def heads(layer):
            return layer(x).view(bs, seq, self.n_head, self.attn_hidden_dim).permute(0, 2, 1, 3)

        q, k, v = heads(self.q_projection), heads(self.k_projection), heads(self.v_projection)
        return q, k.permute(0, 1, 3, 2), v

    def self_attention(self, q, kT, v):
        bs, heads, seq, size = q.shape
        scores = (q @ kT) * (1.0 / size**0.5)
        if self.causal:
            scores = scores + self.create_causal_mask(seq)
        result = softmax(scores, 3) @ v
        return result.permute(0, 2, 1, 3).contiguous().view(bs, seq, heads * size)

    def forward(self, x):
        bs, seq, n = x.shape
        inner = self.self_attention(*self.project_to_query_key_value(x))
        return self.dropout(self.out_projection(inner.view(bs * seq, n)).view(bs, seq, n))


class FeedForward(Module):
    def __init__(self, n_embd, middle_dim=256, p_dropout=0.1, bias=True, backend=None):
        super().__init__()
        self.linear_in = Linear(n_embd, middle_dim, bias, backend)
        self.linear_out = Linear(middle_dim, n_embd, bias, backend)
        self.dropout = Dropout(p_dropout)

    def forward(self, x):
        bs, seq, n = x.shape
        x = GELU(self.linear_in(x.contiguous().view(bs * seq, n)))
        return self.dropout(self.linear_out(x)).view(bs, seq, n)


class TransformerLayer(Module):
    def __init__(self, n_embd, n_head, p_dropout=0.1, ln_eps=1e-5, bias=True, backend=None):
        super().__init__()
        self.ln_1 = LayerNorm1d(n_embd, ln_eps, backend)
        self.ln_2 = LayerNorm1d(n_embd, ln_eps, backend)
        self.attention = MultiHeadAttention(n_embd, n_head, True, p_dropout, bias, backend)
        self.ff = FeedForward(n_embd, 256, p_dropout, bias, backend)

    def forward(self, x):
        bs, seq, n = x.shape

        def normal(layer, x):
            return layer(x.contiguous().view(bs * seq, n)).view(bs, seq, n)

        x = x + self.attention(normal(self.ln_1, x))
        return x + self.ff(normal(self.ln_2, x))


class DecoderLM(Module):
    def __init__(
        self,
        n_vocab,
        n_embd,
        n_head,
        n_positions,
        p_dropout=0.1,
        ln_eps=1e-5,
        bias=True,
        backend=None,
    ):
        super().__init__()
        self.backend, self.n_embd, self.n_vocab = backend, n_embd, n_vocab
        self.token_embeddings = Embedding(n_vocab, n_embd, backend)
        self.position_embeddings = Embedding(n_positions, n_embd, backend)
        for number in (1, 2, 3, 4):
            layer = TransformerLayer(n_embd, n_head, p_dropout, ln_eps, bias, backend)
            setattr(self, f"t_layer_{number}", layer)
        self.dropout = Dropout(p_dropout)
        self.ln = LayerNorm1d(n_embd, ln_eps, backend)
        self.lm_head = Linear(n_embd, n_vocab, bias, backend)

    def forward(self, idx):
        bs, seq = idx.shape
        places = made(np.arange(seq).reshape(1, seq), self.backend)
        x = self.dropout(self.token_embeddings(idx) + self.position_embeddings(places))
        for number in (1, 2, 3, 4):
            x = getattr(self, f"t_layer_{number}")(x)
        x = self.ln(x.contiguous().view(bs * seq, self.n_embd))
        return self.lm_head(x).view(bs, seq, self.n_vocab)
