class Module:
    def _below(self):
        left = [("", self)]
        while left:
            prefix, module = left.pop()
            yield prefix, module
            left.extend((f"{prefix}{name}.", child) for name, child in module._modules.items())

    def _switch(self, training):
        for _, module in self._below():
            module.training = training
        return self

    def train(self):
        return self._switch(True)

    def eval(self):
        return self._switch(False)

    def named_parameters(self):
        return {
            prefix + name: parameter
            for prefix, module in self._below()
            for name, parameter in module._parameters.items()
        }

    def parameters(self):
        return tuple(self.named_parameters().values())
