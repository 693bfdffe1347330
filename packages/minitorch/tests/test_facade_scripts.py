"""Scripts of learners: networks made of parameters, and training loops.

Each network learns something small, with the names of `minitorch` alone.
"""

import random
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import Module, Parameter, Tensor, TensorBackend


def random_parameter(*shape: int, backend: TensorBackend, scale: float = 2.0) -> Parameter:
    return Parameter(scale * (minitorch.rand(shape, backend=backend) - 0.5))


# Scalars (1.5)


class ScalarLinear(Module):
    """A layer with one named parameter for each weight."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weights: list[list[Parameter]] = []
        self.biases: list[Parameter] = []
        for i in range(inputs):
            self.weights.append([])
            for j in range(outputs):
                start = minitorch.Scalar(2 * (random.random() - 0.5))
                self.weights[i].append(self.add_parameter(f"weight_{i}_{j}", start))
        for j in range(outputs):
            start = minitorch.Scalar(2 * (random.random() - 0.5))
            self.biases.append(self.add_parameter(f"bias_{j}", start))

    def forward(self, xs: Any) -> list[Any]:
        sums = [bias.value for bias in self.biases]
        for i, x in enumerate(xs):
            for j in range(len(sums)):
                sums[j] = sums[j] + x * self.weights[i][j].value
        return sums


class ScalarNetwork(Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.layer1 = ScalarLinear(2, hidden)
        self.layer2 = ScalarLinear(hidden, 1)

    def forward(self, xs: Any) -> Any:
        middle = [h.relu() for h in self.layer1.forward(xs)]
        return self.layer2.forward(middle)[0].sigmoid()


def test_scalar_network() -> None:
    points = minitorch.datasets["Simple"](20)
    model = ScalarNetwork(2)
    assert len(model.parameters()) == 9
    optimizer = minitorch.SGD(model.parameters(), 0.5)
    losses = []
    for _ in range(40):
        total = 0.0
        optimizer.zero_grad()
        for (x1, x2), label in zip(points.X, points.y, strict=True):
            out = model.forward((minitorch.Scalar(x1), minitorch.Scalar(x2)))
            right = out if label == 1 else -out + 1.0
            loss = -right.log()
            (loss / points.N).backward()
            total += loss.data
        optimizer.step()
        losses.append(total)
    assert losses[-1] < 0.7 * losses[0]


# Tensors (2.5, 3.5)


class SummedLinear(Module):
    """A linear layer computed by broadcasting and a sum, without matrix multiplication."""

    def __init__(self, inputs: int, outputs: int, backend: TensorBackend) -> None:
        super().__init__()
        self.weights = random_parameter(inputs, outputs, backend=backend)
        self.bias = random_parameter(outputs, backend=backend)
        self.outputs = outputs

    def forward(self, x: Any) -> Any:
        batch, inputs = x.shape
        weights = self.weights.value.view(1, inputs, self.outputs)
        product = (weights * x.view(batch, inputs, 1)).sum(1)
        return product.view(batch, self.outputs) + self.bias.value.view(self.outputs)


class Linear(Module):
    def __init__(
        self, inputs: int, outputs: int, backend: TensorBackend, scale: float = 2.0
    ) -> None:
        super().__init__()
        self.weights = random_parameter(inputs, outputs, backend=backend, scale=scale)
        start = minitorch.zeros((outputs,), backend=backend)
        self.bias = Parameter(start + 0.1 * (minitorch.rand((outputs,), backend=backend) - 0.5))
        self.outputs = outputs

    def forward(self, x: Any) -> Any:
        batch, inputs = x.shape
        product = x.view(batch, inputs) @ self.weights.value.view(inputs, self.outputs)
        return product.view(batch, self.outputs) + self.bias.value


class Network(Module):
    def __init__(self, linear: type[Module], hidden: int, backend: TensorBackend) -> None:
        super().__init__()
        self.layer1 = linear(2, hidden, backend)  # type: ignore[call-arg]
        self.layer2 = linear(hidden, hidden, backend)  # type: ignore[call-arg]
        self.layer3 = linear(hidden, 1, backend)  # type: ignore[call-arg]

    def forward(self, x: Any) -> Any:
        middle = self.layer1.forward(x).relu()
        return self.layer3.forward(self.layer2.forward(middle).relu()).sigmoid()


@pytest.mark.parametrize("linear", [SummedLinear, Linear])
def test_tensor_network(backend: TensorBackend, linear: type[Module]) -> None:
    points = minitorch.datasets["Diag"](20)
    model = Network(linear, 4, backend)
    optimizer = minitorch.SGD(model.parameters(), lr=0.5)
    x = minitorch.tensor(points.X, backend=backend)
    y = minitorch.tensor(points.y, backend=backend)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        out = model.forward(x).view(points.N)
        prob = (out * y) + (out - 1.0) * (y - 1.0)
        loss = -prob.log()
        (loss / points.N).sum().view(1).backward()
        losses.append(loss.sum().view(1)[0])
        optimizer.step()
    assert losses[-1] < losses[0]
    assert 0 <= int(((out.detach() > 0.5) == y).sum()[0]) <= points.N
    probability = model.forward(minitorch.tensor([[0.1, 0.2]], backend=backend))[0, 0]
    assert 0.0 < probability < 1.0


# Images (4.5)


class Conv2d(Module):
    def __init__(self, channels: int, outputs: int, side: int, backend: TensorBackend) -> None:
        super().__init__()
        self.weights = random_parameter(outputs, channels, side, side, backend=backend, scale=1.0)
        self.bias = random_parameter(outputs, 1, 1, backend=backend, scale=0.5)

    def forward(self, x: Any) -> Any:
        return minitorch.conv2d(x, self.weights.value) + self.bias.value


class ImageNetwork(Module):
    """Two convolutions, pooling, two linear layers, dropout: the course's LeNet, smaller."""

    def __init__(self, classes: int, backend: TensorBackend) -> None:
        super().__init__()
        self.mid: Any = None
        self.out: Any = None
        self.conv1 = Conv2d(1, 2, 3, backend)
        self.conv2 = Conv2d(2, 3, 3, backend)
        self.linear1 = Linear(12, 8, backend)
        self.linear2 = Linear(8, classes, backend)

    def forward(self, x: Any) -> Any:
        self.mid = self.conv1(x).relu()
        self.out = self.conv2(self.mid).relu()
        pooled = minitorch.avgpool2d(self.out, (4, 4))
        flat = pooled.view(x.shape[0], 12)
        hidden = minitorch.dropout(self.linear1(flat).relu(), 0.25, not self.training)
        return minitorch.logsoftmax(self.linear2(hidden), dim=1)


def _bars(count: int) -> tuple[list[Any], list[list[float]]]:
    """Images of 8 × 8 with a bar at the left, or with one at the bottom."""
    images, labels = [], []
    for i in range(count):
        image = [[0.1 * random.random() for _ in range(8)] for _ in range(8)]
        for k in range(8):
            image[k if i % 2 else 6][1 if i % 2 else k] = 1.0
        images.append(image)
        labels.append([1.0, 0.0] if i % 2 else [0.0, 1.0])
    return images, labels


def test_image_network(backend: TensorBackend) -> None:
    model = ImageNetwork(2, backend)
    images, labels = _bars(4)
    x = minitorch.tensor(images, backend=backend).view(4, 1, 8, 8)
    y = minitorch.tensor(labels, backend=backend)
    x.requires_grad_(True)
    y.requires_grad_(True)

    def loss_of(out: Any) -> Any:
        return -((out * y).sum(1) / 4).sum()

    model.eval()
    before = loss_of(model.forward(x).view(4, 2))[0]
    model.train()
    optimizer = minitorch.SGD(model.parameters(), lr=0.5)
    for _ in range(20):
        optimizer.zero_grad()
        loss = loss_of(model.forward(x).view(4, 2))
        assert loss.backend == backend
        loss.view(1).backward()
        optimizer.step()
    model.eval()
    out = model.forward(x)
    assert loss_of(out)[0] < 0.8 * before
    assert model.mid.shape == (4, 2, 8, 8) and model.out.shape == (4, 3, 8, 8)
    assert (minitorch.argmax(out.detach(), 1) * y).sum().item() >= 3.0


# Sentences (4.5)


class Conv1d(Module):
    def __init__(self, channels: int, outputs: int, width: int, backend: TensorBackend) -> None:
        super().__init__()
        self.weights = random_parameter(outputs, channels, width, backend=backend, scale=0.5)
        self.bias = random_parameter(1, outputs, 1, backend=backend, scale=0.5)

    def forward(self, x: Any) -> Any:
        return minitorch.conv1d(x, self.weights.value) + self.bias.value


class SentenceNetwork(Module):
    """Convolutions of three widths over word vectors, and the maximum over time of each."""

    def __init__(self, size: int, maps: int, backend: TensorBackend) -> None:
        super().__init__()
        self.maps = maps
        self.conv1 = Conv1d(size, maps, 2, backend)
        self.conv2 = Conv1d(size, maps, 3, backend)
        self.conv3 = Conv1d(size, maps, 4, backend)
        self.linear = Linear(maps, 1, backend, scale=1.0)

    def forward(self, embeddings: Any) -> Any:
        words = embeddings.permute(0, 2, 1)
        features = [c.forward(words).relu() for c in (self.conv1, self.conv2, self.conv3)]
        strongest = [minitorch.max(f, dim=2) for f in features]
        total = strongest[0] + strongest[1] + strongest[2]
        out = self.linear(total.view(embeddings.shape[0], self.maps))
        out = minitorch.dropout(out, 0.1, not self.training)
        return out.sigmoid().view(embeddings.shape[0])


def test_sentence_network(backend: TensorBackend) -> None:
    model = SentenceNetwork(3, 4, backend)
    labels = [0.0, 1.0] * 4
    sentences = [
        [[random.random() + 2 * label * (word == 2) for _ in range(3)] for word in range(6)]
        for label in labels
    ]
    optimizer = minitorch.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        x = minitorch.tensor(sentences, backend=backend)
        y = minitorch.tensor(labels, backend=backend)
        x.requires_grad_(True)
        y.requires_grad_(True)
        out = model.forward(x)
        prob = (out * y) + (out - 1.0) * (y - 1.0)
        loss = -(prob.log() / y.shape[0]).sum()
        loss.view(1).backward()
        losses.append(loss[0])
        optimizer.step()
    assert min(losses[-3:]) < 0.9 * losses[0]


# Equal results


def test_training_loops_need_no_zero_grad() -> None:
    """A step removes gradients, so a loop without `zero_grad` gives the same result."""
    ends = []
    for clears in (False, True):
        weight = Parameter(minitorch.tensor([1.0, -2.0]))
        optimizer = minitorch.SGD([weight], lr=0.1)
        for _ in range(3):
            if clears:
                optimizer.zero_grad()
            (weight.value * weight.value).sum().backward()
            optimizer.step()
        ends.append(weight.value.to_numpy().tolist())
    assert ends[0] == ends[1]


def test_backends_train_to_the_same_weights() -> None:
    ends = []
    for backend in (minitorch.SimpleBackend, TensorBackend(minitorch.FastOps)):
        random.seed(4)
        model = Network(Linear, 3, backend)
        optimizer = minitorch.SGD(model.parameters(), lr=0.5)
        x = minitorch.tensor([[0.1, 0.9], [0.8, 0.3]], backend=backend)
        for _ in range(3):
            model.forward(x).log().sum().view(1).backward()
            optimizer.step()
        values: list[Tensor] = [p.value for p in model.parameters()]
        ends.append(np.concatenate([value.to_numpy().reshape(-1) for value in values]))
    np.testing.assert_allclose(*ends)
