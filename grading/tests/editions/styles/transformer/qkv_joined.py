from .tensor_functions import Function


class Joined(Function):
    @staticmethod
    def forward(ctx, a, b, c):
        ctx.save_for_backward(a.shape[-1])
        return made(np.concatenate([each.to_numpy() for each in (a, b, c)], -1), a.backend)

    @staticmethod
    def backward(ctx, grad):
        (size,) = ctx.saved_values
        g = grad.to_numpy()
        return tuple(made(g[..., i * size : (i + 1) * size], grad.backend) for i in range(3))


class Part(Function):
    @staticmethod
    def forward(ctx, x, i):
        size = x.shape[-1] // 3
        start = int(i.item()) * size
        ctx.save_for_backward(x.shape, start, size)
        return made(x.to_numpy()[..., start : start + size], x.backend)

    @staticmethod
    def backward(ctx, grad):
        shape, start, size = ctx.saved_values
        whole = np.zeros(shape)
        whole[..., start : start + size] = grad.to_numpy()
        return made(whole, grad.backend), 0.0


class MultiHeadAttention:
    def project_to_query_key_value(self, x):
        bs, seq, n = x.shape
        maps = (self.q_projection, self.k_projection, self.v_projection)
        y = x.view(bs * seq, n) @ Joined.apply(*(each.weights.value for each in maps))
        if self.q_projection.bias is not None:
            y = y + Joined.apply(*(each.bias.value for each in maps)).view(1, 3 * n)
        parts = [Part.apply(y, made([i], x.backend)) for i in range(3)]
        q, k, v = (
            each.view(bs, seq, self.n_head, n // self.n_head).permute(0, 2, 1, 3) for each in parts
        )
        return q, k.permute(0, 1, 3, 2), v
