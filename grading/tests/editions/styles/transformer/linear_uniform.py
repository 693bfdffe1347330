class Linear:
    def __init__(self, in_size, out_size, bias, backend):
        super().__init__()
        self.in_size, self.out_size, self.has_bias = in_size, out_size, bias

        def uniform(*shape):
            bound = 1.0 / np.sqrt(in_size)
            return Parameter(made(np.random.uniform(-bound, bound, shape), backend))

        self.weights = uniform(in_size, out_size)
        if bias:
            self.bias = uniform(out_size)

    def forward(self, x):
        product = x @ self.weights.value
        return product + self.bias.value if self.has_bias else product
