class Mul(Function):
    @staticmethod
    def forward(ctx, *factors):
        ctx.save_for_backward(*factors)
        return factors[0].f.mul_zip(*factors)

    @staticmethod
    def backward(ctx, grad):
        return tuple(other * grad for other in reversed(ctx.saved_tensors))


class Sigmoid(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.f.sigmoid_map(x)

    @staticmethod
    def backward(ctx, grad):
        s = ctx.saved_values[0].sigmoid()
        return grad * s - grad * s * s


class ReLU(Function):
    @staticmethod
    def forward(ctx, x):
        positive = x > 0.0
        ctx.positive = positive
        return x.f.mul_zip(positive, x)

    @staticmethod
    def backward(ctx, grad):
        return ctx.positive * grad


class Log(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.f.log_map(x)

    @staticmethod
    def backward(ctx, grad):
        return grad / (ctx.saved_values[0] + operators.EPS)


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.f.exp_map(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_values
        return x.f.mul_zip(grad, x.f.exp_map(x))


class LT(Function):
    @staticmethod
    def forward(ctx, a, b):
        return a.f.lt_zip(a, b)

    @staticmethod
    def backward(ctx, grad):
        nothing = grad * 0.0
        return nothing, nothing


class EQ(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a.f.eq_zip(a, b)

    @staticmethod
    def backward(ctx, grad):
        return tuple(each.zeros() for each in ctx.saved_values)


class Permute(Function):
    @staticmethod
    def forward(ctx, a, order):
        ctx.order = order.to_numpy().astype(int)
        return a._new(a._tensor.permute(*ctx.order))

    @staticmethod
    def backward(ctx, grad):
        return grad._new(grad._tensor.permute(*np.argsort(ctx.order))), 0.0
