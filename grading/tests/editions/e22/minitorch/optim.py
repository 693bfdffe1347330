"""Gradient descent."""


class Optimizer:
    def __init__(self, parameters):
        self.parameters = parameters


class SGD(Optimizer):
    def __init__(self, parameters, lr=1.0):
        super().__init__(parameters)
        self.lr = lr

    def zero_grad(self):
        for p in self.parameters:
            for name in ("derivative", "grad"):
                if p.value is not None and getattr(p.value, name, None) is not None:
                    setattr(p.value, name, None)

    def step(self):
        for p in self.parameters:
            if getattr(p.value, "derivative", None) is not None:
                p.update(type(p.value)(p.value.data - self.lr * p.value.derivative))
            elif getattr(p.value, "grad", None) is not None:
                p.update(p.value - self.lr * p.value.grad)
