"""The windows of a LeNet's layers: the inputs that a value depends on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_app.insight.digits import DigitInsight
from mt_app.insight.networks import DigitReader
from mt_models.networks import CourseLeNet
from mt_nn import Conv2d

Array = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class WindowedLayer:
    """A layer whose value at row r and column c depends on a square window of its input.

    The window begins at row `stride` · r - `before` and column `stride` · c - `before`.

    Attributes:
        name: The name of the layer in the explanation of a digit.
        size: The number of rows and columns of the window.
        stride: The distance of neighbouring windows.
        before: The number of zeros before the input.
        weight: The kernels, (channels, input channels, size, size); None for a pooling, each
            channel of which depends on the same channel of its input.
        bias: The biases, (channels,); None for a pooling.
    """

    name: str
    size: int
    stride: int
    before: int
    weight: Array | None = None
    bias: Array | None = None


def windowed_layers(reader: DigitReader) -> tuple[WindowedLayer, ...]:
    """Return the layers with windows, in order; the input of the first is the image."""
    network = reader.network
    first, second = _convolution("mid", network.conv1), _convolution("out", network.conv2)
    if isinstance(network, CourseLeNet):
        return (first, second, WindowedLayer("pool", 4, 4, 0))
    return (first, WindowedLayer("pool 1", 2, 2, 0), second, WindowedLayer("pool 2", 2, 2, 0))


def _convolution(name: str, layer: Conv2d) -> WindowedLayer:
    before = 0 if isinstance(layer.padding, str) else layer.padding[0]
    weight = layer.weight.value.to_numpy()
    assert layer.bias is not None
    bias = layer.bias.value.to_numpy().reshape(-1)
    return WindowedLayer(name, weight.shape[-1], 1, before, weight, bias)


def explorer_data(reader: DigitReader, insight: DigitInsight) -> dict[str, object]:
    """Return the values, windows and kernels of all layers, as JSON values for the browser."""
    shown: list[dict[str, object]] = [
        {"name": "image", "title": "image 28 × 28", "planes": _planes(insight.image[None] / 255)}
    ]
    for layer in windowed_layers(reader):
        result = insight.layer(layer.name)
        shape = " × ".join(map(str, result.shape))
        learnt = f" · {result.parameters:,} trained parameters" if result.parameters else ""
        shown.append(
            {
                "name": layer.name,
                "title": f"{layer.name} {shape}: {result.does}{learnt}",
                "planes": _planes(result.values),
                "size": layer.size,
                "stride": layer.stride,
                "before": layer.before,
                "weight": None
                if layer.weight is None
                else layer.weight.astype(np.float64).round(4).tolist(),
                "bias": None
                if layer.bias is None
                else layer.bias.astype(np.float64).round(4).tolist(),
            }
        )
    return {"layers": shown}


def _planes(values: Array) -> list[list[list[float]]]:
    planes: list[list[list[float]]] = values.astype(np.float64).round(3).tolist()
    return planes
