"""Task 4.5: training an image classifier and a reader of sentences, in seconds."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from grading.compare import expect
from grading.subject import Array, Subject

pytestmark = pytest.mark.task4_5

MNIST = Path(__file__).resolve().parents[2] / "data" / "mnist"


def idx(name: str, header: int, count: int, cells: int) -> Array:
    """Read the first items of one of MNIST's files, whose header has so many bytes."""
    with gzip.open(MNIST / f"{name}.gz") as file:
        file.read(header)
        return np.frombuffer(file.read(count * cells), np.uint8).astype(np.float64)


def digits(which: str, count: int) -> tuple[Array, Array]:
    """Return images with grey values from 0 to 1, and their labels."""
    images = idx(f"{which}-images-idx3-ubyte", 16, count, 28 * 28)
    labels = idx(f"{which}-labels-idx1-ubyte", 8, count, 1)
    return images.reshape(count, 1, 28, 28) / 255, labels


def test_reads_digits(subject: Subject) -> None:
    images, labels = digits("train", 320)
    others, hidden = digits("t10k", 200)
    options = {"rate": 0.01, "epochs": 2, "batch": 16, "seed": 0}
    answer = subject.call("train.digits", [images, labels, others], options)
    expect(answer.array.shape == (200, 10), "expected ten numbers for each image", answer)
    right = float((answer.array.argmax(axis=1) == hidden).mean())
    expect(right >= 0.6, f"{right:.1%} of the digits are read right, expected 60 %", answer)


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
    vectors = np.random.default_rng(0).standard_normal((20, 10))
    rows, labels = sentences(240, seed=1)
    others, hidden = sentences(200, seed=2)
    options = {"rate": 0.01, "epochs": 8, "batch": 16, "seed": 0, "maps": 12}
    answer = subject.call("train.sentences", [vectors, rows, labels, others], options)
    expect(answer.array.shape == (200,), "expected one number for each sentence", answer)
    right = float(((answer.array > 0) == (hidden > 0.5)).mean())
    expect(right >= 0.85, f"{right:.1%} of the sentences are read right, expected 85 %", answer)
