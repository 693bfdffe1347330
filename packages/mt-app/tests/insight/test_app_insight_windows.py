"""Windows of layers, and changes that flip a prediction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_app.insight.digits import explain_digit
from mt_app.insight.flips import smallest_flip
from mt_app.insight.networks import PRETRAINED, DigitReader, Reader, load_digit_reader
from mt_app.insight.windows import explorer_data, windowed_layers
from mt_models.datasets import load_mnist_split
from mt_models.networks import LeNet5
from mt_models.recipes import DigitsRecipe

pytestmark = pytest.mark.app

IMAGES = load_mnist_split("test")[0][:50]


@pytest.fixture(scope="module")
def course() -> DigitReader:
    return load_digit_reader(PRETRAINED / "digits.safetensors")


@pytest.fixture(scope="module")
def lenet5() -> DigitReader:
    recipe = DigitsRecipe(network="lenet5")
    backend = recipe.make_backend()
    network = LeNet5(np.random.default_rng(0), backend)
    network.eval()
    return Reader(network, recipe, backend, 0.0, DigitsRecipe.classes)


@pytest.mark.parametrize("network", ["course", "lenet5"])
@settings(max_examples=10)
@given(number=st.integers(0, 49), place=st.tuples(*[st.floats(0, 0.999)] * 3))
def test_a_value_depends_on_its_window(
    request: pytest.FixtureRequest, network: str, number: int, place: tuple[float, float, float]
) -> None:
    reader: DigitReader = request.getfixturevalue(network)
    insight = explain_digit(reader, IMAGES[number])
    before = insight.image[None] / 255.0
    for layer in windowed_layers(reader):
        values = insight.layer(layer.name).values
        channel, row, column = (int(p * n) for p, n in zip(place, values.shape, strict=True))
        padded = np.pad(before, [(0, 0), *[(layer.before, layer.size)] * 2])
        top, left = layer.stride * row, layer.stride * column
        window = padded[:, top : top + layer.size, left : left + layer.size]
        if layer.weight is not None and layer.bias is not None:
            expected = max(0.0, (layer.weight[channel] * window).sum() + layer.bias[channel])
        else:
            pooled = np.mean if network == "course" else np.max
            expected = float(pooled(window[channel]))
        assert values[channel, row, column] == pytest.approx(expected, abs=1e-4)
        before = values.astype(np.float64)


def test_the_browser_receives_the_values_of_the_layers(course: DigitReader) -> None:
    insight = explain_digit(course, IMAGES[0])
    layers = explorer_data(course, insight)["layers"]
    assert isinstance(layers, list)
    assert [layer["name"] for layer in layers] == ["image", "mid", "out", "pool"]
    for layer in layers[1:]:
        values = insight.layer(layer["name"]).values
        np.testing.assert_allclose(layer["planes"], values, atol=6e-4)


@pytest.mark.parametrize("number", range(6))
def test_a_flipped_image_has_another_prediction(course: DigitReader, number: int) -> None:
    image = IMAGES[number]
    flip = smallest_flip(course, image)
    assert flip is not None
    assert flip.answer != explain_digit(course, image).answer
    assert explain_digit(course, flip.image).answer == flip.answer
    np.testing.assert_array_equal(image.astype(int) + flip.change, flip.image)
    # The change is smaller than that to the nearest image of another class.
    labels = load_mnist_split("test")[1][:50]
    others = IMAGES[labels != labels[number]].astype(float)
    nearest = np.sqrt(((others - image) ** 2).sum((1, 2))).min()
    assert np.sqrt((flip.change.astype(float) ** 2).sum()) < nearest


def test_a_constant_network_has_no_flip(lenet5: DigitReader) -> None:
    network = LeNet5(np.random.default_rng(0), lenet5.backend)
    zeros = {name: np.zeros(p.value.shape) for name, p in network.named_parameters()}
    network.load_state_dict(zeros)
    constant: DigitReader = Reader(network, lenet5.recipe, lenet5.backend, 0.0, lenet5.classes)
    assert smallest_flip(constant, IMAGES[0]) is None
