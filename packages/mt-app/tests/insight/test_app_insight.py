"""Explanations of predictions, compared with the network."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_app.insight.digits import explain_digit
from mt_app.insight.networks import (
    PRETRAINED,
    DigitReader,
    Reader,
    SentenceReader,
    load_digit_reader,
    load_sentence_reader,
)
from mt_app.insight.sentences import explain_sentence, neighbours, predict_sentences
from mt_autodiff import no_grad, tensor
from mt_models.datasets import load_mnist_split, load_sst2, tokenise
from mt_models.networks import CourseLeNet, KimCNN, LeNet5
from mt_models.problems import LENGTH, image_batch
from mt_models.recipes import DigitsRecipe

pytestmark = pytest.mark.app


@pytest.fixture(scope="module")
def digit_reader() -> DigitReader:
    return load_digit_reader(PRETRAINED / "digits.safetensors")


@pytest.fixture(scope="module")
def sentence_reader() -> SentenceReader:
    return load_sentence_reader(PRETRAINED / "sentiment.safetensors")


@pytest.fixture(scope="module")
def kim(sentence_reader: SentenceReader) -> SentenceReader:
    """The paper's preset, untrained, which concatenates its maxima."""
    rng = np.random.default_rng(0)
    network = KimCNN(
        sentence_reader.vocabulary.vectors, rng, sentence_reader.backend, preset="kim2014"
    )
    network.eval()
    return replace(sentence_reader, network=network)


class TestTheNetworksOfThePackage:
    def test_accuracy_of_the_digit_network_equals_the_readme(
        self, digit_reader: DigitReader
    ) -> None:
        images, labels = load_mnist_split("test")
        right = 0
        with no_grad():
            for start in range(0, len(images), 100):
                batch = image_batch(images[start : start + 100], digit_reader.backend)
                answers = digit_reader.network(batch).to_numpy().argmax(1)
                right += int((answers == labels[start : start + 100]).sum())
        # Another processor rounds sums differently.
        assert abs(right - 9891) <= 3
        assert digit_reader.accuracy == pytest.approx(0.9891)

    def test_accuracy_of_the_sentence_network_equals_the_readme(
        self, sentence_reader: SentenceReader
    ) -> None:
        dev = load_sst2().dev
        right = (predict_sentences(sentence_reader, dev.texts) >= 0.5) == (dev.labels == 1)
        assert abs(int(right.sum()) - 684) <= 2
        assert sentence_reader.accuracy == pytest.approx(684 / 872)

    def test_networks_reject_inputs_of_the_other_problem(self) -> None:
        with pytest.raises(ValueError, match="one that reads digits"):
            load_digit_reader(PRETRAINED / "sentiment.safetensors")
        with pytest.raises(ValueError, match="one that reads sentences"):
            load_sentence_reader(PRETRAINED / "digits.safetensors")


class TestDigits:
    def test_the_last_layer_is_the_prediction(self, digit_reader: DigitReader) -> None:
        images, _ = load_mnist_split("test")
        for image in images[:5]:
            insight = explain_digit(digit_reader, image)
            with no_grad():
                answer = digit_reader.network(image_batch(image[None], digit_reader.backend))
            assert digit_reader.network.mid is not None
            assert digit_reader.network.out is not None
            np.testing.assert_allclose(insight.layers[-1].values, answer.to_numpy()[0], rtol=1e-5)
            for name, hidden in (
                ("mid", digit_reader.network.mid),
                ("out", digit_reader.network.out),
            ):
                np.testing.assert_array_equal(insight.layer(name).values, hidden.to_numpy()[0])
            assert insight.probabilities.sum() == pytest.approx(1, abs=1e-5)

    def test_all_parameters_are_counted(self, digit_reader: DigitReader) -> None:
        insight = explain_digit(digit_reader, np.zeros((28, 28), np.uint8))
        total = sum(parameter.value.size for parameter in digit_reader.network.parameters())
        assert sum(layer.parameters for layer in insight.layers) == total

    def test_layers_of_lenet5(self) -> None:
        recipe = DigitsRecipe(network="lenet5")
        backend = recipe.make_backend()
        network = LeNet5(np.random.default_rng(0), backend)
        network.eval()
        image = load_mnist_split("test")[0][0]
        insight = explain_digit(Reader(network, recipe, backend, 0.0, recipe.classes), image)
        with no_grad():
            answer = network(image_batch(image[None], backend))
        np.testing.assert_allclose(insight.layers[-1].values, answer.to_numpy()[0], rtol=1e-5)

    def test_relevance_is_the_gradient_of_the_largest_score(
        self, digit_reader: DigitReader
    ) -> None:
        """Central differences in double precision, at pixels where no unit switches."""
        recipe = replace(digit_reader.recipe, dtype="float64")
        backend = recipe.make_backend()
        network = recipe.build_network(backend)
        network.load_state_dict(digit_reader.network.state_dict())
        network.eval()
        assert isinstance(network, CourseLeNet)
        reader: DigitReader = Reader(network, recipe, backend, 0.0, recipe.classes)
        image = load_mnist_split("test")[0][2]
        insight = explain_digit(reader, image)
        scores = []
        for row, column in np.random.default_rng(1).integers(4, 24, (12, 2)):
            pair = []
            for step in (1e-5, -1e-5):
                pixels = image[None, None] / 255.0
                pixels[0, 0, row, column] += step
                pair.append(_scores(reader, pixels)[insight.answer])
            scores.append((pair[0] - pair[1]) / 2e-5 - insight.relevance[row, column])
        # A unit at its kink may spoil a few of them.
        assert np.median(np.abs(scores)) < 1e-6


def _scores(reader: DigitReader, pixels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    network = reader.network
    assert isinstance(network, CourseLeNet)
    with no_grad():
        hidden = network.pool(network.conv2(network.conv1(tensor(pixels, reader.backend))))
        scores: npt.NDArray[np.float64] = network.output(
            network.hidden(hidden.view(-1, 392))
        ).to_numpy()[0]
    return scores


WORDS = st.sampled_from(
    ["a", "film", "not", "bad", "zzyzx", "dumbed-down", "great", ".", "it's", "qqq-qqq", "ü"]
)


class TestSentences:
    @given(words=st.lists(WORDS, min_size=1, max_size=70))
    @pytest.mark.parametrize("which", ["sentence_reader", "kim"])
    def test_contributions_of_windows_and_bias_sum_to_the_logit(
        self, which: str, words: list[str], request: pytest.FixtureRequest
    ) -> None:
        reader: SentenceReader = request.getfixturevalue(which)
        insight = explain_sentence(reader, " ".join(words))
        pushes = [w.push for windows in insight.windows.values() for w in windows]
        assert insight.bias + sum(pushes) == pytest.approx(insight.logit, abs=1e-4)
        assert insight.positive == pytest.approx(1 / (1 + np.exp(-insight.logit)), abs=1e-6)
        assert all(w.start <= len(insight.words) for ws in insight.windows.values() for w in ws)
        inside = sum(
            w.push for ws in insight.windows.values() for w in ws if w.start < len(insight.words)
        )
        assert insight.word_pushes.sum() == pytest.approx(inside, abs=1e-4)

    def test_predictions_equal_those_of_the_command_line(
        self, sentence_reader: SentenceReader
    ) -> None:
        dev = load_sst2().dev
        judged = predict_sentences(sentence_reader, dev.texts[:20])
        for text, positive in zip(dev.texts[:20], judged, strict=True):
            rows = sentence_reader.vocabulary.encode([tokenise(text)], LENGTH)
            with no_grad():
                expected = sentence_reader.network(rows).sigmoid().item()
            assert positive == pytest.approx(expected, abs=1e-6)

    def test_words_are_shown_as_they_are_read(self, sentence_reader: SentenceReader) -> None:
        insight = explain_sentence(sentence_reader, "A dumbed-down zzyzx.")
        assert [word.text for word in insight.words] == ["a", "down", "zzyzx", "."]
        assert insight.unknown == ("zzyzx",)

    @pytest.mark.parametrize("text", ["", " ", "\n\t"])
    def test_empty_text_is_refused(self, sentence_reader: SentenceReader, text: str) -> None:
        with pytest.raises(ValueError, match="at least one word"):
            explain_sentence(sentence_reader, text)

    def test_nearest_words_have_the_largest_cosines(self, sentence_reader: SentenceReader) -> None:
        row = explain_sentence(sentence_reader, "charming").words[0].row
        found = neighbours(sentence_reader, row, 5)
        table = sentence_reader.vocabulary.vectors.astype(np.float64)
        cosines = (
            table
            @ table[row]
            / (np.maximum(np.linalg.norm(table, axis=1), 1e-12) * np.linalg.norm(table[row]))
        )
        cosines[row] = -1
        best = np.argsort(-cosines)[:5]
        assert [word for word, _ in found] == [sentence_reader.words[i] for i in best]
        np.testing.assert_allclose([c for _, c in found], cosines[best], atol=1e-5)
