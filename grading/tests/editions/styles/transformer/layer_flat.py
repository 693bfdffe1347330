class TransformerLayer:
    def forward(self, x):
        shape = x.shape
        rows = (shape[0] * shape[1], shape[2])
        flat = x.contiguous().view(*rows)
        flat = flat + self.attention(self.ln_1(flat).view(*shape)).contiguous().view(*rows)
        flat = flat + self.ff(self.ln_2(flat).view(*shape)).contiguous().view(*rows)
        return flat.view(*shape)
