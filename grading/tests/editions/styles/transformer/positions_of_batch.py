class DecoderLM:
    def forward(self, idx):
        bs, seq = idx.shape
        positions = made(np.tile(np.arange(seq), (bs, 1)), self.backend)
        x = self.position_embeddings(positions) + self.token_embeddings(idx)
        x = self.dropout(x)
        for layer in [self.t_layer_1, self.t_layer_2, self.t_layer_3, self.t_layer_4]:
            x = layer(x)
        x = self.ln(x.view(bs * seq, self.n_embd))
        return self.lm_head(x).view(bs, seq, self.n_vocab)
