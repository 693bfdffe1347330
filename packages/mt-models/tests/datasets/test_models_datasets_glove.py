"""GloVe: the embedded table, and invalid tables."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_models import datasets
from mt_models.datasets import DataFormatError, Glove, load_glove
from mt_models.datasets.glove import _parse_npz

WORDS = np.array(["the", "film", "fine"])
VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)


def npz(**arrays: Any) -> bytes:
    """The content of an .npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def glove() -> Glove:
    return load_glove()


class TestEmbedded:
    def test_shape(self, glove: Glove) -> None:
        assert len(glove.words) == len(glove.index) == 16_135
        assert glove.vectors.shape == (16_135, 50)
        assert glove.vectors.dtype == np.float32
        assert not glove.vectors.flags.writeable

    def test_the_most_frequent_words_come_first(self, glove: Glove) -> None:
        assert glove.words[:5] == ("the", ",", ".", "of", "to")

    def test_the_published_vector(self, glove: Glove) -> None:
        published = [0.418, 0.24968, -0.41242, 0.1217, 0.34527]
        assert glove.vectors[glove.index["the"], :5].tolist() == pytest.approx(published)

    def test_mean_length(self, glove: Glove) -> None:
        assert np.linalg.norm(glove.vectors, axis=1).mean() == pytest.approx(4.47, abs=0.005)

    def test_the_index_is_the_order_of_the_words(self, glove: Glove) -> None:
        assert [glove.index[word] for word in glove.words] == list(range(16_135))

    def test_similar_words_have_similar_vectors(self, glove: Glove) -> None:
        unit = glove.vectors / np.linalg.norm(glove.vectors, axis=1, keepdims=True)
        likeness = unit @ unit[glove.index["movie"]]
        assert {glove.words[row] for row in np.argsort(likeness)[-3:]} == {
            "movie",
            "movies",
            "film",
        }

    def test_short_repr(self, glove: Glove) -> None:
        assert repr(glove) == "Glove(16135 words, 50 dimensions)"


class TestTablesOfAUser:
    def test_round_trip(self, tmp_path: Path) -> None:
        (tmp_path / "mine.npz").write_bytes(npz(words=WORDS, vectors=VECTORS))
        glove = load_glove(str(tmp_path / "mine.npz"))
        assert glove.words == ("the", "film", "fine")
        assert dict(glove.index) == {"the": 0, "film": 1, "fine": 2}
        np.testing.assert_array_equal(glove.vectors, VECTORS, strict=True)

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(datasets.MissingDataError, match=r"the file .*mine\.npz does not exist"):
            load_glove(tmp_path / "mine.npz")

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [
            ({"words": WORDS}, r"'words' and 'vectors' expected, \['words'\] found"),
            ({"words": WORDS, "vectors": VECTORS[:2]}, r"float32 of shape \(3, dimensions\)"),
            ({"words": WORDS, "vectors": VECTORS.astype(float)}, "not float64"),
            ({"words": WORDS, "vectors": VECTORS.ravel()}, r"of shape \(6,\)"),
            ({"words": WORDS[:, None], "vectors": VECTORS}, "1-D array of strings"),
            ({"words": np.arange(3), "vectors": VECTORS}, "strings, not int64"),
            ({"words": WORDS.astype(object), "vectors": VECTORS}, "not a readable .npz"),
            ({"words": WORDS[[0, 1, 0]], "vectors": VECTORS}, "1 words occur more than once"),
            ({"words": WORDS, "vectors": VECTORS * np.float32(np.nan)}, "vector of 'the' is not"),
        ],
    )
    def test_invalid_tables(self, arrays: dict[str, Any], message: str) -> None:
        with pytest.raises(DataFormatError, match=f"^mine.*{message}"):
            _parse_npz(npz(**arrays), "mine")

    @pytest.mark.parametrize("content", [b"", b"PK", b"the 0.1 0.2\n", b"\x93NUMPY", b"\x80\x04"])
    def test_files_that_are_not_archives(self, content: bytes) -> None:
        with pytest.raises(DataFormatError, match=r"^mine"):
            _parse_npz(content, "mine")

    def test_a_single_array_is_not_an_archive(self) -> None:
        buffer = io.BytesIO()
        np.save(buffer, VECTORS)
        with pytest.raises(DataFormatError, match="'words' and 'vectors' expected"):
            _parse_npz(buffer.getvalue(), "mine")

    def test_an_archive_of_other_files(self) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("words", "the")
            archive.writestr("vectors.npy", "0.1")
        with pytest.raises(DataFormatError, match="mine"):
            _parse_npz(buffer.getvalue(), "mine")

    @given(st.data())
    def test_damage_is_detected(self, data: st.DataObject) -> None:
        content = bytearray(npz(words=WORDS, vectors=VECTORS))
        length = data.draw(st.integers(0, len(content)))
        del content[length:]
        if length:
            bit = data.draw(st.integers(0, 8 * length - 1))
            content[bit // 8] ^= 1 << bit % 8
        try:
            glove = _parse_npz(bytes(content), "mine")
        except DataFormatError:
            return
        assert glove.words == tuple(WORDS)
        np.testing.assert_array_equal(glove.vectors, VECTORS)
