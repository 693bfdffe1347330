"""Explanation of the sentence CNN's prediction as an exact sum over windows of words.

Max over time selects one window for each kernel, and the output layer is linear. The logit is
therefore the bias plus one term for each kernel, and each term belongs to one window of words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_app.insight.computing import COMPUTING
from mt_app.insight.networks import SentenceReader
from mt_autodiff import no_grad, tensor
from mt_models.datasets import tokenise
from mt_models.networks import KimCNN
from mt_models.problems import LENGTH
from mt_nn import Conv1d, MaxOverTimeConv1d
from mt_tensor import Backend

Array = npt.NDArray[np.floating]

BATCH = 50
"""The batch size of predictions, that of training: no further kernels are compiled."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the sentence, as it is encoded.

    Attributes:
        text: The word, or a part of a compound.
        row: Its row in the table of vectors.
        known: True if it has a vector; the vector of an unknown word is zero.
    """

    text: str
    row: int
    known: bool


@dataclass(frozen=True, slots=True)
class Window:
    """A window of words that max over time selects for kernels of one width.

    Attributes:
        width: The number of words of the window.
        start: The position of its first word; the window may extend beyond the sentence's end.
        text: Its words.
        kernels: The number of kernels whose maximum is here.
        push: Their contribution to the logit: above 0 towards positive, below towards negative.
    """

    width: int
    start: int
    text: str
    kernels: int
    push: float


@dataclass(frozen=True, slots=True, eq=False)
class SentenceInsight:
    """The explanation of a network's prediction for a sentence.

    Attributes:
        words: The encoded words.
        positive: The probability that the sentence is positive.
        logit: The logit of `positive`.
        bias: The bias of the output layer.
        windows: The selected windows by width, the largest absolute push first.
        word_pushes: The contribution of each word, (words,): each window's push is divided equally
            among its words; windows without words are left out.
    """

    words: tuple[Word, ...]
    positive: float
    logit: float
    bias: float
    windows: dict[int, tuple[Window, ...]]
    word_pushes: Array

    @property
    def unknown(self) -> tuple[str, ...]:
        """The words that have no vector."""
        return tuple(word.text for word in self.words if not word.known)


def explain_sentence(reader: SentenceReader, text: str) -> SentenceInsight:
    """Run the network on a sentence, and decompose its logit.

    Raises:
        ValueError: The sentence contains no word.
    """
    words = read_words(reader, text)
    if not words:
        raise ValueError("the sentence is empty; enter at least one word")
    rows = np.zeros((1, max(LENGTH, len(words))), np.int64)
    rows[0, : len(words)] = [word.row for word in words]
    network = reader.network
    with COMPUTING, no_grad():
        output = network(rows)
        logit, positive = output.item(), output.sigmoid().item()
        x = network.embedding(rows).permute(0, 2, 1)  # (1, dimensions, words)
        # The layer returns the maximum; the convolution before it has the position.
        responses = {
            convolution.kernel[0]: Conv1d.forward(convolution, x).to_numpy()[0]
            for convolution in _convolutions(network)
        }  # (maps, positions) of each width
        weights = network.output.weight.value.to_numpy().reshape(-1)
        bias = float(network.output.bias.value.to_numpy()[0]) if network.output.bias else 0.0
    texts = [word.text for word in words]
    windows, pushes = {}, np.zeros(len(words))
    for number, (width, response) in enumerate(responses.items()):
        maps = len(response)
        part = weights if network.preset == "course" else weights[number * maps :][:maps]
        windows[width] = _windows(width, response, part, texts)
        for window in windows[width]:
            inside = pushes[window.start : window.start + width]
            inside += window.push / max(1, len(inside))
    return SentenceInsight(tuple(words), positive, logit, bias, windows, pushes)


def read_words(reader: SentenceReader, text: str) -> list[Word]:
    """Return the encoded words of a text."""
    words = []
    for token in tokenise(text).split():
        rows = reader.vocabulary.rows(token)
        known = reader.vocabulary.coverage([token]) > 0
        if not known or reader.words[rows[0]] == token:
            words.append(Word(token, rows[0], known))
        else:
            words += [Word(reader.words[row], row, known=True) for row in rows]
    return words


def neighbours(reader: SentenceReader, row: int, count: int = 8) -> list[tuple[str, float]]:
    """Return the words with the largest cosine similarity.

    Args:
        reader: The network, whose word vectors are compared.
        row: The word's row in the table of vectors.
        count: The number of words to return.

    Returns:
        Words and their cosine similarities in descending order, without the word itself.
    """
    table = reader.network.embedding.weight.value.to_numpy()
    lengths = np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    directions = table / lengths
    with COMPUTING, no_grad():
        cosines = _product(directions, directions[row], reader.backend)
    cosines[[0, 1, row]] = -np.inf
    nearest = np.argsort(-cosines, kind="stable")[:count]
    return [(reader.words[i], float(cosines[i])) for i in nearest]


def _product(matrix: Array, vector: Array, backend: Backend) -> Array:
    """Multiply a matrix with a vector on a backend."""
    product = tensor(matrix, backend) @ tensor(vector[:, None].copy(), backend)
    return product.to_numpy()[:, 0].copy()


def _convolutions(network: KimCNN) -> list[MaxOverTimeConv1d]:
    return list(network.convolutions)


def _windows(width: int, response: Array, weights: Array, texts: list[str]) -> tuple[Window, ...]:
    """Sum the contributions of kernels of one width by window.

    Shape:
        response (maps, positions), weights (maps,).
    """
    # Windows beyond the last word are equal: they contain only zeros.
    response = response[:, : len(texts) + 1]
    starts = response.argmax(1)
    pushes = response.max(1) * weights
    windows = []
    for start in np.unique(starts).tolist():
        chosen = starts == start
        if not pushes[chosen].any():
            continue
        inside = texts[start : start + width]
        text = " ".join([*inside, *["∅"] * (width - len(inside))])
        windows.append(Window(width, start, text, int(chosen.sum()), float(pushes[chosen].sum())))
    return tuple(sorted(windows, key=lambda window: -abs(window.push)))


def predict_sentences(reader: SentenceReader, texts: Sequence[str]) -> Array:
    """Return the probability that each sentence is positive.

    Args:
        reader: The network.
        texts: Sentences whose tokens are separated by white space, as those of SST-2 are.

    Shape:
        N sentences → (N,).
    """
    rows = reader.vocabulary.encode(texts, LENGTH)
    parts = [np.empty(0)]
    for start in range(0, len(rows), BATCH):
        with COMPUTING, no_grad():
            parts.append(reader.network(rows[start : start + BATCH]).sigmoid().to_numpy().copy())
    return np.concatenate(parts)
