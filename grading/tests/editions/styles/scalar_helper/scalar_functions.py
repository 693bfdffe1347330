class Mul(ScalarFunction):
    @staticmethod
    def forward(ctx, *factors):
        ctx.factors = factors
        return operators.prod(factors)

    @staticmethod
    def backward(ctx, d_output):
        return tuple(d_output * other for other in ctx.factors[::-1])


class Neg(ScalarFunction):
    @staticmethod
    def forward(ctx, x):
        return 0.0 - x

    @classmethod
    def backward(cls, ctx, d):
        return (cls.forward(ctx, d),)


class Exp(ScalarFunction):
    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return operators.exp(x)

    @staticmethod
    def backward(context, d):
        return operators.exp(*context.saved_values) * d


class Sigmoid(ScalarFunction):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x, operators.sigmoid(x))
        return ctx.saved_values[1]

    @staticmethod
    def backward(ctx, d):
        return operators.prod([d, ctx.saved_values[1], operators.sigmoid(-ctx.saved_values[0])])


class ReLU(ScalarFunction):
    @staticmethod
    def forward(ctx, x):
        ctx.positive = x > 0
        return x if ctx.positive else 0.0

    @staticmethod
    def backward(ctx, d):
        return d * ctx.positive


class LT(ScalarFunction):
    @staticmethod
    def forward(ctx, a, b):
        return float(a < b)

    @staticmethod
    def backward(ctx, d_output):
        return (0.0,) * 2
