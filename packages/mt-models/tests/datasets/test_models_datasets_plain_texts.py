"""Plain texts: the embedded ones, files of users, and the split."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_models.datasets import DataError, load_names, load_plain_text, split_text


def test_shakespeare_has_the_published_content() -> None:
    text = load_plain_text()
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert digest == "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
    assert len(set(text)) == 65
    assert [len(part) for part in split_text(text)] == [1_003_854, 111_540]


def test_names_have_two_to_fifteen_letters() -> None:
    names = load_names()
    assert len(names) == 32_033
    assert {len(name) for name in names} == set(range(2, 16))
    assert set("".join(names)) == set("abcdefghijklmnopqrstuvwxyz")


@given(st.text(max_size=50))
def test_a_split_loses_nothing(text: str) -> None:
    train, validation = split_text(text)
    assert train + validation == text
    assert len(validation) == len(text) - int(0.9 * len(text))


@pytest.mark.parametrize(
    "content",
    [b"caf\xc3\xa9\r\nbar", b"\xef\xbb\xbfcaf\xc3\xa9\nbar", gzip.compress(b"caf\xc3\xa9\nbar")],
    ids=["line ends", "byte order mark", "gzip"],
)
def test_files_may_have_a_byte_order_mark_or_be_compressed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "text").write_bytes(content)
    assert load_plain_text(tmp_path / "text") == "café\nbar"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "contains no text; pass a file with text"),
        (b" \n\n", "contains no text"),
        (b"one\ntwo \xff", "line 2: byte 0xff is not UTF-8 text. Save the file as UTF-8"),
    ],
)
def test_errors_name_the_file_and_a_solution(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "book.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"book\.txt") as caught:
        load_plain_text(tmp_path / "book.txt")
    assert message in str(caught.value)


def test_a_folder_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder; pass one text file"):
        load_plain_text(tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_plain_text(tmp_path / "book.txt")
