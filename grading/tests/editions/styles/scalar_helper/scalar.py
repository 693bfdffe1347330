def _applied(function, *operands):
    return function.apply(*operands)


class Scalar:
    __add__ = lambda self, b: _applied(Add, self, b)
    __lt__ = lambda self, b: _applied(LT, self, b)
    __gt__ = lambda self, b: _applied(LT, b, self)
    __eq__ = lambda self, b: _applied(EQ, self, b)
    __neg__ = lambda self: _applied(Neg, self)

    def __sub__(self, other):
        return self + (-other)

    def chain_rule(self, d_output):
        history = self.history
        derivatives = history.last_fn.backward(history.ctx, d_output)
        if not isinstance(derivatives, tuple):
            derivatives = [derivatives]
        for variable, derivative in zip(history.inputs, derivatives):
            if not variable.is_constant():
                yield variable, derivative
