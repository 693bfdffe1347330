"""Modules and parameters."""


class Module:
    def __init__(self):
        self._modules = {}
        self._parameters = {}
        self.training = True

    def modules(self):
        return list(self.__dict__["_modules"].values())

    def train(self):
        self.training = True
        for module in self.modules():
            module.train()

    def eval(self):
        self.training = False
        for module in self.modules():
            module.eval()

    def named_parameters(self):
        found = list(self._parameters.items())
        for name, module in self._modules.items():
            found += [(f"{name}.{inner}", p) for inner, p in module.named_parameters()]
        return found

    def parameters(self):
        return [p for _, p in self.named_parameters()]

    def add_parameter(self, k, v):
        self.__dict__["_parameters"][k] = val = Parameter(v, k)
        return val

    def __setattr__(self, key, val):
        if isinstance(val, Parameter):
            self.__dict__["_parameters"][key] = val
        elif isinstance(val, Module):
            self.__dict__["_modules"][key] = val
        else:
            super().__setattr__(key, val)

    def __getattr__(self, key):
        if key in self.__dict__["_parameters"]:
            return self.__dict__["_parameters"][key]
        if key in self.__dict__["_modules"]:
            return self.__dict__["_modules"][key]
        return None

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)


class Parameter:
    def __init__(self, x, name=None):
        self.name = name
        self.update(x)

    def update(self, x):
        self.value = x
        if hasattr(x, "requires_grad_"):
            x.requires_grad_(True)
            if self.name:
                x.name = self.name
