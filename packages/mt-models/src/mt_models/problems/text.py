"""Language modelling: a text, its tokenizer, and a GPT that predicts the next token."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor, no_grad
from mt_models.datasets import DataFormatError
from mt_models.networks import GPT, evaluating
from mt_models.problems.problem import (
    EVALUATION_BATCH,
    Evaluation,
    Examples,
    Problem,
    checksum,
)
from mt_models.tokenizers import Ids, Tokenizer
from mt_nn import cross_entropy, softmax

IGNORED = -1
"""The label of positions behind the end of a text."""


@dataclass(frozen=True, slots=True, eq=False)
class TextEvaluation(Evaluation):
    """The result of a language model on a text, without the probabilities of all tokens.

    Attributes:
        chosen: The most probable token at each position, (N,).
    """

    chosen: npt.NDArray[np.intp] = field(kw_only=True)

    @property
    def predictions(self) -> npt.NDArray[np.intp]:
        """The most probable token at each position, (N,)."""
        return self.chosen


class Text(Problem):
    """The prediction of the next token of a text.

    A training example is a sequence of `context` tokens at a random place, with the tokens after
    each of them as labels. The validation examples are the sequences of the validation text, one
    after another.

    Attributes:
        tokenizer: The tokenizer.
        train_tokens: The number of tokens of the training text.
        validation_tokens: The number of tokens of the validation text.
    """

    name = "text"
    metric = "loss"
    test = None
    network: GPT

    def __init__(
        self,
        texts: tuple[str, str],
        tokenizer: Tokenizer,
        network: GPT,
        rng: np.random.Generator,
        *,
        epoch_size: int,
    ) -> None:
        """Encode the texts.

        Args:
            texts: The training text and the validation text.
            tokenizer: The tokenizer of the training text.
            network: The network, with a vocabulary of the tokenizer's size.
            rng: The generator of the network.
            epoch_size: The number of random sequences of an epoch.

        Raises:
            DataFormatError: A text is too short for the context.
        """
        self.tokenizer = tokenizer
        self.classes = tokenizer.tokens
        self.network = network
        self.rng = rng
        self._epoch_size = epoch_size
        train, validation = (tokenizer.encode(text) for text in texts)
        context = network.context
        if len(train) <= context:
            raise DataFormatError(
                f"the text has {len(train):,} tokens for training, and the context of "
                f"{context} tokens needs more than {context}; pass a longer text, or a smaller "
                "--context"
            )
        if len(validation) < 2:
            raise DataFormatError(
                f"the last tenth of the text, for validation, has {len(validation)} tokens; at "
                "least 2 are needed: pass a longer text"
            )
        windows = np.lib.stride_tricks.sliding_window_view
        self.train = Examples(windows(train[:-1], context), windows(train[1:], context))
        self.validation = sequences(validation, context)
        self.validation_tokens = len(validation)
        self.train_tokens = len(train)

    @property
    def epoch_size(self) -> int:
        """The number of random sequences of an epoch."""
        return self._epoch_size

    @property
    def sizes(self) -> str:
        """The numbers of tokens, and of sequences of an epoch, for the log."""
        unit = "characters" if self.tokenizer.name == "characters" else "tokens"
        return (
            f"{self.epoch_size:,} random sequences of {self.network.context} {unit} in an epoch, "
            f"{self.train_tokens:,} training and {self.validation_tokens:,} validation {unit}"
        )

    @property
    def meta(self) -> dict[str, Any]:
        """The tokenizer, for checkpoints."""
        return {"tokenizer": self.tokenizer.to_json()}

    def checksums(self) -> dict[str, str]:
        """Return the checksum of each text.

        A training example is a window of the text; windows that overlap are counted once.
        """
        return {
            "training text": checksum(self.train.inputs[:, 0], self.train.labels[-1]),
            "validation text": checksum(self.validation.inputs, self.validation.labels),
        }

    def validation_start(self, count: int) -> Ids:
        """Return the first tokens of the validation text, at most `count`, (tokens,).

        The last token of a short text is a label only.
        """
        return self.validation.inputs[0, : min(count, self.validation_tokens - 1)]

    def order(self, seed: int, epoch: int) -> npt.NDArray[np.int64]:
        """Return the places of an epoch's sequences, drawn with replacement, (epoch_size,)."""
        return np.random.default_rng((seed, epoch)).integers(0, len(self.train), self.epoch_size)

    def inputs(self, batch: Examples) -> Ids:
        """Return the token numbers, (N, context)."""
        return batch.inputs

    def compute(self, inputs: Ids, labels: npt.NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        """Return the mean loss of all positions, and the logits, (N, context, vocabulary)."""
        logits = self.network(inputs)
        return cross_entropy(logits, labels), logits

    def probabilities_of(self, output: Tensor) -> npt.NDArray[np.floating]:
        """Return the probability of each token, (N, context, vocabulary)."""
        values: npt.NDArray[np.floating] = softmax(output.detach(), -1).to_numpy()
        return values

    def hits(self, output: Tensor, labels: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Return which predictions are correct, (N, context)."""
        hits: npt.NDArray[np.bool_] = output.to_numpy().argmax(-1) == labels
        return hits

    def evaluate(self, examples: Examples, batch_size: int = EVALUATION_BATCH) -> TextEvaluation:
        """Evaluate the network on sequences; see `evaluate_sequences`."""
        return evaluate_sequences(self.network, examples, self.classes, batch_size)


def evaluate_sequences(
    network: GPT,
    examples: Examples,
    tokens: tuple[str, ...],
    batch_size: int = EVALUATION_BATCH,
) -> TextEvaluation:
    """Evaluate a network on sequences, in evaluation mode and without recording.

    Returns:
        The mean loss of the positions with a label, in nats per token, and their predictions. There
        are no probabilities: those of a large vocabulary need much memory.
    """
    total = 0.0
    chosen = [np.empty(0, np.intp)]
    labels = [np.empty(0, np.int64)]
    with evaluating(network), no_grad():
        for batch in examples.batches(batch_size):
            logits = network(batch.inputs)
            counted = batch.labels != IGNORED
            losses = cross_entropy(logits, batch.labels, ignore_index=IGNORED, reduction="none")
            total += float(losses.to_numpy()[counted].sum(dtype=np.float64))
            chosen.append(logits.to_numpy().argmax(-1)[counted])
            labels.append(batch.labels[counted])
    targets = np.concatenate(labels)
    return TextEvaluation(
        total / len(targets) if len(targets) else float("nan"),
        np.empty((0, len(tokens))),
        targets,
        tokens,
        chosen=np.concatenate(chosen),
    )


def sequences(ids: Ids, context: int) -> Examples:
    """Return the sequences of a text, one after another, with the token after each as label.

    The end of the last sequence is filled with token 0 and the label `IGNORED`: attention is
    causal, so that these positions change nothing before them.

    Shape:
        (tokens,), at least 2 → inputs and labels (ceil((tokens - 1) / context), context).

    >>> sequences(np.array([5, 6, 7, 8]), 2).labels.tolist()
    [[6, 7], [8, -1]]
    """
    missing = -(len(ids) - 1) % context
    inputs = np.concatenate([ids[:-1], np.zeros(missing, np.int64)])
    labels = np.concatenate([ids[1:], np.full(missing, IGNORED)])
    return Examples(inputs.reshape(-1, context), labels.reshape(-1, context))
