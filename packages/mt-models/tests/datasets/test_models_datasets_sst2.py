"""SST-2: the embedded files, and errors that name the line."""

import gzip
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_models import datasets
from mt_models.datasets import DataFormatError, parse_tsv
from mt_models.datasets.sst2 import plain_text

HEADER = "sentence\tlabel\n"

texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\t\n\r\\", exclude_categories=["Cs"])
).filter(lambda text: text == text.strip() != "")
rows = st.lists(st.tuples(texts, st.integers(0, 1)))


class TestEmbedded:
    @pytest.mark.parametrize(
        ("split", "count", "positive", "longest", "mean"),
        [
            ("phrases", 67_349, 37_569, 52, 9.4),
            ("sentences", 6_920, 3_610, 52, 19.3),
            ("dev", 872, 444, 47, 19.5),
            ("test", 1_821, 909, 56, 19.2),
        ],
    )
    def test_counts(
        self,
        split: datasets.Sst2Split,
        count: int,
        positive: int,
        longest: int,
        mean: float,
    ) -> None:
        sentences = datasets.load_sst2_split(split)
        assert len(sentences) == len(sentences.labels) == count
        assert np.bincount(sentences.labels).tolist() == [count - positive, positive]
        lengths = [len(text.split()) for text in sentences.texts]
        assert max(lengths) == longest
        assert np.mean(lengths) == pytest.approx(mean, abs=0.05)

    def test_first_and_last(self) -> None:
        sst2 = datasets.load_sst2()
        assert sst2.train.texts[0].startswith("a stirring , funny and finally transporting")
        assert sst2.train.labels[0] == 1
        assert sst2.dev.texts[0] == "it 's a charming and often affecting journey ."
        assert sst2.dev.labels[0] == 1
        assert sst2.test.texts[0] == "uneasy mishmash of styles and genres ."
        assert sst2.test.labels[0] == 0

    def test_training_on_phrases(self) -> None:
        sst2 = datasets.load_sst2(train="phrases")
        assert sst2.train.texts[0] == "hide new secretions from the parental units"
        assert sst2.train.labels[0] == 0

    @pytest.mark.parametrize("split", get_args(datasets.Sst2Split))
    def test_the_text_is_tokenised_lower_case(self, split: datasets.Sst2Split) -> None:
        for text in datasets.load_sst2_split(split).texts:
            assert text == text.strip() == text.lower()
            assert "  " not in text
            assert "\\" not in text
            assert '"' not in text

    def test_arrays_are_read_only(self) -> None:
        labels = datasets.load_sst2_split("dev").labels
        assert labels.dtype == np.uint8
        assert not labels.flags.writeable

    def test_short_repr(self) -> None:
        sst2 = datasets.load_sst2()
        assert repr(sst2.dev) == "Sentences(872, 444 positive)"
        assert len(repr(sst2)) < 120

    def test_wrong_names(self) -> None:
        with pytest.raises(ValueError, match="'all' is neither 'sentences' nor 'phrases'"):
            datasets.load_sst2(train="all")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="'train' is none of sentences, phrases, dev, test"):
            datasets.load_sst2_split("train")  # type: ignore[arg-type]


class TestFolders:
    @pytest.mark.parametrize("gz", [False, True])
    def test_files_of_a_user(self, tmp_path: Path, gz: bool) -> None:
        for label, stem in enumerate(["train-sentences", "train", "dev", "test"]):
            content = f"{HEADER}from {stem}\t{label % 2}\n".encode()
            if gz:
                (tmp_path / f"{stem}.tsv.gz").write_bytes(gzip.compress(content))
            else:
                (tmp_path / f"{stem}.tsv").write_bytes(content)
        for train, first in [("sentences", "from train-sentences"), ("phrases", "from train")]:
            sst2 = datasets.load_sst2(str(tmp_path), train=train)  # type: ignore[arg-type]
            assert sst2.train.texts == (first,)
            assert (sst2.dev.texts, sst2.dev.labels.tolist()) == (("from dev",), [0])
            assert (sst2.test.texts, sst2.test.labels.tolist()) == (("from test",), [1])

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(datasets.MissingDataError, match=r"none of dev\.tsv, dev\.tsv\.gz"):
            datasets.load_sst2_split("dev", tmp_path)
        with pytest.raises(datasets.MissingDataError, match="nowhere is not a folder"):
            datasets.load_sst2(tmp_path / "nowhere")
        with pytest.raises(datasets.MissingDataError, match=r"the file .*mine\.tsv does not exist"):
            datasets.read_tsv(tmp_path / "mine.tsv")

    def test_a_truncated_gz_file(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.tsv.gz"
        file.write_bytes(gzip.compress(HEADER.encode())[:-1])
        with pytest.raises(DataFormatError, match=r"mine\.tsv\.gz.*truncated"):
            datasets.read_tsv(file)

    def test_an_error_names_file_and_line(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.tsv"
        file.write_text(f"{HEADER}good\t1\nbad\t2\n")
        with pytest.raises(DataFormatError, match=rf"^{re.escape(str(file))}, line 3: label '2'"):
            datasets.read_tsv(file)


class TestParseTsv:
    @given(rows, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
    def test_round_trip(
        self, rows: list[tuple[str, int]], end: str, mark: bool, last_end: bool
    ) -> None:
        lines = ["sentence\tlabel", *(f"{text} \t{label}" for text, label in rows)]
        content = (end.join(lines) + end * last_end).encode("utf-8-sig" if mark else "utf-8")
        sentences = parse_tsv(content)
        assert list(sentences.texts) == [text for text, _ in rows]
        assert sentences.labels.tolist() == [label for _, label in rows]

    def test_columns_are_found_by_name(self) -> None:
        content = b"index\tlabel\tsentence\n0\t1\tfine\n1\t0\tdull\n"
        sentences = parse_tsv(content)
        assert sentences.texts == ("fine", "dull")
        assert sentences.labels.tolist() == [1, 0]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "line 1: no column 'sentence' among"),
            (b"text\tlabel\n", "line 1: no column 'sentence' among 'text', 'label'"),
            (b"index\tsentence\n0\tfine\n", "line 1: no column 'label' among"),
            (b"fine\t1\ndull\t0\n", "line 1: no column 'sentence' among 'fine', '1'"),
            (b"sentence\tlabel\nfine\t1\ndull\n", "line 3: 2 columns expected, 1 found"),
            (b"sentence\tlabel\nfine\tindeed\t1\n", "line 2: 2 columns expected, 3 found"),
            (b"sentence\tlabel\nfine\t1\n\ndull\t0\n", "line 3: 2 columns expected, 1 found"),
            (b"sentence\tlabel\nfine\t1\n \t0\n", "line 3: the sentence is empty"),
            (b"sentence\tlabel\nfine\t\n", "line 2: label '' is neither 0 nor 1"),
            (b"sentence\tlabel\nfine\t-1\n", "line 2: label '-1' is neither 0 nor 1"),
            (b"sentence\tlabel\nfine\t1.0\n", "line 2: label '1.0' is neither 0 nor 1"),
            ("sentence\tlabel\nfine\t¹\n".encode(), "line 2: label '¹' is neither 0 nor 1"),
            (b"sentence\tlabel\nfine\t1\n\xe9t\xe9\t1\n", "line 3: byte 0xe9 is not UTF-8"),
        ],
    )
    def test_errors_name_the_line(self, content: bytes, message: str) -> None:
        with pytest.raises(DataFormatError, match=f"^the file, {message}"):
            parse_tsv(content, "the file")

    @given(rows.filter(len), st.data())
    def test_an_end_within_a_line_is_detected(
        self, rows: list[tuple[str, int]], data: st.DataObject
    ) -> None:
        """A file that is truncated anywhere but after a label raises an error."""
        content = (HEADER + "".join(f"{text}\t{label}\n" for text, label in rows)).encode()
        length = data.draw(st.integers(0, len(content) - 1))
        if content[length : length + 1] == b"\n" or content[length - 1 : length] == b"\n":
            return
        with pytest.raises(DataFormatError):
            parse_tsv(content[:length])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"writer\/director", "writer/director"),
        (r"\*\*\* a film ", "*** a film"),
        (r"8 1\/2 .", "8 1/2 ."),
        ("and/or", "and/or"),
        (r"back\slash", r"back\slash"),
    ],
)
def test_escapes_of_the_treebank(text: str, plain: str) -> None:
    assert plain_text(text) == plain
    assert plain_text(plain) == plain
