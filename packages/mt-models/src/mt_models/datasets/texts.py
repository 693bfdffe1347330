"""Texts of users: CSV files with a column of texts and a column of labels.

The first line names the columns. They are separated by commas, semicolons or tabs, and texts may be
in quotation marks, except in files that end in `.tsv`. Each text is tokenised as SST-2 is.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mt_models.datasets.classes import class_names, hold_out
from mt_models.datasets.errors import DataFormatError, MissingDataError
from mt_models.datasets.files import decode, gunzip, read_bytes
from mt_models.datasets.sst2 import (
    Sentences,
    Sst2,
    TrainingSet,
    load_sst2,
    plain_text,
)
from mt_models.datasets.tokens import tokenise

TEXT_COLUMNS = ("text", "sentence", "review", "comment", "content", "message", "tweet")
LABEL_COLUMNS = ("label", "sentiment", "class", "category", "target", "rating")

_VALIDATION = ("validation", "valid", "val", "dev")
_CSV = (".csv", ".csv.gz")
_SUFFIXES = (*_CSV, ".tsv", ".tsv.gz")


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """Tokenised texts and their labels as they are written, with the line of each text."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    lines: tuple[int, ...]
    source: str

    def __len__(self) -> int:
        return len(self.texts)

    def sentences(self, classes: tuple[str, ...]) -> Sentences:
        """Return the texts with labels from 0.

        A label is the name of a class, in upper or lower case. If no label is one, a label is the
        number of a class.

        Raises:
            DataFormatError: A label is none of these. The message names the line.
        """
        exact = {name: number for number, name in enumerate(classes)}
        index = {name.casefold(): number for name, number in exact.items()} | exact
        if not any(label in index or label.casefold() in index for label in self.labels):
            index = {str(number): number for number in range(len(classes))}
        numbers = []
        for label, line in zip(self.labels, self.lines, strict=True):
            number = index.get(label, index.get(label.casefold()))
            if number is None:
                raise DataFormatError(
                    f"{self.source}, line {line}: label {label!r} is none of the classes "
                    f"{', '.join(classes)}. Write each label as one of these, or each as a number "
                    f"from 0 to {len(classes) - 1}."
                )
            numbers.append(number)
        return Sentences(self.texts, np.frombuffer(bytes(numbers), np.uint8))


def load_texts(
    path: str | PathLike[str] | None = None,
    *,
    train: TrainingSet = "sentences",
    text_column: str | None = None,
    label_column: str | None = None,
) -> Sst2:
    """Read training, validation and test texts.

    Without a file for validation, a fifth of the texts of each class is held out; the choice is
    always the same.

    Args:
        path: A CSV file; or a folder with `train.csv` and `validation.csv`, `dev.csv` or
            `test.csv`; or a folder of TSV files as for `load_sst2`; by default the embedded SST-2.
        train: As for `load_sst2`.
        text_column: The column of texts, see `read_texts`.
        label_column: The column of labels.

    Raises:
        DataError: As for `read_texts` and `load_sst2`.
    """
    columns = {"text_column": text_column, "label_column": label_column}
    source = None if path is None else Path(path)
    if source is None or (source.is_dir() and _file(source, ("train",), _CSV) is None):
        return _sst2(source, train, columns)
    if train != "sentences":
        raise ValueError(f"load_texts: {source} has no set of {train}; leave out train={train!r}")
    if not source.is_dir():
        return _split(read_texts(source, **columns))
    first = read_texts(_file(source, ("train",), _CSV) or source, **columns)
    found = [_file(source, names) for names in (_VALIDATION, ("test",))]
    others = [read_texts(file, **columns) for file in found if file is not None]
    if not others:
        return _split(first)
    classes = class_names(first.labels, first.source)
    sentences = first.sentences(classes)
    # Files are often sorted by class, and a part of them would contain only some classes.
    order = np.random.default_rng(0).permutation(len(sentences))
    validation, test = [*(part.sentences(classes) for part in others), _NONE][:2]
    return Sst2(_chosen(sentences, order), validation, test, classes)


def load_test_texts(
    path: str | PathLike[str],
    classes: tuple[str, ...],
    *,
    text_column: str | None = None,
    label_column: str | None = None,
) -> Sentences:
    """Read texts on which a trained network is evaluated.

    Args:
        path: A CSV file; or a folder with `test.csv`, or else with `validation.csv` or `dev.csv`,
            or with TSV files of these names.
        classes: The classes of the network.
        text_column: The column of texts, see `read_texts`.
        label_column: The column of labels.

    Raises:
        DataError: As for `read_texts`, or a label is none of the classes.
    """
    source = Path(path)
    if source.is_dir():
        file = _file(source, ("test",)) or _file(source, _VALIDATION)
        if file is None:
            raise MissingDataError(
                f"{source} contains no test.csv, validation.csv or dev.csv; pass a CSV file, or "
                "rename one."
            )
        source = file
    return read_texts(source, text_column=text_column, label_column=label_column).sentences(classes)


def read_texts(
    path: str | PathLike[str], *, text_column: str | None = None, label_column: str | None = None
) -> LabelledTexts:
    """Read one CSV file, gzip-compressed or not.

    Args:
        path: The file.
        text_column: The name of the column of texts; by default the only one of `TEXT_COLUMNS`.
        label_column: The name of the column of labels; by default the only one of `LABEL_COLUMNS`.

    Raises:
        MissingDataError: The file does not exist.
        UnreadableDataError: The operating system cannot read it.
        DataFormatError: The content is not text in UTF-8 or UTF-16, a column cannot be found, a
            line has too few or too many columns, a text or a label is empty, a quotation mark is
            not closed, or there is no text. The message names file and line.
    """
    source = Path(path)
    content = decode(gunzip(read_bytes(source), source), source)
    if not content or "\0" in content:
        found = "contains characters of value 0" if content else "is empty"
        raise DataFormatError(f"{source} {found}; pass a CSV file that is saved as UTF-8.")
    quoted = ".tsv" not in source.suffixes
    head = content.partition("\n")[0]
    delimiter = max(",;\t" if quoted else "\t,;", key=head.count)
    stream = io.StringIO(content, newline="")
    reader = csv.reader(
        stream,
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        strict=True,
    )
    texts, labels, lines = [], [], []
    try:
        columns = [name.strip() for name in next(reader, [])]
        text = _column(columns, text_column, TEXT_COLUMNS, "text", source)
        label = _column(columns, label_column, LABEL_COLUMNS, "label", source)
        line = reader.line_num + 1
        for row in reader:
            if row:
                _check_row(row, columns, text, label, f"{source}, line {line}")
                texts.append(tokenise(plain_text(row[text])))
                labels.append(row[label].strip())
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataFormatError(
            f"{source}, line {reader.line_num}: not readable as CSV ({error}). Check the quotation "
            "marks from this line upwards."
        ) from error
    if not texts:
        raise DataFormatError(f"{source} contains no text below the line with the columns.")
    return LabelledTexts(tuple(texts), tuple(labels), tuple(lines), str(source))


_NONE = Sentences((), np.empty(0, np.uint8))


def _check_row(row: list[str], columns: list[str], text: int, label: int, place: str) -> None:
    if len(row) != len(columns):
        raise DataFormatError(
            f"{place}: {len(columns)} columns expected, {len(row)} found. Put a text that contains "
            "a separator in quotation marks."
        )
    for name, index in (("text", text), ("label", label)):
        if not row[index].strip() or (name == "text" and not tokenise(row[index])):
            raise DataFormatError(f"{place}: the {name} is empty; complete the line or remove it.")


def _column(
    columns: list[str], chosen: str | None, usual: tuple[str, ...], kind: str, source: Path
) -> int:
    """Return the index of the column of texts or of labels."""
    option = f"the option --{kind}-column, or the argument {kind}_column"
    shown = ", ".join(map(repr, columns))
    if chosen is not None:
        if columns.count(chosen) != 1:
            raise DataFormatError(
                f"{source}, line 1: column {chosen!r} occurs {columns.count(chosen)} times among "
                f"{shown}; pass the name of one column."
            )
        return columns.index(chosen)
    found = [index for index, name in enumerate(columns) if name.casefold() in usual]
    if len(found) != 1:
        raise DataFormatError(
            f"{source}, line 1: {len(found) or 'none'} of the columns {shown} have one of the "
            f"names {', '.join(usual)}; choose the column of {kind}s with {option}."
        )
    return found[0]


def _sst2(folder: Path | None, train: TrainingSet, columns: Mapping[str, str | None]) -> Sst2:
    """Read SST-2, whose columns have names of their own."""
    for name, column in columns.items():
        if column is not None:
            raise ValueError(
                f"load_texts: {name} {column!r} is for CSV files; leave it out, or pass a CSV file"
            )
    try:
        return load_sst2(folder, train=train)
    except MissingDataError as error:
        raise MissingDataError(
            f"{error} Allowed are also a CSV file, and a folder with train.csv."
        ) from error


def _chosen(sentences: Sentences, indices: npt.NDArray[np.intp]) -> Sentences:
    labels = sentences.labels[indices]
    labels.flags.writeable = False
    return Sentences(tuple(sentences.texts[i] for i in indices), labels)


def _file(
    folder: Path, names: tuple[str, ...], suffixes: tuple[str, ...] = _SUFFIXES
) -> Path | None:
    """Return the first of the files that exists in a folder."""
    paths = (folder / f"{name}{suffix}" for name in names for suffix in suffixes)
    return next((path for path in paths if path.is_file()), None)


def _split(texts: LabelledTexts) -> Sst2:
    """Hold out texts for validation."""
    classes = class_names(texts.labels, texts.source)
    sentences = texts.sentences(classes)
    train, validation = hold_out(sentences.labels)
    if not len(validation):
        raise DataFormatError(
            f"{texts.source} has one text in each class, so that none is left for validation. Add "
            "texts, or pass a folder with train.csv and validation.csv."
        )
    return Sst2(_chosen(sentences, train), _chosen(sentences, validation), _NONE, classes)
