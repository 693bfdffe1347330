"""MNIST: handwritten digits as arrays of bytes.

An IDX file is a magic number, the sizes of its dimensions as big-endian 32-bit integers, and
then only bytes, so an array can view the content without a copy.
The format is described by Y. LeCun, C. Cortes and C. Burges, "The MNIST database of
handwritten digits".
"""

import math
import struct
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mt_models.datasets.errors import DataFormatError
from mt_models.datasets.files import first_existing, gunzip, read_bytes, read_embedded

Bytes = NDArray[np.uint8]
MnistSplit = Literal["train", "test"]

_PREFIXES = {"train": "train", "test": "t10k"}
_UBYTE = 0x08  # IDX's code for unsigned bytes


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Mnist:
    """Images and labels of both splits; the arrays are read-only.

    `load_images` returns other images in this form, with classes of their own.

    Shape:
        - images: (N, 28, 28), uint8, 0 is background and 255 is ink
        - labels: (N,), uint8, the index of a class
    """

    train_images: Bytes
    train_labels: Bytes
    test_images: Bytes
    test_labels: Bytes
    classes: tuple[str, ...] = tuple("0123456789")

    def __repr__(self) -> str:
        return f"Mnist(train={len(self.train_labels)}, test={len(self.test_labels)})"


def load_mnist(path: str | PathLike[str] | None = None) -> Mnist:
    """Read the training and the test images.

    Args:
        path: A folder of IDX files, as for `python-mnist`; by default the embedded MNIST. See
            `load_mnist_split` for the names of the files.

    Raises:
        DataError: As for `load_mnist_split`.
    """
    return Mnist(*load_mnist_split("train", path), *load_mnist_split("test", path))


def load_mnist_split(
    split: MnistSplit, path: str | PathLike[str] | None = None
) -> tuple[Bytes, Bytes]:
    """Read the images and the labels of one split.

    Without a path the embedded files are read and their checksums verified. With one, the
    folder is searched for `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same
    names with `t10k`, each also with `.idx` in place of `-idx`, with `.gz`, and in a folder of that
    name, as Kaggle unpacks them; images may then have any size.

    Shape:
        - images: (N, rows, columns), uint8, read-only
        - labels: (N,), uint8, read-only

    Raises:
        ValueError: The split is neither "train" nor "test".
        MissingDataError: A file does not exist.
        UnreadableDataError: The operating system cannot read one.
        ChecksumError: An embedded file is damaged.
        DataFormatError: A file is not an IDX file of the right kind, its size does not agree with
            its header, a label is not a digit, or the numbers of labels and images differ.
    """
    if split not in _PREFIXES:
        raise ValueError(f"load_mnist_split: split {split!r} is neither 'train' nor 'test'")
    prefix = _PREFIXES[split]
    images, images_name = _read_idx(f"{prefix}-images", 3, path)
    labels, labels_name = _read_idx(f"{prefix}-labels", 1, path)
    if len(images) != len(labels):
        raise DataFormatError(
            f"{images_name} contains {len(images)} images, and {labels_name} {len(labels)} labels. "
            "Use two files of the same set."
        )
    if labels.max(initial=0) > 9:
        index = int(np.argmax(labels > 9))
        raise DataFormatError(
            f"{labels_name}: label {labels[index]} at index {index}; digits are 0 to 9. For other "
            "classes, pass a folder of pictures with a folder for each class."
        )
    return images, labels


def parse_idx(content: bytes | bytearray, ndim: int, source: object = "IDX data") -> Bytes:
    r"""Return a read-only array that views the content of an IDX file of unsigned bytes.

    Args:
        content: The whole file, decompressed.
        ndim: The required number of dimensions.
        source: The name of the file in errors.

    Raises:
        DataFormatError: The magic number is not that of `ndim` dimensions of unsigned bytes,
            or the number of bytes after the header is wrong.

    >>> parse_idx(b"\0\0\x08\x01\0\0\0\x03\7\2\1", ndim=1)
    array([7, 2, 1], dtype=uint8)
    """
    header = 4 + 4 * ndim
    if len(content) < header:
        raise DataFormatError(
            f"{source}: {len(content)} bytes are too few for the IDX header of {header} bytes."
        )
    magic, *shape = struct.unpack_from(f">{1 + ndim}I", content)
    expected = _UBYTE << 8 | ndim
    if magic != expected:
        raise DataFormatError(
            f"{source}: magic number {expected:#010x} expected ({ndim} dimensions of unsigned "
            f"bytes), {magic:#010x} found."
        )
    promised, found = math.prod(shape), len(content) - header
    if promised != found:
        product = " x ".join(map(str, shape))
        raise DataFormatError(
            f"{source}: the header declares {product} = {promised} bytes, and {found} follow it. "
            "The file is truncated, or has data appended."
        )
    try:
        array = np.frombuffer(content, np.uint8, offset=header).reshape(shape)
    except ValueError as error:  # No bytes, but sizes beyond NumPy's limit.
        raise DataFormatError(f"{source}: impossible shape {tuple(shape)}.") from error
    array.flags.writeable = False
    return array


def _read_idx(stem: str, ndim: int, path: str | PathLike[str] | None) -> tuple[Bytes, str]:
    """Return the array and the name of its file."""
    if path is None:
        name = f"mnist/{stem}-idx{ndim}-ubyte.gz"
        content = read_embedded(name)
    else:
        file = first_existing(Path(path), _names(stem, ndim))
        name, content = str(file), read_bytes(file)
    return parse_idx(gunzip(content, name), ndim, name), name


def _names(stem: str, ndim: int) -> list[str]:
    """Return the names that a file may have."""
    return [f"{stem}{dot}idx{ndim}-ubyte{gz}" for dot in "-." for gz in ("", ".gz")]


def is_idx_folder(folder: Path) -> bool:
    """Return whether a folder contains a file or a folder with the name of an IDX file."""
    names = [name for prefix in _PREFIXES.values() for name in _names(f"{prefix}-images", 3)]
    return any((folder / name).exists() for name in names)
