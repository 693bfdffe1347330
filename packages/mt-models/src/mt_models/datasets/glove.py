"""GloVe: word vectors, trained on the co-occurrence of words.

J. Pennington, R. Socher and C. D. Manning, "GloVe: Global Vectors for Word Representation"
(2014). The embedded table contains the 50-dimensional vectors of the words of SST-2.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from mt_models.datasets.errors import DataFormatError
from mt_models.datasets.files import read_bytes, read_embedded

_EMBEDDED = "glove/glove.6B.50d.sst2.npz"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Glove:
    """Words in order of frequency, their vectors, and the row of each word.

    Shape:
        - vectors: (words, dimensions), float32, read-only, not normalised
    """

    words: tuple[str, ...]
    vectors: NDArray[np.float32]
    index: Mapping[str, int]

    def __repr__(self) -> str:
        return f"Glove({self.vectors.shape[0]} words, {self.vectors.shape[1]} dimensions)"


def load_glove(path: str | PathLike[str] | None = None) -> Glove:
    """Read a table of word vectors.

    Args:
        path: An `.npz` file with the arrays `words` (strings) and `vectors` (float32, one row
            for each word); by default the embedded table, whose checksum is verified.

    Raises:
        MissingDataError: The file does not exist.
        UnreadableDataError: The operating system cannot read it.
        ChecksumError: The embedded file is damaged.
        DataFormatError: The file has another format, a word occurs twice, or a vector contains
            NaN or infinity.
    """
    if path is None:
        return _parse_npz(read_embedded(_EMBEDDED), _EMBEDDED)
    return _parse_npz(read_bytes(Path(path)), path)


def _parse_npz(content: bytes, source: object) -> Glove:
    words, vectors = _read_arrays(content, source)
    if words.ndim != 1 or words.dtype.kind != "U":
        raise DataFormatError(
            f"{source}: 'words' must be a 1-D array of strings, not {words.dtype} of shape "
            f"{words.shape}."
        )
    if vectors.ndim != 2 or vectors.dtype != np.float32 or len(vectors) != len(words):
        raise DataFormatError(
            f"{source}: 'vectors' must be float32 of shape ({len(words)}, dimensions), not "
            f"{vectors.dtype} of shape {vectors.shape}."
        )
    if not np.isfinite(vectors).all():
        row = int(np.argmin(np.isfinite(vectors).all(axis=1)))
        raise DataFormatError(f"{source}: the vector of {str(words[row])!r} is not finite.")
    names = tuple(words.tolist())
    index = {word: row for row, word in enumerate(names)}
    if len(index) != len(names):
        raise DataFormatError(f"{source}: {len(names) - len(index)} words occur more than once.")
    vectors.flags.writeable = False
    return Glove(names, vectors, MappingProxyType(index))


def _read_arrays(content: bytes, source: object) -> tuple[NDArray[np.str_], NDArray[np.float32]]:
    try:
        archive = np.load(io.BytesIO(content), allow_pickle=False)
        arrays = dict(archive) if isinstance(archive, NpzFile) else {}
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError, struct.error),  # damaged content
        *(ValueError, OSError, RuntimeError),  # pickled objects, unknown compression
        TypeError,  # NumPy 2.3.0 on a file that is no array
    ) as error:
        raise DataFormatError(f"{source} is not a readable .npz file: {error}.") from error
    words, vectors = arrays.get("words"), arrays.get("vectors")
    if not isinstance(words, np.ndarray) or not isinstance(vectors, np.ndarray):
        found = list(arrays)
        raise DataFormatError(f"{source}: arrays 'words' and 'vectors' expected, {found} found.")
    return words, vectors
