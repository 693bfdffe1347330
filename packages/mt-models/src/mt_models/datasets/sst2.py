"""SST-2: sentences of film reviews, each positive or negative.

The text is tokenised already: lower case, tokens separated by spaces. `Vocabulary` converts
tokens to numbers. The set is R. Socher et al., "Recursive Deep Models for
Semantic Compositionality Over a Sentiment Treebank" (2013), in the form of A. Wang et al.,
"GLUE" (2018).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mt_models.datasets.errors import DataFormatError
from mt_models.datasets.files import decode, first_existing, gunzip, read_bytes, read_embedded

TrainingSet = Literal["sentences", "phrases"]
Sst2Split = Literal["sentences", "phrases", "dev", "test"]

_STEMS = {"sentences": "train-sentences", "phrases": "train", "dev": "dev", "test": "test"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sentences:
    """Texts and labels: 1 is positive, 0 is negative.

    With other classes, a label is the index of a class.

    Shape:
        - labels: (N,), uint8, read-only, one for each of the N texts
    """

    texts: tuple[str, ...]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        if self.labels.max(initial=0) > 1:
            return f"Sentences({len(self)})"
        return f"Sentences({len(self)}, {int(self.labels.sum(dtype=np.int64))} positive)"


@dataclass(frozen=True, slots=True, eq=False)
class Sst2:
    """The three splits. `test` is empty if the source does not publish its labels.

    `load_texts` returns other texts in this form, with classes of their own.
    """

    train: Sentences
    dev: Sentences
    test: Sentences
    classes: tuple[str, ...] = field(default=("negative", "positive"), repr=False)


def load_sst2(path: str | PathLike[str] | None = None, *, train: TrainingSet = "sentences") -> Sst2:
    """Read the training, development and test sentences.

    Args:
        path: A folder of TSV files, by default the embedded SST-2.
        train: "sentences" for the 6,920 whole sentences, "phrases" for GLUE's 67,349 phrases.
            Nearly every sentence is also a phrase, so do not combine the two.

    Raises:
        ValueError: `train` is neither of the two.
        DataError: As for `load_sst2_split`.
    """
    if train not in ("sentences", "phrases"):
        raise ValueError(f"load_sst2: train {train!r} is neither 'sentences' nor 'phrases'")
    return Sst2(
        load_sst2_split(train, path), load_sst2_split("dev", path), load_sst2_split("test", path)
    )


def load_sst2_split(split: Sst2Split, path: str | PathLike[str] | None = None) -> Sentences:
    """Read one split.

    Without a path the embedded file is read and its checksum verified. With one, the folder is
    searched for `train-sentences.tsv` ("sentences"), `train.tsv` ("phrases"), `dev.tsv` or
    `test.tsv`, each also with `.gz`.

    Raises:
        ValueError: There is no such split.
        MissingDataError: The file does not exist.
        UnreadableDataError: The operating system cannot read it.
        ChecksumError: The embedded file is damaged.
        DataFormatError: As for `read_tsv`.
    """
    if split not in _STEMS:
        raise ValueError(f"load_sst2_split: split {split!r} is none of {', '.join(_STEMS)}")
    stem = _STEMS[split]
    if path is None:
        name = f"sst2/{stem}.tsv.gz"
        return parse_tsv(gunzip(read_embedded(name), name), name)
    return read_tsv(first_existing(Path(path), [f"{stem}.tsv", f"{stem}.tsv.gz"]))


def read_tsv(path: str | PathLike[str]) -> Sentences:
    """Read one file of labelled sentences, gzip-compressed or not.

    Raises:
        MissingDataError: The file does not exist.
        UnreadableDataError: The operating system cannot read it.
        DataFormatError: The content has another format, see `parse_tsv`.
    """
    return parse_tsv(gunzip(read_bytes(Path(path)), path), path)


def parse_tsv(content: bytes | bytearray, source: object = "TSV data") -> Sentences:
    r"""Parse lines of UTF-8 text, columns separated by tabs, the first line naming them.

    The columns `sentence` and `label` are read, others ignored. There is no quoting.

    Args:
        content: The whole file, decompressed.
        source: The name of the file in errors.

    Raises:
        DataFormatError: The text is not UTF-8, a column is missing, a line has too few or too many
            columns, a sentence is empty, or a label is not 0 or 1. The message names file and line.

    >>> parse_tsv(b"sentence\tlabel\na fine film \t1\ndull .\t0\n").texts
    ('a fine film', 'dull .')
    """
    lines = decode(content, source).split("\n")
    if lines[-1] == "":
        lines.pop()
    columns = lines[0].removesuffix("\r").split("\t") if lines else []
    for name in ("sentence", "label"):
        if name not in columns:
            raise DataFormatError(
                f"{source}, line 1: no column {name!r} among {', '.join(map(repr, columns))}."
            )
    sentence, label = columns.index("sentence"), columns.index("label")

    texts: list[str] = []
    labels: list[bool] = []
    for number, line in enumerate(lines[1:], start=2):
        fields = line.removesuffix("\r").split("\t")
        if len(fields) != len(columns):
            raise DataFormatError(
                f"{source}, line {number}: {len(columns)} columns expected, {len(fields)} found."
            )
        text = plain_text(fields[sentence])
        if not text:
            raise DataFormatError(f"{source}, line {number}: the sentence is empty.")
        if fields[label] not in ("0", "1"):
            raise DataFormatError(
                f"{source}, line {number}: label {fields[label]!r} is neither 0 nor 1."
            )
        texts.append(text)
        labels.append(fields[label] == "1")
    return labelled(texts, labels)


def labelled(texts: Iterable[str], positive: Iterable[bool]) -> Sentences:
    """Return texts with labels, the labels as a read-only array."""
    return Sentences(tuple(texts), np.frombuffer(bytes(positive), np.uint8))


def plain_text(text: str) -> str:
    r"""Remove outer spaces and the treebank's escapes of `/` and `*`.

    GLUE's files write these characters plainly, the sentence-level files as `\/` and `\*`.

    >>> plain_text(r" a writer\/director ")
    'a writer/director'
    """
    return text.strip().replace(r"\/", "/").replace(r"\*", "*")
