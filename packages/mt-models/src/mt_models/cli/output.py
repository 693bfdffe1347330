"""Output that does not end the work: a closed pipe or a full disk ends only the printing."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class RobustRaw(io.RawIOBase):
    """A raw stream that drops everything after the first error of writing.

    Attributes:
        error: The first error; None before it.
    """

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.error: OSError | None = None

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        number: int = self.raw.fileno()
        return number

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        answer: bool = self.raw.isatty()
        return answer

    def write(self, data: Any) -> int:
        """Write bytes, and return their number also if they are dropped."""
        if self.error is None:
            try:
                written: int = self.raw.write(data)
            except OSError as error:
                self.error = error
            else:
                return written
        return len(data)


@contextmanager
def robust_output() -> Iterator[list[str]]:
    """Make standard output and standard error robust.

    Yields:
        A list that receives a message at the end if output was lost. A closed pipe, as of
        ``| head -1``, and a closed terminal are no errors: the reader needs no more output.
    """
    failures: list[str] = []
    previous = sys.stdout, sys.stderr
    robust = [_robust(stream) for stream in previous]
    (sys.stdout, out), (sys.stderr, _) = robust
    try:
        yield failures
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = previous
        error = None if out is None else out.error
        if error is not None and error.errno not in (errno.EPIPE, errno.EIO, errno.EBADF):
            failures.append(
                f"standard output cannot be written ({error.strerror}); free disk space, then "
                "repeat the command"
            )


def _robust(stream: TextIO | None) -> tuple[TextIO, RobustRaw | None]:
    """Return a text stream over a `RobustRaw` for a stream of the process."""
    if stream is None:  # It was closed before the start.
        return open(os.devnull, "w", encoding="utf-8"), None  # noqa: PTH123
    buffer = getattr(stream, "buffer", None)
    if buffer is None:  # A stream that another program has replaced.
        return stream, None
    # With PYTHONUNBUFFERED, the buffer is the raw stream.
    raw = getattr(buffer, "raw", buffer)
    inner = RobustRaw(raw)
    text = io.TextIOWrapper(
        io.BufferedWriter(inner),
        encoding=stream.encoding,
        # Characters that the terminal cannot show are escaped instead of raising an error.
        errors="backslashreplace",
        line_buffering=True,
    )
    return text, inner
