"""Access to the embedded data, with verified checksums.

In a checkout the data sets are in `data/` at its root, in an installed wheel in
`mt_models/data/`. Both folders contain `SHA256SUMS`; a file is returned only if its digest is
right. This module does not depend on the formats of the files.
"""

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Sequence
from pathlib import Path

from mt_models.datasets.errors import (
    ChecksumError,
    DataFormatError,
    MissingDataError,
    UnreadableDataError,
)

MANIFEST = "SHA256SUMS"

_WAY_OUT = (
    "Restore it with `git checkout -- data` in a checkout, or reinstall mt-models "
    "(`pip install --force-reinstall --no-deps mt-models`)."
)
_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 1 << 20


def data_folder() -> Path:
    """Return the folder of the embedded data: the checkout's or the installed package's.

    It is the nearest `data/` with a manifest above this module, so a package reads the files
    of its own version even if its environment is inside of another project.

    Raises:
        MissingDataError: No folder above this module contains the data.
    """
    return _nearest_data_folder(Path(__file__).resolve())


def read_embedded(name: str, folder: Path | None = None) -> bytes:
    """Read one embedded file and check its SHA-256.

    Args:
        name: The file's path relative to the data folder, as `SHA256SUMS` writes it.
        folder: The data folder, by default `data_folder()`.

    Raises:
        MissingDataError: The file or the manifest does not exist.
        UnreadableDataError: The operating system cannot read one of them.
        DataFormatError: The manifest is damaged.
        ChecksumError: The digest of the file is wrong.
    """
    folder = data_folder() if folder is None else folder
    expected = _read_manifest(folder / MANIFEST).get(name)
    if expected is None:
        raise DataFormatError(f"{folder / MANIFEST} lists no digest for {name}. {_WAY_OUT}")
    try:
        content = read_bytes(folder / name)
    except MissingDataError as error:
        raise MissingDataError(f"{error} {_WAY_OUT}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ChecksumError(
            f"{folder / name} is damaged: SHA-256 {expected} expected, {found} found "
            f"({len(content):,} bytes). {_WAY_OUT}"
        )
    return content


def read_bytes(path: Path) -> bytes:
    """Read a whole file.

    Raises:
        MissingDataError: The file does not exist.
        UnreadableDataError: The operating system cannot read it.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingDataError(f"the file {path} does not exist.") from error
    except OSError as error:
        raise UnreadableDataError(f"{path} cannot be read: {error.strerror}.") from error


def gunzip(content: bytes, source: object) -> bytes | bytearray:
    """Decompress gzip data; return anything else unchanged.

    The function checks the content, not the file's name: some tools decompress a download and
    keep the suffix `.gz`.

    Args:
        content: The bytes of a file.
        source: The name of the file in errors.

    Raises:
        DataFormatError: The compressed data is damaged or truncated.
    """
    if not content.startswith(_GZIP_MAGIC):
        return content
    # `gzip.decompress` needs twice the memory of the result, to join its pieces.
    plain = bytearray()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            while piece := stream.read(_PIECE):
                plain += piece
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataFormatError(
            f"{source}: the gzip data is damaged or truncated ({error}). Copy the file again."
        ) from error
    return plain


def decode(content: bytes | bytearray, source: object) -> str:
    """Return the text of a file: UTF-8, or UTF-16 with a byte order mark, as Excel writes it.

    Raises:
        DataFormatError: The content is neither. The message names the line.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    else:
        encoding, content = "utf-8", content.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise DataFormatError(
            f"{source}, line {number}: byte {content[error.start]:#04x} is not {encoding.upper()} "
            "text. Save the file as UTF-8."
        ) from error


def first_existing(folder: Path, names: Sequence[str]) -> Path:
    """Return the path of the first of the names that is a file in a folder.

    Kaggle unpacks a file `x` as `x/x`, and sometimes puts the file beside a folder of that name. A
    folder that has one of the names is therefore searched for files with these names.

    Raises:
        MissingDataError: The folder does not exist, or it contains none of them.
    """
    if not folder.is_dir():
        raise MissingDataError(f"{folder} is not a folder; pass the folder of {names[0]}.")
    inside = [folder / outer / name for outer in names for name in names]
    for path in [*(folder / name for name in names), *inside]:
        if path.is_file():
            return path
    raise MissingDataError(f"{folder} contains none of {', '.join(names)}.")


def _nearest_data_folder(start: Path) -> Path:
    for parent in start.parents:
        if (parent / "data" / MANIFEST).is_file():
            return parent / "data"
    raise MissingDataError(f"no data/{MANIFEST} in any folder above {start}. {_WAY_OUT}")


def _read_manifest(path: Path) -> dict[str, str]:
    """Parse the format of the `sha256sum` command: a digest, two characters, a file name."""
    digests = {}
    for number, line in enumerate(read_bytes(path).splitlines(), start=1):
        digest, _, name = line.partition(b" ")
        try:
            valid = len(bytes.fromhex(digest.decode("ascii"))) == 32
            digests[name.decode("utf-8").lstrip(" *")] = digest.decode("ascii").lower()
        except ValueError:
            valid = False
        if not valid:
            raise DataFormatError(f"{path}, line {number}: no SHA-256 digest. {_WAY_OUT}")
    return digests
