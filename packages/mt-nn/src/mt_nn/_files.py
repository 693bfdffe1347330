"""Files that are either there as a whole or not at all."""

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a name of its own, then give it the name that is wanted.

    Whatever happens, the wanted name stands for the old file or for the complete new one. When the
    function returns, the new one has reached the disk.

    Args:
        path: The name; if it is a link, the file it leads to is replaced.
        content: What the file holds.

    Raises:
        OSError: The file cannot be written.
    """
    target = Path(os.path.realpath(path))
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
        _sync_folder(target.parent)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system lets us."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
