class MultiHeadAttention:
    def self_attention(self, q, kT, v):
        bs, heads, seq, size = q.shape
        scores = (q @ kT) * size**-0.5
        if self.causal:
            scores = scores + self.create_causal_mask(seq)
        weights = self.dropout(softmax(scores, 3))
        return (weights @ v).permute(0, 2, 1, 3).contiguous().view(bs, seq, heads * size)

    def forward(self, x):
        bs, seq, n = x.shape
        inner = self.self_attention(*self.project_to_query_key_value(x))
        return self.out_projection(inner.view(bs * seq, n)).view(bs, seq, n)
