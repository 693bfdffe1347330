"""Training on tensors."""

import minitorch


def RParam(*shape):
    return minitorch.Parameter(2 * (minitorch.rand(shape) - 0.5))


class Network(minitorch.Module):
    """Three layers; the first two end in relu, the last one in sigmoid."""

    def __init__(self, hidden_layers):
        super().__init__()
        self.layer1 = Layer(2, hidden_layers)
        self.layer2 = Layer(hidden_layers, hidden_layers)
        self.layer3 = Layer(hidden_layers, 1)

    def forward(self, x):
        """Compute a probability for each point."""
        x = self.layer1(x).relu()
        x = self.layer2(x).relu()
        return self.layer3(x).sigmoid()


class Layer(minitorch.Module):
    """A matrix and a bias."""

    def __init__(self, size_in, size_out):
        super().__init__()
        self.matrix = RParam(size_in, size_out)
        self.bias = RParam(size_out)
        self.sizes = size_in, size_out

    def forward(self, x):
        """Multiply by the matrix, row by row, and add the bias."""
        size_in, size_out = self.sizes
        products = x.view(x.shape[0], size_in, 1) * self.matrix.value.view(1, size_in, size_out)
        return products.sum(1).view(x.shape[0], size_out) + self.bias.value


class TensorTrain:
    def __init__(self, hidden_layers):
        self.hidden_layers = hidden_layers
        self.model = Network(hidden_layers)

    def run_one(self, x):
        return self.model.forward(minitorch.tensor([x]))

    def run_many(self, X):
        return self.model.forward(minitorch.tensor(X))

    def train(self, data, learning_rate, max_epochs=500):
        self.model = Network(self.hidden_layers)
        optim = minitorch.SGD(self.model.parameters(), learning_rate)
        X = minitorch.tensor(data.X)
        y = minitorch.tensor(data.y)
        for _ in range(max_epochs):
            optim.zero_grad()
            out = self.model.forward(X).view(data.N)
            prob = (out * y) + (out - 1.0) * (y - 1.0)
            loss = -prob.log()
            (loss / data.N).sum().view(1).backward()
            optim.step()


if __name__ == "__main__":
    TensorTrain(2).train(minitorch.datasets["Simple"](50), 0.5)
