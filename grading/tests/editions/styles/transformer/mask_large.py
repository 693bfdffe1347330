class MultiHeadAttention:
    def create_causal_mask(self, seq_len):
        return made(np.triu(np.full((1, 1, seq_len, seq_len), -1e9), 1), self.backend)
