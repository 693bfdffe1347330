"""Plain texts for language models: tiny Shakespeare, names, and text files of users."""

from os import PathLike
from pathlib import Path

from mt_models.datasets.errors import DataFormatError, UnreadableDataError
from mt_models.datasets.files import decode, gunzip, read_bytes, read_embedded

_SHAKESPEARE = "text/tinyshakespeare.txt.gz"
_NAMES = "text/names.txt.gz"

TRAINING_SHARE = 0.9
"""The share of a text, from its beginning, that is for training; the rest is for validation."""


def load_plain_text(path: str | PathLike[str] | None = None) -> str:
    r"""Return tiny Shakespeare, or the text of a file.

    Line ends of Windows become ``\n``.

    Args:
        path: A text file in UTF-8, plain or compressed with gzip; None for tiny Shakespeare.

    Raises:
        MissingDataError: The file does not exist.
        UnreadableDataError: The file cannot be read, or it is a folder or a device.
        DataFormatError: The file is empty, or not a text in UTF-8.
        ChecksumError: The embedded file is damaged.

    >>> load_plain_text()[:14]
    'First Citizen:'
    """
    if path is None:
        return gunzip(read_embedded(_SHAKESPEARE), _SHAKESPEARE).decode("utf-8")
    source = Path(path)
    if source.is_dir():
        raise UnreadableDataError(
            f"{source} is a folder; pass one text file (join several files with `cat`)"
        )
    if source.is_char_device() or source.is_block_device():
        # The devices zero and random have no end.
        raise UnreadableDataError(f"{source} is a device; pass a text file")
    text = decode(gunzip(read_bytes(source), source), source).replace("\r\n", "\n")
    if not text.strip():
        raise DataFormatError(f"{source} contains no text; pass a file with text in UTF-8")
    return text


def load_names() -> tuple[str, ...]:
    """Return 32,033 first names in lower case, a to z, in the order of the file.

    Raises:
        ChecksumError, MissingDataError: The embedded file is damaged or does not exist.

    >>> load_names()[:3]
    ('emma', 'olivia', 'ava')
    """
    return tuple(gunzip(read_embedded(_NAMES), _NAMES).decode("ascii").split())


def split_text(text: str) -> tuple[str, str]:
    """Return the first nine tenths of a text, for training, and the rest, for validation.

    >>> split_text("0123456789")
    ('012345678', '9')
    """
    first = int(TRAINING_SHARE * len(text))
    return text[:first], text[first:]
