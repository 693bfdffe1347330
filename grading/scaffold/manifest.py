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
    """A folder holds no code of the course, or its manifest is damaged."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """State of a tree when it was written.

    Attributes:
        module: The module of the course.
        files: SHA-256 digests of the files that a learner may change, by path in the tree.
        solved_before: True if the tree was written with the solutions of earlier modules.
    """

    module: int
    files: dict[str, str]
    solved_before: bool = False

    @classmethod
    def of(cls, module: int, files: Mapping[str, bytes], solved_before: bool = False) -> "Manifest":
        """Return the manifest of a tree with these files."""
        work = {path: digest(text) for path, text in files.items() if is_work(path)}
        return cls(module, work, solved_before)

    @classmethod
    def find(cls, tree: Path) -> "Manifest | None":
        """Read the manifest of a tree; None if there is none.

        Raises:
            NotATreeError: The file is damaged.
        """
        try:
            return msgspec.json.decode((tree / NAME).read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise NotATreeError(
                f"{tree / NAME} is damaged: {error}; delete it, and `sync` compares the sources"
            ) from None

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
