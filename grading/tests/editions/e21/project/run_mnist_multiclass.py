"""Reading digits."""

from mnist import MNIST

import minitorch

mndata = MNIST("project/data/")
images, labels = mndata.load_training()

BACKEND = minitorch.make_tensor_backend(minitorch.FastOps)
BATCH = 16
C = 10
H, W = 28, 28


def RParam(*shape):
    return minitorch.Parameter(0.1 * (minitorch.rand(shape, backend=BACKEND) - 0.5))


class Linear(minitorch.Module):
    def __init__(self, in_size, out_size):
        super().__init__()
        self.weights = RParam(in_size, out_size)
        self.bias = RParam(out_size)
        self.out_size = out_size

    def forward(self, x):
        batch, in_size = x.shape
        out = x.view(batch, in_size) @ self.weights.value.view(in_size, self.out_size)
        return out.view(batch, self.out_size) + self.bias.value


class Conv2d(minitorch.Module):
    def __init__(self, in_channels, out_channels, kh, kw):
        super().__init__()
        self.weights = RParam(out_channels, in_channels, kh, kw)
        self.bias = RParam(out_channels, 1, 1)

    def forward(self, input):
        return minitorch.conv2d(input, self.weights.value) + self.bias.value


class Network(minitorch.Module):
    def __init__(self):
        super().__init__()
        self.mid = None
        self.out = None
        self.conv1 = Conv2d(1, 4, 3, 3)
        self.conv2 = Conv2d(4, 8, 3, 3)
        self.linear1 = Linear(392, 64)
        self.linear2 = Linear(64, C)

    def forward(self, x):
        self.mid = self.conv1(x).relu()
        self.out = self.conv2(self.mid).relu()
        h = minitorch.avgpool2d(minitorch.avgpool2d(self.out, (2, 2)), (2, 2))
        h = h.view(BATCH, 392)
        h = minitorch.dropout(self.linear1(h).relu(), 0.25, not self.training)
        return minitorch.logsoftmax(self.linear2(h), dim=1)


def make_mnist(start, stop):
    ys, X = [], []
    for i in range(start, stop):
        y = labels[i]
        ys.append([1.0 if y == j else 0.0 for j in range(C)])
        X.append([[images[i][h * W + w] / 255.0 for w in range(W)] for h in range(H)])
    return X, ys


class ImageTrain:
    def __init__(self):
        self.model = Network()

    def train(self, data_train, learning_rate, max_epochs=1):
        X, y = data_train
        optim = minitorch.SGD(self.model.parameters(), learning_rate)
        for epoch in range(1, max_epochs + 1):
            total = 0.0
            for start in range(0, len(X) - BATCH + 1, BATCH):
                optim.zero_grad()
                x = minitorch.tensor(X[start : start + BATCH], backend=BACKEND)
                t = minitorch.tensor(y[start : start + BATCH], backend=BACKEND)
                out = self.model.forward(x.view(BATCH, 1, H, W)).view(BATCH, C)
                prob = (out * t).sum(1)
                loss = -(prob / prob.shape[0]).sum()
                loss.view(1).backward()
                optim.step()
                total += loss[0]
            print(f"Epoch {epoch} loss {total} valid acc 0/{BATCH}")


if __name__ == "__main__":
    ImageTrain().train(make_mnist(0, 64), learning_rate=0.01)
