"""CSV files of texts and labels."""

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_models.datasets import (
    DataError,
    DataFormatError,
    MissingDataError,
    load_sst2,
    load_test_texts,
    load_texts,
    read_texts,
    tokenise,
)

PLAIN = "text,label\nA fine film.,good\nIt isn't.,bad\nWhat fun!,good\nDull,bad\n"


def write(folder: Path, content: str | bytes, name: str = "texts.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_texts_are_tokenised_and_labels_kept(tmp_path: Path) -> None:
    found = read_texts(write(tmp_path, PLAIN))
    assert found.texts == ("a fine film .", "it is n't .", "what fun !", "dull")
    assert found.labels == ("good", "bad", "good", "bad")
    assert found.lines == (2, 3, 4, 5)
    sentences = found.sentences(("bad", "good"))
    assert sentences.labels.tolist() == [1, 0, 1, 0]
    assert not sentences.labels.flags.writeable


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", PLAIN.replace("\n", "\r\n")),
        ("a.csv", PLAIN.replace("\n", "\r")),
        ("a.csv", PLAIN.encode("utf-8-sig")),
        ("a.csv", PLAIN.encode("utf-16")),
        ("a.csv", PLAIN.replace(",", ";")),
        ("a.csv", PLAIN.replace(",", "\t")),
        ("a.tsv", PLAIN.replace(",", "\t")),
        ("a.csv", PLAIN.replace("text,label", " Review , Sentiment ")),
        ("a.csv", PLAIN.replace("\n", "\n\n")),
        ("a.csv.gz", gzip.compress(PLAIN.encode(), mtime=0)),
    ],
    ids=[
        "CRLF",
        "CR",
        "BOM",
        "UTF-16",
        "semicolons",
        "tabs",
        "tsv",
        "titles",
        "blank lines",
        "gzip",
    ],
)
def test_the_forms_of_a_file_do_not_matter(tmp_path: Path, name: str, content: str | bytes) -> None:
    expected = read_texts(write(tmp_path, PLAIN, "plain.csv"))
    found = read_texts(write(tmp_path, content, name))
    assert (found.texts, found.labels) == (expected.texts, expected.labels)


rows = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        st.sampled_from(["good", "bad"]),
    ).filter(lambda row: bool(tokenise(row[0]))),
    min_size=1,
    max_size=5,
)


@given(rows, st.sampled_from(",;\t"), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_files_of_the_csv_module_are_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    delimiter: str,
    quoting: Any,
) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, quoting=quoting).writerows([("text", "label"), *rows])
    found = read_texts(write(tmp_path_factory.mktemp("csv"), stream.getvalue()))
    plain = [text.strip().replace(r"\/", "/").replace(r"\*", "*") for text, _ in rows]
    assert found.texts == tuple(map(tokenise, plain))
    assert found.labels == tuple(label for _, label in rows)


def test_tsv_files_have_no_quotes(tmp_path: Path) -> None:
    path = write(tmp_path, 'text\tlabel\n"fine\t1\n', "a.tsv")
    assert read_texts(path).texts == ("`` fine",)


def test_chosen_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "text,label,tone,note\na,0,up,b\nc,1,down,d\n")
    found = read_texts(path, text_column="note", label_column="tone")
    assert (found.texts, found.labels) == (("b", "d"), ("up", "down"))
    with pytest.raises(DataFormatError, match=r"column 'mood' occurs 0 times among 'text'"):
        read_texts(path, label_column="mood")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"is empty; pass a CSV file"),
        ("\n", r"line 1: none of the columns  have"),
        (PLAIN.encode("utf-16-le"), r"contains characters of value 0; pass .* saved as UTF-8"),
        ("A fine film,good\n", r"line 1: none of .* 'A fine film', 'good' have .*--text-column"),
        ("text,mark\na,1\n", r"line 1: none of .*label, sentiment.*choose the column of labels"),
        (
            "text,review,label\na,b,1\n",
            r"2 of the .*choose the column of texts with the option",
        ),
        ("text,label\n", r"contains no text below the line"),
        ("text,label\nfine, but long,good\n", r"line 2: 2 columns expected, 3 found.*quotation"),
        ("text,label\na,1\nb\n", r"line 3: 2 columns expected, 1 found"),
        ('text,label\n"a\nb",1\n  ,0\n', r"line 4: the text is empty; complete"),
        ("text,label\n\u200b,1\n", r"line 2: the text is empty"),
        ("text,label\nfine,\n", r"line 2: the label is empty"),
        ('text,label\n"a"b,1\n', r"line 2: not readable as CSV .*quotation marks"),
        ('text,label\n"a,1\nb,0\n', r"not readable as CSV .*quotation marks"),
        (b"text,label\na,1\ncaf\xe9,0\n", r"line 3: byte 0xe9 is not UTF-8 text. Save the file"),
        (b"\xff\xfet\0e\0x", r"is not UTF-16 text"),
    ],
)
def test_errors_name_line_and_way_out(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(DataFormatError, match=message) as caught:
        read_texts(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (["bad", "GOOD"], ("bad", "good"), [0, 1]),
        (["good", "Good", "GOOD"], ("Good", "bad", "good"), [2, 0, 2]),
        (["1", "0"], ("negative", "positive"), [1, 0]),
        (["1", "2"], ("1", "2"), [0, 1]),
        (["2", "1"], ("a", "b", "c"), [2, 1]),
    ],
)
def test_labels_are_names_or_numbers_of_classes(
    tmp_path: Path, labels: list[str], classes: tuple[str, ...], expected: list[int]
) -> None:
    path = write(tmp_path, "text,label\n" + "".join(f"a,{label}\n" for label in labels))
    assert load_test_texts(path, classes).labels.tolist() == expected


@pytest.mark.parametrize("labels", [["bad", "1"], ["0", "2"], ["0", "1.0"], ["0", "-1"]])
def test_other_labels_raise(tmp_path: Path, labels: list[str]) -> None:
    path = write(tmp_path, "text,label\n" + "".join(f"a,{label}\n" for label in labels))
    message = rf"line 3: label '{labels[1]}' is none of the classes bad, good. .*from 0 to 1"
    with pytest.raises(DataFormatError, match=message):
        load_test_texts(path, ("bad", "good"))


def many(count: int, label: str) -> str:
    return "".join(f"text {label} {number},{label}\n" for number in range(count))


def test_a_fifth_of_each_class_is_held_out(tmp_path: Path) -> None:
    path = write(tmp_path, "text,label\n" + many(10, "10") + many(20, "9"))
    texts = load_texts(path)
    assert texts.classes == ("9", "10")
    assert np.bincount(texts.train.labels).tolist() == [16, 8]
    assert np.bincount(texts.dev.labels).tolist() == [4, 2]
    assert len(texts.test) == 0
    assert len({*texts.train.texts, *texts.dev.texts}) == 30
    for sentences in (texts.train, texts.dev):
        for text, label in zip(sentences.texts, sentences.labels, strict=True):
            assert text.split()[1] == texts.classes[label]


def test_a_folder_of_csv_files(tmp_path: Path) -> None:
    head = "text,label\n"
    write(tmp_path, head + many(8, "a") + many(8, "b"), "train.csv")
    assert len(load_texts(tmp_path).dev) == 2
    write(tmp_path, head + many(3, "b"), "test.csv")
    assert load_texts(tmp_path).dev.labels.tolist() == [1, 1, 1]
    write(tmp_path, head + many(2, "a"), "dev.csv")
    texts = load_texts(tmp_path)
    assert texts.dev.labels.tolist() == [0, 0]
    assert texts.test.labels.tolist() == [1, 1, 1]
    assert len(set(texts.train.labels[:8].tolist())) == 2  # not in the order of the classes
    assert load_test_texts(tmp_path, texts.classes).labels.tolist() == [1, 1, 1]
    (tmp_path / "test.csv").unlink()
    assert load_test_texts(tmp_path, texts.classes).labels.tolist() == [0, 0]
    (tmp_path / "dev.csv").unlink()
    with pytest.raises(MissingDataError, match=r"contains no test.csv, validation.csv or dev.csv"):
        load_test_texts(tmp_path, texts.classes)


def test_the_embedded_files_are_read_as_by_load_sst2(tmp_path: Path) -> None:
    """The embedded texts are tokenised already; a few abbreviations change."""
    expected = load_sst2().test
    rows = zip(expected.texts, expected.labels, strict=True)
    lines = "".join(f"{text}\t{label}\n" for text, label in rows)
    write(tmp_path, f"sentence\tlabel\n{lines}", "test.tsv")
    found = load_test_texts(tmp_path, ("negative", "positive"))
    np.testing.assert_array_equal(found.labels, expected.labels)
    pairs = zip(expected.texts, found.texts, strict=True)
    assert sum(a.split() != b.split() for a, b in pairs) < 0.004 * len(found)
    assert load_texts().test.texts == expected.texts


@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        ("text,label\na,x\nb,x\n", {}, DataFormatError, r"number of classes is 1 \('x'\)"),
        ("text,label\na,x\nb,y\n", {}, DataFormatError, "one text in each class.*Add texts"),
        (PLAIN, {"train": "phrases"}, ValueError, "no set of phrases; leave out"),
    ],
)
def test_errors_in_training_data(
    tmp_path: Path,
    content: str,
    options: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        load_texts(write(tmp_path, content), **options)


def test_errors_of_folders_and_files(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"train-sentences.tsv.*a CSV file, and a folder"):
        load_texts(tmp_path)
    with pytest.raises(DataError, match=r"nothing\.csv does not exist"):
        load_texts(tmp_path / "nothing.csv")
    with pytest.raises(ValueError, match="text_column 'a' is for CSV files; leave it out"):
        load_texts(text_column="a")
