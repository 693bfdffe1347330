class Dropout:
    def forward(self, x):
        if not self.training or self.p_dropout == 0.0:
            return x
        kept = np.random.rand(*x.shape) >= self.p_dropout
        return x * made(kept / (1.0 - self.p_dropout), x.backend)
