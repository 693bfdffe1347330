class SoftmaxLoss(Function):
    @staticmethod
    def forward(ctx, logits, target):
        z, y = logits.to_numpy(), target.to_numpy().astype(int)
        z = z - z.max(1, keepdims=True)
        total = np.exp(z).sum(1)
        gradient = np.exp(z) / total[:, None]
        rows = np.arange(len(y))
        gradient[rows, y] -= 1.0
        ctx.save_for_backward(gradient, target)
        losses = (np.log(total) - z[rows, y]).astype(logits._tensor._storage.dtype)
        return minitorch.Tensor.make(losses, losses.shape, backend=logits.backend)

    @staticmethod
    def backward(ctx, grad):
        gradient, target = ctx.saved_values
        array = gradient * grad.to_numpy()[:, None]
        array = np.ascontiguousarray(array, grad._tensor._storage.dtype)
        tensor = minitorch.Tensor.make(
            array.reshape(-1).copy(), array.shape, backend=grad.backend
        )
        return tensor, target.zeros()


def softmax_loss(logits, target):
    return SoftmaxLoss.apply(logits, target)
