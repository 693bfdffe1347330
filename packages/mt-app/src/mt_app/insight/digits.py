"""Explanation of a LeNet's prediction: outputs of the layers, gradient of the pixels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_app.insight.computing import COMPUTING
from mt_app.insight.networks import DigitReader
from mt_autodiff import Tensor, tensor
from mt_models.networks import CourseLeNet, LeNet5
from mt_nn import Module, logsoftmax

Array = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class LayerResult:
    """The output of one layer.

    Attributes:
        name: The layer's name in the network, or its operation.
        does: A description of the layer.
        values: The output for the image, without the batch dimension.
        parameters: The number of trained parameters.
    """

    name: str
    does: str
    values: Array
    parameters: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values."""
        return self.values.shape


@dataclass(frozen=True, slots=True, eq=False)
class DigitInsight:
    """The explanation of a network's prediction for a digit.

    Attributes:
        image: The input image, (28, 28), uint8.
        probabilities: The probability of each class, (classes,).
        layers: The outputs of the layers, in order.
        relevance: The gradient of the winner's score with respect to each pixel, (28, 28).
    """

    image: npt.NDArray[np.uint8]
    probabilities: Array
    layers: tuple[LayerResult, ...]
    relevance: Array

    @property
    def answer(self) -> int:
        """The most probable class, as its index."""
        return int(self.probabilities.argmax())

    def layer(self, name: str) -> LayerResult:
        """Return a layer's result by its name."""
        return next(layer for layer in self.layers if layer.name == name)


def explain_digit(reader: DigitReader, image: npt.NDArray[np.uint8]) -> DigitInsight:
    """Run an image through a network layer by layer, forward and backward.

    Args:
        reader: The network.
        image: The image in MNIST's format, 0 is background.

    Shape:
        (28, 28).
    """
    pixels = image[None, None] / reader.backend.dtype.type(255)
    with COMPUTING:
        x = tensor(pixels, reader.backend, requires_grad=True)
        steps = _steps(reader.network, x)
        layers = [step.result() for step in steps]
        probabilities = np.exp(layers[-1].values)
        winner = int(probabilities.argmax())
        # The gradient of the score: that of a probability near 1 is lost in rounding.
        steps[-2].values[:, winner : winner + 1].sum().backward()
        assert x.grad is not None
        relevance = x.grad.to_numpy()[0, 0]
    return DigitInsight(image, probabilities, tuple(layers), relevance)


def scores(reader: DigitReader, images: Tensor) -> Tensor:
    """Return the score of each class, the input of the softmax.

    Shape:
        (N, 1, 28, 28) → (N, classes).
    """
    return _steps(reader.network, images)[-2].values


def first_kernels(reader: DigitReader) -> Array:
    """Return the kernels of the first convolution.

    Shape:
        (kernels, height, width).
    """
    kernels: Array = reader.network.conv1.weight.value.to_numpy()[:, 0]
    return kernels


def second_kernels(reader: DigitReader) -> Array:
    """Return the kernels of the second convolution.

    Shape:
        (kernels, channels, height, width).
    """
    kernels: Array = reader.network.conv2.weight.value.to_numpy()
    return kernels


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A layer and its output with history."""

    name: str
    does: str
    values: Tensor
    layer: Module | None = None

    def result(self) -> LayerResult:
        parameters = () if self.layer is None else self.layer.parameters()
        count = sum(parameter.value.size for parameter in parameters)
        return LayerResult(self.name, self.does, self.values.to_numpy()[0], count)


def _steps(network: CourseLeNet | LeNet5, images: Tensor) -> list[_Step]:
    """Run the network's layers as its `forward` does, and return all outputs."""
    steps = [_Step("image", "the input of the network", images)]

    def keep(name: str, does: str, x: Tensor, layer: Module | None = None) -> Tensor:
        steps.append(_Step(name, does, x, layer))
        return x

    if isinstance(network, CourseLeNet):
        x = keep("mid", "convolution 3 × 3, ReLU", network.conv1(images), network.conv1)
        x = keep("out", "convolution 3 × 3, ReLU", network.conv2(x), network.conv2)
        x = keep("pool", "average of 4 × 4", network.pool(x))
        x = keep("hidden", "linear, ReLU", network.hidden(x.view(-1, 392)), network.hidden)
    else:
        x = keep("mid", "convolution 5 × 5, ReLU", network.conv1(images), network.conv1)
        x = keep("pool 1", "maximum of 2 × 2", network.pool(x))
        x = keep("out", "convolution 5 × 5, ReLU", network.conv2(x), network.conv2)
        x = keep("pool 2", "maximum of 2 × 2", network.pool(x))
        x = keep("hidden 1", "linear, ReLU", network.hidden1(x.view(-1, 400)), network.hidden1)
        x = keep("hidden 2", "linear, ReLU", network.hidden2(x), network.hidden2)
    x = keep("scores", "linear", network.output(x), network.output)
    keep("answer", "logarithm of the softmax", logsoftmax(x, dim=1))
    return steps
