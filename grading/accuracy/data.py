"""The judge's reader of the data sets in `data/`, independent of the packages."""

import gzip
from functools import cache
from typing import Literal

import numpy as np

from grading.paths import ROOT
from grading.protocol.messages import Array

DATA = ROOT / "data"

WORDS = 52
"""Length in words to which sentences are padded or cut."""

PADDING, UNKNOWN = 0, 1
"""Rows of zeros at the start of the table of word vectors, for padding and for unknown words."""


def digits(which: Literal["train", "t10k"], count: int) -> tuple[Array, Array]:
    """Return the first images of a set, with grey values from 0 to 1, and their labels.

    Shape:
        (count, 1, 28, 28), (count,).
    """
    images = _idx(f"{which}-images-idx3-ubyte", 16, count, 28 * 28)
    labels = _idx(f"{which}-labels-idx1-ubyte", 8, count, 1)
    return images.reshape(count, 1, 28, 28) / 255, labels


def _idx(name: str, header: int, count: int, item_bytes: int) -> Array:
    """Return the first items of an MNIST file, as a flat array of floats.

    Args:
        name: The name of the file without its suffix.
        header: Length of the header in bytes.
        count: Number of items.
        item_bytes: Bytes per item.
    """
    with gzip.open(DATA / "mnist" / f"{name}.gz") as file:
        file.read(header)
        return np.frombuffer(file.read(count * item_bytes), np.uint8).astype(np.float64)


def sentences(which: Literal["train-sentences", "dev"]) -> tuple[Array, Array]:
    """Return sentences as row indices of `word_vectors`, and labels: 1 for a positive sentence.

    Shape:
        (sentences, WORDS), (sentences,).
    """
    with gzip.open(DATA / "sst2" / f"{which}.tsv.gz", "rt", encoding="utf-8") as file:
        names, *lines = [line.rstrip("\r\n").split("\t") for line in file]
    sentence, label = names.index("sentence"), names.index("label")
    index = _words()
    rows = np.full((len(lines), WORDS), PADDING, np.float64)
    for row, fields in zip(rows, lines, strict=True):
        # The treebank escapes these two characters with a backslash.
        text = fields[sentence].replace("\\/", "/").replace("\\*", "*")
        known = [index.get(word, UNKNOWN) for word in text.split()[:WORDS]]
        row[: len(known)] = known
    return rows, np.array([float(fields[label]) for fields in lines])


@cache
def _glove() -> tuple[list[str], Array]:
    with np.load(DATA / "glove" / "glove.6B.50d.sst2.npz", allow_pickle=False) as file:
        return file["words"].tolist(), file["vectors"].astype(np.float64)


@cache
def _words() -> dict[str, int]:
    return {word: row + 2 for row, word in enumerate(_glove()[0])}


def word_vectors() -> Array:
    """Return the table of word vectors.

    Shape:
        (2 + words, 50).
    """
    vectors = _glove()[1]
    return np.concatenate([np.zeros((2, vectors.shape[1])), vectors])


def text(share: Literal["train", "validation"]) -> Array:
    """Return the characters of tiny Shakespeare as numbers, in the order of their code points.

    The first 90 % of the text are for training.

    Shape:
        (characters,).
    """
    numbers = _text()
    middle = int(0.9 * len(numbers))
    return numbers[:middle] if share == "train" else numbers[middle:]


@cache
def _text() -> Array:
    with gzip.open(DATA / "text" / "tinyshakespeare.txt.gz") as file:
        characters = np.frombuffer(file.read(), np.uint8)
    return np.unique(characters, return_inverse=True)[1].astype(np.float64)
