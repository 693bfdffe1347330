import math


class MultiHeadAttention:
    def self_attention(self, q, kT, v):
        bs, heads, seq, size = q.shape
        scores = (q * (1.0 / math.sqrt(size))) @ kT
        if self.causal:
            scores = self.create_causal_mask(seq) + scores
        mixed = (softmax(scores, dim=3) @ v).permute(0, 2, 1, 3).contiguous()
        return mixed.view(bs, seq, self.n_embd)
