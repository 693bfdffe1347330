"""Variables that remember how they were made, and backpropagation through them."""

variable_count = 1


def wrap_tuple(x):
    return x if isinstance(x, tuple) else (x,)


def unwrap_tuple(x):
    return x[0] if len(x) == 1 else x


class Variable:
    def __init__(self, history, name=None):
        global variable_count
        assert history is None or isinstance(history, History), history
        self.history = history
        self._derivative = None
        self.unique_id = "Variable" + str(variable_count)
        variable_count += 1
        self.name = name if name is not None else self.unique_id
        self.used = 0

    def requires_grad_(self, val):
        # As the course publishes it: whatever is asked for, a derivative is wanted.
        self.history = History()

    def backward(self, d_output=None):
        if d_output is None:
            d_output = 1.0
        backpropagate(self, d_output)

    @property
    def derivative(self):
        return self._derivative

    def is_leaf(self):
        return self.history.last_fn is None

    def accumulate_derivative(self, val):
        assert self.is_leaf(), "Only leaf variables can have derivatives."
        if self._derivative is None:
            self._derivative = self.zeros()
        self._derivative += val

    def zero_derivative_(self):
        self._derivative = self.zeros()

    def zero_grad_(self):
        self.zero_derivative_()

    def expand(self, x):
        return x

    def zeros(self):
        return 0.0

    def __radd__(self, b):
        return self + b

    def __rmul__(self, b):
        return self * b


class Context:
    def __init__(self, no_grad=False):
        self._saved_values = None
        self.no_grad = no_grad

    def save_for_backward(self, *values):
        if not self.no_grad:
            self._saved_values = values

    @property
    def saved_values(self):
        assert not self.no_grad, "Doesn't require grad"
        assert self._saved_values is not None, "Did you forget to save values?"
        return unwrap_tuple(self._saved_values)

    @property
    def saved_tensors(self):
        return self.saved_values


class History:
    def __init__(self, last_fn=None, ctx=None, inputs=None):
        self.last_fn = last_fn
        self.ctx = ctx
        self.inputs = inputs

    def is_leaf(self):
        return self.last_fn is None

    def backprop_step(self, d_output):
        return self.last_fn.chain_rule(self.ctx, self.inputs, d_output)


class FunctionBase:
    @staticmethod
    def variable(raw, history):
        raise ValueError("a subclass makes the variable")

    @classmethod
    def apply(cls, *vals):
        raw_vals = []
        need_grad = False
        for v in vals:
            if isinstance(v, Variable):
                need_grad = need_grad or v.history is not None
                v.used += 1
                raw_vals.append(v.get_data())
            else:
                raw_vals.append(v)
        ctx = Context(not need_grad)
        c = cls.forward(ctx, *raw_vals)
        assert isinstance(c, cls.data_type), f"Expected return type {cls.data_type} got {type(c)}"
        back = History(cls, ctx, vals) if need_grad else None
        return cls.variable(cls.data(c), back)

    @classmethod
    def chain_rule(cls, ctx, inputs, d_output):
        parts = wrap_tuple(cls.backward(ctx, d_output))
        # Dimensions and orders stand behind the tensors and have no derivative.
        return [
            (variable, variable.expand(part))
            for variable, part in zip(inputs, parts)  # noqa: B905
            if not is_constant(variable)
        ]


def is_leaf(val):
    return isinstance(val, Variable) and val.history.is_leaf()


def is_constant(val):
    return not isinstance(val, Variable) or val.history is None


def topological_sort(variable):
    order, seen = [], set()

    def visit(v):
        if is_constant(v) or v.unique_id in seen:
            return
        seen.add(v.unique_id)
        if not v.is_leaf():
            for parent in v.history.inputs:
                visit(parent)
        order.append(v)

    visit(variable)
    return order[::-1]


def backpropagate(variable, deriv):
    derivatives = {variable.unique_id: deriv}
    for v in topological_sort(variable):
        d = derivatives.get(v.unique_id)
        if d is None:
            continue
        if v.is_leaf():
            v.accumulate_derivative(d)
            continue
        for parent, part in v.history.backprop_step(d):
            key = parent.unique_id
            derivatives[key] = derivatives[key] + part if key in derivatives else part
