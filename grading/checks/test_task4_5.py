"""Task 4.5: training an image classifier and a reader of sentences, in seconds."""

import numpy as np
import pytest

from grading.accuracy import Learner, Record, check_accuracy
from grading.accuracy.data import digits
from grading.checking.compare import expect
from grading.protocol.messages import Array, Subject
from grading.tasks.table import table

pytestmark = pytest.mark.task4_5


def test_reads_digits(subject: Subject) -> None:
    images, labels = digits("train", 3200)
    others, hidden = digits("t10k", 200)
    learner = Learner(subject, "digits", {"rate": 0.01, "seed": 0}, batch=16)
    learner.learn(images, labels, epochs=1, rng=np.random.default_rng(0))
    right = float((learner.predict(others, (10,)).argmax(axis=1) == hidden).mean())
    message = f"{right:.1%} of the digits are read right, expected 70 %"
    expect(right >= 0.7, message, learner.answer)


def test_says_the_same_again(subject: Subject) -> None:
    images, _ = digits("t10k", 16)
    learner = Learner(subject, "digits", {"rate": 0.01, "seed": 0}, batch=16)
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


def test_reads_sentences(subject: Subject) -> None:
    vectors = np.random.default_rng(0).standard_normal((20, 50))
    rows, labels = sentences(240, seed=1)
    others, hidden = sentences(200, seed=2)
    options = {"rate": 0.01, "seed": 0, "maps": 12}
    learner = Learner(subject, "sentences", options, 16, (vectors,))
    learner.learn(rows, labels, epochs=8, rng=np.random.default_rng(0))
    right = float(((learner.predict(others, ()) > 0.5) == (hidden > 0.5)).mean())
    message = f"{right:.1%} of the sentences are read right, expected 85 %"
    expect(right >= 0.85, message, learner.answer)


@pytest.mark.accuracy
@pytest.mark.parametrize("name", ["digits", "sentences"])
def test_required_accuracy(subject: Subject, name: str, record_property: Record) -> None:
    wanted = table().task("4.5").accuracy[name]
    check_accuracy(subject, name, wanted, record_property)
