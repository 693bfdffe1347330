"""Expected errors of the commands, and their sentences."""

import errno
import os

from mt_models.backends import BackendNotAvailableError
from mt_models.datasets import DataError
from mt_models.training import DivergedError, RunInUseError
from mt_nn import CheckpointError
from mt_nn.distributed import CommunicationError

EXPECTED = (
    BackendNotAvailableError,
    DataError,
    CheckpointError,
    CommunicationError,
    DivergedError,
    ImportError,
    MemoryError,
    NotImplementedError,  # An exercise of the course: the message names the task.
    OSError,
    RunInUseError,
    ValueError,
)
"""Expected errors: a command prints their message without a traceback."""

REASONS = {
    errno.ENOENT: "there is no such file or folder",
    errno.ENOTDIR: "a part of the path is a file",
    errno.EISDIR: "the path is that of a folder",
    errno.EEXIST: "the path is that of a file",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
}
"""The reasons of the system's errors that a path causes, by their number."""
SHOWN = 100
"""The number of characters of a path that a message shows at most."""


def reason(error: OSError) -> str:
    """Return why the system refuses a path, without the path and without a full stop."""
    return REASONS.get(error.errno or 0, error.strerror or str(error))


def shown_path(path: object) -> str:
    """Return a path for a message; the middle of a long one is left out.

    >>> shown_path("a" * 150)[47:]
    'aaa…aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa (150 characters)'
    """
    text = os.fsdecode(path) if isinstance(path, bytes) else str(path)
    if len(text) <= SHOWN:
        return text
    half = SHOWN // 2
    return f"{text[:half]}…{text[-half:]} ({len(text)} characters)"


def sentence(error: BaseException) -> str:
    """Return the message of an expected error: the path, the reason, and the way out."""
    if isinstance(error, MemoryError):
        why = str(error) or "the memory is full"
        return f"{why}; use less data, smaller batches, or a smaller network or context"
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    why = error.strerror or ""
    if why != os.strerror(error.errno):  # A message of this program.
        return why if error.filename is None else f"{error.filename}: {why}"
    if error.filename is None:
        return str(error)
    return f"{shown_path(error.filename)} cannot be used: {reason(error)}; choose another path"
