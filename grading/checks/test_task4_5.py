"""Task 4.5: training of an image classifier and a sentiment classifier, in seconds."""

import numpy as np
import pytest

from grading.accuracy import (
    Learner,
    Record,
    check_accuracy,
    check_gradients_exist,
    check_loss,
    check_probabilities,
    cross_entropy,
    describe,
)
from grading.accuracy.data import digits
from grading.checking.compare import expect
from grading.protocol.messages import Array, Response, Subject
from grading.tasks.table import table

pytestmark = pytest.mark.task4_5

DIGITS = {"rate": 0.01, "seed": 0}
SENTENCES = {"rate": 0.01, "seed": 0, "maps": 12}


def trained_on_digits(subject: Subject) -> tuple[Array, Array, Response]:
    """Return outputs for unseen digits after a short training, their labels and the last response.

    Shape:
        (200, 10), (200,).
    """
    images, labels = digits("train", 3200)
    others, hidden = digits("t10k", 200)
    learner = Learner(subject, "digits", DIGITS, batch=16)
    learner.learn(images, labels, epochs=1, rng=np.random.default_rng(0))
    return learner.predict(others, (10,)), hidden, learner.response


def test_short_training_on_digits(subject: Subject) -> None:
    outputs, hidden, response = trained_on_digits(subject)
    right = float((outputs.argmax(axis=1) == hidden).mean())
    message = f"{right:.1%} of the digits are classified correctly, expected at least 70 %"
    expect(right >= 0.7, message, response)


def test_repeated_predictions(subject: Subject) -> None:
    images, _ = digits("t10k", 16)
    learner = Learner(subject, "digits", DIGITS, batch=16)
    first, second = learner.predict(images, (10,)), learner.predict(images, (10,))
    message = "same images, different predictions: dropout is active during prediction"
    expect(bool(np.allclose(first, second)), message, learner.response)


def sentences(count: int, seed: int) -> tuple[Array, Array]:
    """Return sentences as word indices, and labels: 1 if word 3 follows word 7.

    Both words occur in every sentence, so that word counts do not determine the label.

    Shape:
        (count, 12), (count,).
    """
    rng = np.random.default_rng(seed)
    rows = rng.integers(8, 20, (count, 12))
    labels = rng.integers(0, 2, count)
    for row, label in zip(rows, labels, strict=True):
        start = rng.integers(0, 10)
        row[start : start + 3] = [7, 3, 8] if label else [3, 7, 8]
    return rows.astype(np.float64), labels.astype(np.float64)


def trained_on_sentences(subject: Subject) -> tuple[Array, Array, Response]:
    """Return outputs for other sentences after a training, their labels and the last response.

    Shape:
        (200,), (200,).
    """
    vectors = np.random.default_rng(0).standard_normal((20, 50))
    rows, labels = sentences(240, seed=1)
    others, hidden = sentences(200, seed=2)
    learner = Learner(subject, "sentences", SENTENCES, 16, (vectors,))
    learner.learn(rows, labels, epochs=8, rng=np.random.default_rng(0))
    return learner.predict(others, ()), hidden, learner.response


def test_short_training_on_sentences(subject: Subject) -> None:
    outputs, hidden, response = trained_on_sentences(subject)
    right = float(((outputs > 0.5) == (hidden > 0.5)).mean())
    message = f"{right:.1%} of the sentences are classified correctly, expected at least 85 %"
    expect(right >= 0.85, message, response)


def test_loss_on_digits(subject: Subject) -> None:
    """Check that the loss on unseen digits is well below that of a constant guess."""
    outputs, hidden, response = trained_on_digits(subject)
    probabilities = np.exp(outputs)
    sums = probabilities.sum(axis=1)
    logarithms = bool(((sums > 0.99) & (sums < 1.01)).all())
    expect(logarithms, "the outputs of the network are not logarithms of probabilities", response)
    check_loss(cross_entropy(probabilities, hidden), hidden, response)


def test_loss_on_sentences(subject: Subject) -> None:
    """Check sentences with labels that depend on the order of two words."""
    outputs, hidden, response = trained_on_sentences(subject)
    check_probabilities(outputs, response)
    check_loss(cross_entropy(np.stack([1.0 - outputs, outputs], axis=1), hidden), hidden, response)


def test_layers_of_the_digits_network(subject: Subject) -> None:
    learner = Learner(subject, "digits", DIGITS, batch=16)
    response, sizes, _ = describe(learner, *digits("train", 16))
    weights = [4 * 9, 8 * 4 * 9, 392 * 64, 64 * 10]
    biases = [4, 8, 64, 10]
    # The documentation does not mention biases.
    message = f"the parameters have the sizes {sorted(sizes)}, expected {sorted(weights + biases)}"
    expect(sorted(sizes) in (sorted(weights), sorted(weights + biases)), message, response)


def test_gradients_of_all_parameters(subject: Subject) -> None:
    """Check the network for digits; that for sentences may contain constant word vectors."""

    def begin(start: int) -> tuple[Learner, Array, Array]:
        return Learner(subject, "digits", {**DIGITS, "seed": start}, 16), *digits("train", 16)

    check_gradients_exist(begin)


@pytest.mark.accuracy
def test_accuracy_on_digits(subject: Subject, record_property: Record) -> None:
    required = table().task("4.5").accuracy["digits"]
    check_accuracy(subject, "digits", required, record_property)


@pytest.mark.accuracy
def test_accuracy_on_sentences(subject: Subject, record_property: Record) -> None:
    required = table().task("4.5").accuracy["sentences"]
    check_accuracy(subject, "sentences", required, record_property)
