class MultiHeadAttention:
    def self_attention(self, q, kT, v):
        bs, heads, seq, size = q.shape
        scores = (q @ kT) / size**0.5
        visible = np.tril(np.ones((1, 1, seq, seq))) if self.causal else np.ones((1, 1, seq, seq))
        visible = made(visible, self.backend)
        # Hidden scores become 0, so that the largest visible one decides.
        largest = (scores.to_numpy() + np.where(visible.to_numpy() > 0, 0.0, -1e9)).max(
            3, keepdims=True
        )
        shares = ((scores - made(largest, self.backend)) * visible).exp() * visible
        result = (shares / shares.sum(3)) @ v
        return result.permute(0, 2, 1, 3).contiguous().view(bs, seq, heads * size)
