class MultiHeadAttention:
    def forward(self, x):
        bs, seq, n = x.shape
        q, kT, v = self.project_to_query_key_value(x)
        return self.out_projection(self.self_attention(q, kT, v).view(bs * seq, n)).view(bs, seq, n)
