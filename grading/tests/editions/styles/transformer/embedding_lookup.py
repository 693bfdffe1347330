class Lookup(Function):
    @staticmethod
    def forward(ctx, ids, table):
        ctx.save_for_backward(ids, table)
        return made(table.to_numpy()[ids.to_numpy().astype(int)], table.backend)

    @staticmethod
    def backward(ctx, grad):
        ids, table = ctx.saved_values
        out = np.zeros(table.shape)
        np.add.at(out, ids.to_numpy().astype(int), grad.to_numpy())
        return ids.zeros(), made(out, table.backend)


class Embedding:
    def forward(self, x):
        return Lookup.apply(x, self.weights.value)
