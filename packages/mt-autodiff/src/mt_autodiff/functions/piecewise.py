"""Functions that choose between their operands, or whose formula has several pieces."""

from mt_autodiff.engine import Function, TensorContext
from mt_tensor import Backend, TensorData, operators


class Where(Function):
    r"""$z = x$ where the condition is not 0, else $y$; the gradient goes to the chosen operand."""

    @staticmethod
    def forward(
        ctx: TensorContext, condition: TensorData, a: TensorData, b: TensorData
    ) -> TensorData:
        truth = is_zero(ctx.backend, is_zero(ctx.backend, condition))
        ctx.save_for_backward(truth)
        return select(ctx.backend, truth, a, b)

    @staticmethod
    def backward(
        ctx: TensorContext, grad: TensorData
    ) -> tuple[TensorData | None, TensorData | None, TensorData | None]:
        (truth,) = ctx.saved_values
        backend = ctx.backend
        need_condition, need_a, need_b = ctx.needs_grad
        return (
            backend.zeros(grad.shape) if need_condition else None,
            backend.zip(operators.relu_back, truth, grad) if need_a else None,
            backend.zip(operators.relu_back, is_zero(backend, truth), grad) if need_b else None,
        )


class Abs(Function):
    r"""$z = |x|$, $\partial z / \partial x$ is the sign of $x$: 0 at 0."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        ctx.save_for_backward(a)
        larger = ctx.backend.zip(operators.max, a, ctx.backend.map(operators.neg, a))
        # The sum with 0 has no negative zero.
        return ctx.backend.zip(operators.add, larger, ctx.backend.full((), 0.0))

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (a,) = ctx.saved_values
        return ctx.backend.zip(operators.mul, _sign(ctx, a), grad)


class Sign(Function):
    r"""$z = 1$ for a positive number, -1 for a negative one, else 0; its gradient is 0."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        return _sign(ctx, a)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        return ctx.backend.zeros(grad.shape)


def _sign(ctx: TensorContext, a: TensorData) -> TensorData:
    zero = ctx.backend.full((), 0.0)
    below = ctx.backend.zip(operators.lt, a, zero)
    above = ctx.backend.zip(operators.lt, zero, a)
    return ctx.backend.zip(operators.add, above, ctx.backend.map(operators.neg, below))


class Maximum(Function):
    r"""$z = \max(x, y)$; the larger operand has the gradient, each a half where they are equal.

    NaN is larger than every number.
    """

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, b: TensorData) -> TensorData:
        ctx.save_for_backward(a, b)
        return ctx.backend.zip(operators.max, a, b)

    @staticmethod
    def backward(
        ctx: TensorContext, grad: TensorData
    ) -> tuple[TensorData | None, TensorData | None]:
        a, b = ctx.saved_values
        backend = ctx.backend
        half = backend.zip(operators.mul, backend.zip(operators.eq, a, b), backend.full((), 0.5))

        def share(low: TensorData, high: TensorData) -> TensorData:
            weight = backend.zip(operators.add, backend.zip(operators.lt, low, high), half)
            return backend.zip(operators.mul, weight, grad)

        need_a, need_b = ctx.needs_grad
        return share(b, a) if need_a else None, share(a, b) if need_b else None


class Floor(Function):
    r"""$z = \lfloor x \rfloor$, the largest whole number that is not above x; its gradient is 0."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        return ctx.backend.map(operators.floor, a)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        return ctx.backend.zeros(grad.shape)


class Mod(Function):
    r"""$z = x - y \lfloor x / y \rfloor$: the remainder, which has the sign of $y$.

    $\partial z / \partial x = 1$, $\partial z / \partial y = -\lfloor x / y \rfloor$.
    """

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, b: TensorData) -> TensorData:
        out = ctx.backend.zip(operators.mod, a, b)
        ctx.save_for_backward(a, b, out)
        return out

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> tuple[TensorData, TensorData | None]:
        a, b, out = ctx.saved_values
        if not ctx.needs_grad[1]:
            return grad, None
        # (out - a) / b is minus the quotient.
        difference = ctx.backend.zip(operators.add, out, ctx.backend.map(operators.neg, a))
        slope = ctx.backend.zip(operators.div, difference, b)
        return grad, ctx.backend.zip(operators.mul, slope, grad)


def is_zero(backend: Backend, a: TensorData) -> TensorData:
    """Return 1 where an element is 0, else 0: the negation of a truth value."""
    return backend.zip(operators.eq, a, backend.full((), 0.0))


def select(backend: Backend, truth: TensorData, a: TensorData, b: TensorData) -> TensorData:
    """Return the elements of a where a truth value is 1, those of b where it is 0.

    `relu_back` selects. A product would turn infinite elements that are not selected into NaN.
    """
    return backend.zip(
        operators.add,
        backend.zip(operators.relu_back, truth, a),
        backend.zip(operators.relu_back, is_zero(backend, truth), b),
    )
