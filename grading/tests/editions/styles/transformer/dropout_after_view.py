class FeedForward:
    def forward(self, x):
        bs, seq, n = x.shape
        hidden = GELU(self.linear_in(x.contiguous().view(bs * seq, n)))
        return self.dropout(self.linear_out(hidden).view(bs, seq, n))
