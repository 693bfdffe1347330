class DecoderLM:
    def forward(self, idx):
        bs, seq = idx.shape
        table = self.position_embeddings.weights.value
        rows = made(np.eye(seq, table.shape[0]), self.backend)
        x = self.token_embeddings(idx) + (rows @ table).view(1, seq, self.n_embd)
        x = self.t_layer_2(self.t_layer_1(self.dropout(x)))
        x = self.t_layer_4(self.t_layer_3(x))
        return self.lm_head(self.ln(x.view(bs * seq, self.n_embd))).view(bs, seq, self.n_vocab)
