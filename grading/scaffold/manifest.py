"""What a learner's tree remembers of how it was handed out: its module, and what was in it.

With it `sync` tells a learner's work from what was given.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

NAME = "course.json"
"""The file at the root of a tree."""


class NotATreeError(Exception):
    """A folder is no tree that `hatch run scaffold` wrote."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a tree was handed out.

    Attributes:
        module: The module of the course that it is for.
        files: The SHA-256 of each file that a learner may change, by its path in the tree.
    """

    module: int
    files: dict[str, str]

    @classmethod
    def of(cls, module: int, files: Mapping[str, bytes]) -> "Manifest":
        """Describe a tree from what is written into it."""
        return cls(module, {path: digest(text) for path, text in files.items() if is_work(path)})

    @classmethod
    def read(cls, tree: Path) -> "Manifest":
        """Read the manifest of a tree.

        Raises:
            NotATreeError: There is none.
        """
        try:
            return msgspec.json.decode((tree / NAME).read_bytes(), type=cls)
        except FileNotFoundError:
            raise NotATreeError(
                f"{tree} is no tree that `hatch run scaffold` wrote: it has no {NAME}"
            ) from None
        except msgspec.MsgspecError as error:
            raise NotATreeError(f"{tree / NAME} is damaged: {error}") from None

    def encoded(self) -> bytes:
        """Return the text of the file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file, whose line ends may have been changed on the way."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def is_work(path: str) -> bool:
    """Return whether a file is of the kind that a learner writes: sources and tests."""
    parts = PurePosixPath(path).parts
    if not path.endswith(".py") or "__pycache__" in parts:
        return False
    return parts[0] == "tests" or (parts[0] == "packages" and "src" in parts)


def work_in(tree: Path) -> dict[str, bytes]:
    """Return the files of a tree that a learner may have written, by path; links are left out."""
    found = {}
    for folder in ("packages", "tests"):
        for file in sorted((tree / folder).rglob("*.py")):
            path = file.relative_to(tree).as_posix()
            inside = file.resolve().is_relative_to(tree.resolve())
            if is_work(path) and inside and not file.is_symlink():
                found[path] = file.read_bytes()
    return found
