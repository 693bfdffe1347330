"""The loop of a worker: receives requests and sends replies, one at a time."""

import contextlib
import json
import os
import signal
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from grading.driver import perform
from grading.driver.attribution import is_graders, submission_code
from grading.protocol.wire import LENGTHS, Frame, decode_request, encode_error, encode_response

LONGEST_MESSAGE = 20_000
"""Longest message of an exception, in characters; a longer one loses its middle."""

DEEPEST_TRACE = 40
"""Largest number of calls in a traceback; the innermost ones are sent."""


Importing = Callable[[], AbstractContextManager[None]]


def serve(descriptor: int, importing: Importing = nullcontext) -> None:
    """Reply to requests until the judge closes the socket.

    Args:
        descriptor: The worker's end of the socket.
        importing: Returns a context manager for the imports of the submission.
    """
    os.set_inheritable(descriptor, False)
    # Writing beyond the size limit raises OSError instead of ending the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _send(descriptor, Frame({"ready": True}))
    # The judge closes the socket to end the worker.
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            _send(descriptor, _reply(_receive(descriptor), importing))


def _reply(frame: Frame, importing: Importing) -> Frame:
    """Perform a request; return the response or the exception as a frame."""
    number = frame.header["number"]
    try:
        response = perform(decode_request(frame), importing)
        with submission_code:
            # A learner's function may return something that cannot be encoded.
            return encode_response(response, number)
    except BaseException as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        return encode_error(kinds, _message(error), _trace(error), number, is_graders(error))


def _message(error: BaseException) -> str:
    try:
        message = str(error)
    except BaseException:
        return "(an exception whose message cannot be shown)"
    if isinstance(error, SyntaxError) and isinstance(error.text, str):
        message += f"\n{error.text.strip()}"
    if len(message) > LONGEST_MESSAGE:
        half = LONGEST_MESSAGE // 2
        message = f"{message[:half]}\n…\n{message[-half:]}"
    return message


def _trace(error: BaseException) -> list[tuple[str, int, str]]:
    """Return the calls of a traceback; the last one of a syntax error is its own line."""
    steps = traceback.extract_tb(error.__traceback__)
    trace = [(step.filename, step.lineno or 0, step.name) for step in steps[-DEEPEST_TRACE:]]
    if isinstance(error, SyntaxError) and error.filename:
        trace.append((error.filename, error.lineno or 1, "<module>"))
    return trace


def _receive(descriptor: int) -> Frame:
    header_length, cells_length = LENGTHS.unpack(_read(descriptor, LENGTHS.size))
    header: Any = json.loads(bytes(_read(descriptor, header_length)))
    return Frame(header, _read(descriptor, cells_length))


def _read(descriptor: int, length: int) -> bytearray:
    received = bytearray(length)
    view, filled = memoryview(received), 0
    while filled < length:
        count = os.readv(descriptor, [view[filled:]])
        if not count:
            raise EOFError
        filled += count
    return received


def _send(descriptor: int, frame: Frame) -> None:
    for piece in frame.pieces():
        view = memoryview(piece)
        while view:
            view = view[os.write(descriptor, view) :]
