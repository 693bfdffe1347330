class Module:
    def train(self, mode=True):
        self.training = mode
        [child.train(mode) for child in self.__dict__["_modules"].values()]

    eval = lambda self: self.train(False)

    def named_parameters(self, prefix=""):
        pairs = []
        for name in self._modules:
            pairs.extend(self._modules[name].named_parameters(prefix + name + "."))
        pairs.extend((prefix + name, p) for name, p in self._parameters.items())
        return pairs

    def parameters(self):
        found = list(self._parameters.values())
        for module in self.modules():
            found.extend(module.parameters())
        return found
