"""The manifest of a learner's tree: its module, and the checksums of its files when it was written.

`sync` uses it to find the files that the learner changed.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

NAME = "course.json"
"""File name of the manifest, at the root of a tree."""


class NotATreeError(Exception):
    """A folder is not a tree that `hatch run scaffold` wrote."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """State of a tree when it was written.

    Attributes:
        module: The module of the course.
        files: SHA-256 digests of the files that a learner may change, by path in the tree.
    """

    module: int
    files: dict[str, str]

    @classmethod
    def of(cls, module: int, files: Mapping[str, bytes]) -> "Manifest":
        """Return the manifest of a tree with these files."""
        return cls(module, {path: digest(text) for path, text in files.items() if is_work(path)})

    @classmethod
    def read(cls, tree: Path) -> "Manifest":
        """Read the manifest of a tree.

        Raises:
            NotATreeError: The file is missing or damaged.
        """
        try:
            return msgspec.json.decode((tree / NAME).read_bytes(), type=cls)
        except FileNotFoundError:
            raise NotATreeError(
                f"{tree} was not written by `hatch run scaffold`: it has no {NAME}"
            ) from None
        except msgspec.MsgspecError as error:
            raise NotATreeError(f"{tree / NAME} is damaged: {error}") from None

    def encoded(self) -> bytes:
        """Return the manifest as JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file, independent of its line endings."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def is_work(path: str) -> bool:
    """Return True for files that a learner may change: sources and tests."""
    parts = PurePosixPath(path).parts
    if not path.endswith(".py") or "__pycache__" in parts:
        return False
    return parts[0] == "tests" or (parts[0] == "packages" and "src" in parts)


def work_in(tree: Path) -> dict[str, bytes]:
    """Return the sources and tests of a tree, by path, without symbolic links."""
    found = {}
    for folder in ("packages", "tests"):
        for file in sorted((tree / folder).rglob("*.py")):
            path = file.relative_to(tree).as_posix()
            inside = file.resolve().is_relative_to(tree.resolve())
            if is_work(path) and inside and not file.is_symlink():
                found[path] = file.read_bytes()
    return found
