"""A subject in another process."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from grading.subject import Answer, Request, Subject, SubjectError
from grading.wire import decode_answer, encode_request


class OtherProcessSubject(Subject):
    """The `minitorch` that a worker imports. A context manager, which ends the worker.

    Args:
        environment: Variables that the worker has in addition to those of this process.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "grading.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=Path(__file__).resolve().parents[1],
            env={**os.environ, **(environment or {})},
        )

    def answer(self, request: Request) -> Answer:
        """Have the worker do what is asked."""
        assert self._worker.stdin is not None and self._worker.stdout is not None
        try:
            self._worker.stdin.write(encode_request(request) + "\n")
            self._worker.stdin.flush()
        except BrokenPipeError:
            pass  # It ended; there is nothing to read, either.
        line = self._worker.stdout.readline()
        if not line:
            raise SubjectError(["ProcessEnded"], f"status {self._worker.wait()}", request)
        reply = decode_answer(line, request)
        if isinstance(reply, Answer):
            return reply
        raise SubjectError(*reply, request)

    def __enter__(self) -> "OtherProcessSubject":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pipe in (self._worker.stdin, self._worker.stdout):
            if pipe is not None:
                pipe.close()
        self._worker.wait()
