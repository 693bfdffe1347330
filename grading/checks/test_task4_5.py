"""Task 4.5: training an image classifier and a reader of sentences, in seconds."""

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
from grading.protocol.messages import Array, Subject
from grading.tasks.table import table

pytestmark = pytest.mark.task4_5

DIGITS = {"rate": 0.01, "seed": 0}
SENTENCES = {"rate": 0.01, "seed": 0, "maps": 12}


def test_short_training_on_digits(subject: Subject) -> None:
    images, labels = digits("train", 3200)
    others, hidden = digits("t10k", 200)
    learner = Learner(subject, "digits", DIGITS, batch=16)
    learner.learn(images, labels, epochs=1, rng=np.random.default_rng(0))
    right = float((learner.predict(others, (10,)).argmax(axis=1) == hidden).mean())
    message = f"{right:.1%} of the digits are read right, expected 70 %"
    expect(right >= 0.7, message, learner.answer)


def test_repeated_predictions(subject: Subject) -> None:
    images, _ = digits("t10k", 16)
    learner = Learner(subject, "digits", DIGITS, batch=16)
    first, second = learner.predict(images, (10,)), learner.predict(images, (10,))
    message = "the same images are answered differently: dropout while predicting"
    expect(bool(np.allclose(first, second)), message, learner.answer)


def sentences(count: int, seed: int) -> tuple[Array, Array]:
    """Return rows of a table of 20 words, and whether word 7 is followed by word 3.

    Both words occur in every sentence, so that counting words is of no use.
    """
    rng = np.random.default_rng(seed)
    rows = rng.integers(8, 20, (count, 12))
    labels = rng.integers(0, 2, count)
    for row, label in zip(rows, labels, strict=True):
        place = rng.integers(0, 10)
        row[place : place + 3] = [7, 3, 8] if label else [3, 7, 8]
    return rows.astype(np.float64), labels.astype(np.float64)


def test_short_training_on_sentences(subject: Subject) -> None:
    vectors = np.random.default_rng(0).standard_normal((20, 50))
    rows, labels = sentences(240, seed=1)
    others, hidden = sentences(200, seed=2)
    learner = Learner(subject, "sentences", SENTENCES, 16, (vectors,))
    learner.learn(rows, labels, epochs=8, rng=np.random.default_rng(0))
    right = float(((learner.predict(others, ()) > 0.5) == (hidden > 0.5)).mean())
    message = f"{right:.1%} of the sentences are read right, expected 85 %"
    expect(right >= 0.85, message, learner.answer)


def test_loss_on_digits(subject: Subject) -> None:
    """The loss of digits that it has not seen is well below that of a guess."""
    images, labels = digits("train", 3200)
    others, hidden = digits("t10k", 200)
    learner = Learner(subject, "digits", DIGITS, batch=16)
    learner.learn(images, labels, epochs=1, rng=np.random.default_rng(0))
    said = np.exp(learner.predict(others, (10,)))
    sums = said.sum(axis=1)
    logarithms = bool(((sums > 0.99) & (sums < 1.01)).all())
    expect(logarithms, "the network says no logarithms of probabilities", learner.answer)
    check_loss(cross_entropy(said, hidden), hidden, learner.answer)


def test_loss_on_sentences(subject: Subject) -> None:
    """The order of two words decides, so that counting words is a guess."""
    vectors = np.random.default_rng(0).standard_normal((20, 50))
    rows, labels = sentences(240, seed=1)
    others, hidden = sentences(200, seed=2)
    learner = Learner(subject, "sentences", SENTENCES, 16, (vectors,))
    learner.learn(rows, labels, epochs=8, rng=np.random.default_rng(0))
    said = learner.predict(others, ())
    check_probabilities(said, learner.answer)
    check_loss(cross_entropy(np.stack([1.0 - said, said], axis=1), hidden), hidden, learner.answer)


def test_layers_of_the_digits_network(subject: Subject) -> None:
    learner = Learner(subject, "digits", DIGITS, batch=16)
    answer, sizes, _ = describe(learner, *digits("train", 16))
    weights = [4 * 9, 8 * 4 * 9, 392 * 64, 64 * 10]
    biases = [4, 8, 64, 10]
    # Nothing is said of biases.
    message = f"the parameters have the sizes {sorted(sizes)}, expected {sorted(weights + biases)}"
    expect(sorted(sizes) in (sorted(weights), sorted(weights + biases)), message, answer)


def test_gradients_of_all_parameters(subject: Subject) -> None:
    """Of the network for digits; that for sentences may hold word vectors that stay as they are."""

    def begin(start: int) -> tuple[Learner, Array, Array]:
        return Learner(subject, "digits", {**DIGITS, "seed": start}, 16), *digits("train", 16)

    check_gradients_exist(begin)


@pytest.mark.accuracy
def test_accuracy_on_digits(subject: Subject, record_property: Record) -> None:
    wanted = table().task("4.5").accuracy["digits"]
    check_accuracy(subject, "digits", wanted, record_property)


@pytest.mark.accuracy
def test_accuracy_on_sentences(subject: Subject, record_property: Record) -> None:
    wanted = table().task("4.5").accuracy["sentences"]
    check_accuracy(subject, "sentences", wanted, record_property)
