class MultiHeadAttention:
    def create_causal_mask(self, seq_len):
        mask = np.zeros((1, 1, seq_len, seq_len))
        mask[0, 0][np.triu_indices(seq_len, 1)] = -np.inf
        return made(mask, self.backend)
