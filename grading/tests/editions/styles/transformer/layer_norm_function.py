class Normalise(Function):
    @staticmethod
    def forward(ctx, x, eps):
        row = x.to_numpy()
        root = np.sqrt(row.var(1, keepdims=True) + eps.item())
        normal = (row - row.mean(1, keepdims=True)) / root
        ctx.save_for_backward(normal, root)
        return made(normal, x.backend)

    @staticmethod
    def backward(ctx, grad):
        normal, root = ctx.saved_values
        g = grad.to_numpy()
        along = (g * normal).mean(1, keepdims=True)
        return made((g - g.mean(1, keepdims=True) - normal * along) / root, grad.backend), 0.0


class LayerNorm1d:
    def forward(self, x):
        normal = Normalise.apply(x, made([self.eps], x.backend))
        return normal * self.weights.value.view(1, self.dim) + self.bias.value.view(1, self.dim)
