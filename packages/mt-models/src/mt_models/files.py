"""Atomic replacement of the files of a run."""

from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a temporary file and rename it: readers see the old or the new content, never a part.

    Raises:
        OSError: The file cannot be written; the message names its path. A previous file is intact.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        problem = (
            f"the file cannot be written ({error.strerror}); free disk space, or choose another "
            "folder"
        )
        raise OSError(error.errno, problem, str(path)) from error
