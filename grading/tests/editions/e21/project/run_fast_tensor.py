"""Training on tensors."""

import datasets

import minitorch

BACKEND = minitorch.make_tensor_backend(minitorch.FastOps)


def RParam(*shape, backend):
    return minitorch.Parameter(2 * (minitorch.rand(shape, backend=backend) - 0.5))


class Network(minitorch.Module):
    def __init__(self, hidden, backend):
        super().__init__()
        self.layer1 = Linear(2, hidden, backend)
        self.layer2 = Linear(hidden, hidden, backend)
        self.layer3 = Linear(hidden, 1, backend)

    def forward(self, x):
        h = self.layer1.forward(x).relu()
        h = self.layer2.forward(h).relu()
        return self.layer3.forward(h).sigmoid()


class Linear(minitorch.Module):
    def __init__(self, in_size, out_size, backend):
        super().__init__()
        self.weights = RParam(in_size, out_size, backend=backend)
        self.bias = RParam(out_size, backend=backend)
        self.out_size = out_size

    def forward(self, x):
        return x @ self.weights.value + self.bias.value


class FastTrain:
    def __init__(self, hidden_layers, backend=BACKEND):
        self.hidden_layers = hidden_layers
        self.backend = backend
        self.model = Network(hidden_layers, backend)

    def run_many(self, X):
        return self.model.forward(minitorch.tensor(X, backend=BACKEND))

    def train(self, data, learning_rate, max_epochs=500):
        self.model = Network(self.hidden_layers, self.backend)
        optim = minitorch.SGD(self.model.parameters(), learning_rate)
        X = minitorch.tensor(data.X, backend=self.backend)
        y = minitorch.tensor(data.y, backend=self.backend)
        for _ in range(max_epochs):
            optim.zero_grad()
            out = self.model.forward(X).view(data.N)
            prob = (out * y) + (out - 1.0) * (y - 1.0)
            loss = -prob.log()
            (loss / data.N).sum().view(1).backward()
            optim.step()


if __name__ == "__main__":
    FastTrain(10).train(datasets.Simple(50), 0.5)
