"""Unpacking of one archive: `python -m grading.hand_ins.unpacker ARCHIVE FOLDER BYTES FILES`.

The libraries read and decompress the archive. This program writes the files, so that the number
of bytes is limited by what arrives, not by what the archive declares. It never creates a link: a
link to a file in the archive becomes a copy of it. The last line of the output is JSON: the reason
why the archive is refused, or an empty text.
"""

import io
import json
import os
import re
import shutil
import stat
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import IO, Any

MEMORY_BYTES = 2 << 30
"""Limit of the address space, in bytes; the largest dictionaries of 7-Zip need more."""

SECONDS = 30
"""Limit of processor time, in seconds."""

MAX_MEMBERS = 200_000
"""Largest number of entries, those included that are left out."""

MAX_PARTS = 64
"""Largest depth of folders."""

MAX_PART_BYTES = 255
"""Largest length of a name on Linux' file systems, in bytes."""

MAX_LINK_BYTES = 4096
CHUNK = 1 << 16

LEFT_OUT = frozenset(
    {"__MACOSX", ".git", "__pycache__", ".venv", "venv", "node_modules", ".pytest_cache"}
    | {".mypy_cache", ".ruff_cache", ".DS_Store", "Thumbs.db", "desktop.ini"}
)
"""Names of files and folders without work of the learner; they do not count."""

MAGIC = {
    b"Rar!": "a RAR archive",
    b"%PDF": "a PDF document",
    b"<!DO": "a web page",
    b"<htm": "a web page",
    b"(\xb5/\xfd": "a Zstandard archive",
}
SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"


class RefusedError(Exception):
    """An archive is not unpacked; the message gives the reason."""


def member_name(name: str) -> str:
    """Return the relative path of a member with slashes; empty for the root itself.

    Raises:
        RefusedError: The path is absolute, leads out of the folder, or is too long.
    """
    # Old programs for Windows write backslashes.
    text = name.replace("\\", "/")
    if text.startswith("/") or re.match("[A-Za-z]:", text):
        raise RefusedError(f"it contains the absolute path {_short(name)}")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise RefusedError(f"it contains the path {_short(name)}, which leads out of it")
    if "\0" in text:
        raise RefusedError(f"it contains the invalid path {_short(name)}")
    try:
        longest = max((len(os.fsencode(part)) for part in parts), default=0)
    except UnicodeEncodeError:
        raise RefusedError(f"it contains the invalid path {_short(name)}") from None
    if longest > MAX_PART_BYTES or len(parts) > MAX_PARTS:
        raise RefusedError(f"it contains the path {_short(name)}, which is too long")
    return "/".join(parts)


def link_target(name: str, target: str) -> str:
    """Return the relative path that a link points to.

    Raises:
        RefusedError: It points out of the archive.
    """
    text = target.replace("\\", "/")
    joined = normpath(str(PurePosixPath(name).parent / text))
    if text.startswith("/") or re.match("[A-Za-z]:", text) or joined.split("/")[0] == "..":
        raise RefusedError(f"it contains a link out of it: {_short(name)} -> {_short(target)}")
    return joined


def is_left_out(name: str) -> bool:
    """Return True for a path without work of the learner."""
    parts = name.split("/")
    return not name or bool(LEFT_OUT.intersection(parts)) or parts[-1].startswith("._")


@dataclass
class Unpacked:
    """The files of an archive.

    Attributes:
        folder: The folder to write to.
        bytes_left: Number of bytes that may still be written.
        files_left: Number of files that may still be written.
        members: Number of entries so far.
        links: Targets of links by their names, relative to the archive.
    """

    folder: Path
    bytes_left: int
    files_left: int
    members: int = 0
    links: dict[str, str] = field(default_factory=dict)

    def wanted(self, name: str) -> str:
        """Count an entry; return its path, or an empty text if it is left out.

        Raises:
            RefusedError: The path is not allowed, or there are too many entries.
        """
        self.members += 1
        if self.members > MAX_MEMBERS:
            raise RefusedError(f"it contains more than {MAX_MEMBERS} entries")
        path = member_name(name)
        return "" if is_left_out(path) else path

    def create(self, name: str) -> IO[bytes]:
        """Create a file."""
        self.files_left -= 1
        if self.files_left < 0:
            raise RefusedError("it contains too many files")
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")

    def count(self, size: int) -> None:
        """Count bytes before they are written."""
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise RefusedError("it is too large when it is unpacked")

    def write(self, name: str, source: IO[bytes]) -> None:
        """Write a file."""
        with self.create(name) as file:
            while chunk := source.read(CHUNK):
                self.count(len(chunk))
                file.write(chunk)

    def copy_links(self) -> None:
        """Replace links to files of the archive by copies; leave out other links.

        Raises:
            RefusedError: A link points out of the archive.
        """
        targets = {name: link_target(name, target) for name, target in self.links.items()}
        for name in targets:
            target, seen = name, set()
            while target in targets and target not in seen:
                seen.add(target)
                target = targets[target]
            source, path = self.folder / target, self.folder / name
            if source.is_file() and not path.exists():
                self.count(source.stat().st_size)
                self.create(name).close()
                shutil.copyfile(source, path)


def unpack_zip(archive: Path, to: Unpacked) -> None:
    """Unpack a zip file."""
    with zipfile.ZipFile(archive) as source:
        for info in source.infolist():
            name = to.wanted(info.filename)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if not name or info.is_dir() or info.filename.endswith("\\"):
                continue
            if info.flag_bits & 1:
                raise RefusedError("it is encrypted with a password")
            with source.open(info) as content:
                if kind == stat.S_IFLNK:
                    to.links[name] = os.fsdecode(content.read(MAX_LINK_BYTES))
                elif kind in (0, stat.S_IFREG):
                    to.write(name, content)
                else:
                    raise RefusedError(f"it contains {_short(name)}, which is not a regular file")


def unpack_tar(archive: Path, to: Unpacked) -> None:
    """Unpack a tar file, which may be compressed."""
    with tarfile.open(archive, "r:*") as source:
        for member in source:
            name = to.wanted(member.name)
            if not name or member.isdir():
                continue
            if member.issym():
                to.links[name] = member.linkname
            elif member.islnk():
                # The target of a hard link is relative to the archive.
                to.links[name] = os.path.relpath(member_name(member.linkname), Path(name).parent)
            elif not member.isreg():
                raise RefusedError(f"it contains {_short(name)}, which is not a regular file")
            else:
                try:
                    tarfile.data_filter(member, str(to.folder))
                except tarfile.FilterError as error:
                    raise RefusedError(f"it contains {_short(name)}: {error}") from None
                if (content := source.extractfile(member)) is not None:
                    with content:
                        to.write(name, content)


def unpack_7z(archive: Path, to: Unpacked) -> None:
    """Unpack a 7z file.

    Raises:
        RefusedError: py7zr is not installed, or the archive is not allowed.
    """
    try:
        import py7zr
        from py7zr.io import Py7zIO, WriterFactory
    except ModuleNotFoundError:
        raise RefusedError(
            "7z files need the library py7zr, which is not installed: pip install py7zr"
        ) from None

    class Writer(Py7zIO):  # type: ignore[misc, unused-ignore]
        """A file whose bytes are counted."""

        def __init__(self, file: IO[bytes], longest: int | None) -> None:
            self._file = file
            self._longest = longest

        def write(self, content: bytes | bytearray) -> int:
            to.count(len(content))
            if self._longest is not None and self._file.tell() + len(content) > self._longest:
                raise RefusedError("it contains a link with a long target")
            return self._file.write(content)

        def read(self, size: int | None = None) -> bytes:
            return self._file.read(-1 if size is None else size)

        def seek(self, offset: int, whence: int = 0) -> int:
            return self._file.seek(offset, whence)

        def flush(self) -> None:
            self._file.flush()

        def size(self) -> int:
            return self._file.tell()

        def close(self) -> None:
            if self._longest is None:
                self._file.close()

    # An open file instead of a path: py7zr then starts no threads.
    with archive.open("rb") as file, py7zr.SevenZipFile(file) as source:
        if source.needs_password():
            raise RefusedError("it is encrypted with a password")
        names: dict[str, str] = {}
        links: dict[str, io.BytesIO] = {}
        for info in source.list():
            name = to.wanted(info.filename)
            if not name or info.is_directory:
                continue
            if info.filename in names:
                raise RefusedError(f"it contains {_short(name)} twice")
            if not info.is_file and not info.is_symlink:
                raise RefusedError(f"it contains {_short(name)}, which is not a regular file")
            names[info.filename] = name
            if info.is_symlink:
                links[name] = io.BytesIO()
        by_path = {str(to.folder / raw): name for raw, name in names.items()}

        class Files(WriterFactory):  # type: ignore[misc, unused-ignore]
            """The files that py7zr writes to."""

            def create(self, filename: str) -> Any:
                name = by_path.get(filename)
                if name is None:
                    raise RefusedError(f"it contains the invalid path {_short(filename)}")
                if name in links:
                    return Writer(links[name], MAX_LINK_BYTES)
                return Writer(to.create(name), None)

        if names:
            source.extract(to.folder, targets=set(names), factory=Files())
    to.links.update({name: os.fsdecode(content.getvalue()) for name, content in links.items()})


def unpack(archive: Path, to: Unpacked) -> None:
    """Unpack an archive; its first bytes decide about the format, not its name.

    Raises:
        RefusedError: It is not allowed, damaged, or of another format.
    """
    with archive.open("rb") as file:
        start = file.read(8)
    try:
        if start.startswith(SEVEN_ZIP):
            unpack_7z(archive, to)
        elif start.startswith(b"PK") or zipfile.is_zipfile(archive):
            unpack_zip(archive, to)
        elif tarfile.is_tarfile(archive):
            unpack_tar(archive, to)
        else:
            what = next((kind for sign, kind in MAGIC.items() if start.startswith(sign)), "")
            raise RefusedError(
                "it is empty" if not start else f"it is {what or 'not an archive, or damaged'}"
            )
        to.copy_links()
    except RefusedError:
        raise
    except MemoryError:
        raise RefusedError(f"it needs more than {MEMORY_BYTES >> 20} MiB of memory") from None
    except Exception as error:
        # The libraries raise many types for invalid data.
        for cause in _causes(error):
            if isinstance(cause, RefusedError):
                raise cause from None
            if isinstance(cause, MemoryError):
                raise RefusedError(
                    f"it needs more than {MEMORY_BYTES >> 20} MiB of memory"
                ) from None
        kind = type(error).__name__
        # The error of zipfile, and the prefix of py7zr's errors.
        unknown = isinstance(error, NotImplementedError) or kind.startswith("Unsupported")
        what = "is compressed in an unsupported way" if unknown else "is damaged"
        raise RefusedError(f"it {what}: {kind}: {error}") from None


def _causes(error: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__


def _short(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:120] + "…")


def main(arguments: list[str]) -> int:
    """Unpack an archive within the limits; print why it is refused."""
    # Not on Windows, where other commands of the grader run.
    import resource

    archive, folder, size, files = arguments
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    reason = ""
    try:
        unpack(Path(archive), Unpacked(Path(folder), int(size), int(files)))
    except RefusedError as error:
        reason = str(error)
    print(json.dumps({"refused": reason}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
