"""Training on tensors."""

import minitorch

BACKEND = minitorch.TensorFunctions


def RParam(*shape):
    return minitorch.Parameter(2 * (minitorch.rand(shape, backend=BACKEND) - 0.5))


class Network(minitorch.Module):
    def __init__(self, hidden_layers):
        super().__init__()
        self.layer1 = Linear(2, hidden_layers)
        self.layer2 = Linear(hidden_layers, hidden_layers)
        self.layer3 = Linear(hidden_layers, 1)

    def forward(self, x):
        h = self.layer1.forward(x).relu()
        h = self.layer2.forward(h).relu()
        return self.layer3.forward(h).sigmoid()


class Linear(minitorch.Module):
    def __init__(self, in_size, out_size):
        super().__init__()
        self.weights = RParam(in_size, out_size)
        self.bias = RParam(out_size)
        self.out_size = out_size

    def forward(self, x):
        batch, in_size = x.shape
        wide = x.view(batch, in_size, 1) * self.weights.value.view(1, in_size, self.out_size)
        return wide.sum(1).view(batch, self.out_size) + self.bias.value


class TensorTrain:
    def __init__(self, hidden_layers):
        self.hidden_layers = hidden_layers
        self.model = Network(hidden_layers)

    def run_many(self, X):
        return self.model.forward(minitorch.tensor(X, backend=BACKEND))

    def train(self, data, learning_rate, max_epochs=500):
        self.model = Network(self.hidden_layers)
        optim = minitorch.SGD(self.model.parameters(), learning_rate)
        X = minitorch.tensor(data.X, backend=BACKEND)
        y = minitorch.tensor(data.y, backend=BACKEND)
        for _ in range(max_epochs):
            optim.zero_grad()
            out = self.model.forward(X).view(data.N)
            prob = (out * y) + (out - 1.0) * (y - 1.0)
            loss = -prob.log()
            (loss / data.N).sum().view(1).backward()
            optim.step()


if __name__ == "__main__":
    TensorTrain(2).train(minitorch.datasets["Simple"](50), 0.5)
