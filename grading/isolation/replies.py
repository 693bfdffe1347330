"""Validation of replies: sizes, shapes and types of values.

A reply comes from the process in which the code under test runs, so it may contain anything.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grading.protocol.messages import Request, Response
from grading.protocol.wire import Cells, Frame, WireError

LONGEST_HEADER = 8 << 20
"""Largest header of a frame, in bytes."""

DEEPEST_VALUE = 40
"""Deepest nesting of a plain value."""

MOST_VALUES = 2_000_000
"""Largest number of parts of a plain value."""

MOST_ARRAYS = 10_000
"""Largest number of arrays in a reply."""

LONGEST_NAME = 200
"""Longest name of a class or a function, in characters; longer ones are shortened."""

LONGEST_TEXT = 20_100
"""Longest message, in characters; longer ones are shortened.

It is above `grading.worker.loop.LONGEST_MESSAGE`, so that a text that the worker has shortened is
not shortened again.
"""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Raised:
    """An exception of the code under test, as the worker reports it.

    Attributes:
        kinds: Names of the class and its bases, nearest first.
        message: Its message.
        trace: File, line and function of each call in the traceback, outermost first.
        graders: True if the worker reports that the driver raised it, not the code under test.
    """

    kinds: tuple[str, ...]
    message: str
    trace: tuple[tuple[str, int, str], ...]
    graders: bool = False


def parse_header(text: bytes | memoryview) -> dict[str, Any]:
    """Return the header of a frame.

    Raises:
        WireError: It is not a JSON object, or nested too deeply.
    """
    try:
        header = json.loads(bytes(text))
    except (ValueError, RecursionError) as error:
        raise WireError(f"a header is a JSON object: {type(error).__name__}") from None
    if not isinstance(header, dict):
        raise WireError("a header is a JSON object")
    return header


def read_reply(frame: Frame, request: Request, number: str) -> Response | Raised:
    """Return the response or the exception in a reply.

    Args:
        frame: The reply.
        request: The request.
        number: The number of the request, which the reply has to repeat.

    Raises:
        WireError: The frame is not a reply to this request.
    """
    header = frame.header
    if header.get("number") != number:
        raise WireError("the reply does not repeat the number of the request")
    cells = Cells(frame.cells)
    if "kinds" in header:
        cells.finish()
        return _raised(header)
    arrays = [cells.take(each) for each in _list(header, "arrays")]
    gradients = [None if each is None else cells.take(each) for each in _list(header, "gradients")]
    cells.finish()
    plain = header.get("plain")
    _check_plain(plain)
    return Response(request, tuple(arrays), tuple(gradients), plain)


def printable(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return a text without control characters and of bounded length, safe for any report."""
    if len(text) > longest:
        text = f"{text[: longest // 2]}…{text[-longest // 2 :]}"
    text = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def _raised(header: Mapping[str, Any]) -> Raised:
    kinds, message = _list(header, "kinds"), header.get("message")
    if not kinds or not all(isinstance(kind, str) for kind in kinds):
        raise WireError("the kinds of an error are names")
    if not isinstance(message, str):
        raise WireError("the message of an error is a text")
    trace = []
    for call in _list(header, "trace"):
        match call:
            case [str(file), int(line), str(function)]:
                trace.append((printable(file, 1000), line, printable(function, LONGEST_NAME)))
            case _:
                raise WireError("a trace is a list of files, lines and functions")
    names = tuple(printable(kind, LONGEST_NAME) for kind in kinds[:50])
    graders = header.get("graders") is True
    return Raised(names, printable(message), tuple(trace[-100:]), graders)


def _list(header: Mapping[str, Any], key: str) -> list[Any]:
    values = header.get(key)
    if not isinstance(values, list) or len(values) > MOST_ARRAYS:
        raise WireError(f"{key} is a list of at most {MOST_ARRAYS}")
    return values


def _check_plain(value: Any) -> None:
    """Check the depth and the size of a plain value, without recursion.

    Raises:
        WireError: It is nested too deeply, or has too many parts.
    """
    level, count = [value], 0
    for _ in range(DEEPEST_VALUE):
        count += len(level)
        if count > MOST_VALUES:
            raise WireError(f"a plain value has at most {MOST_VALUES} parts")
        below: list[Any] = []
        for each in level:
            if isinstance(each, list):
                below += each
            elif isinstance(each, dict):
                below += each.values()
        if not below:
            return
        level = below
    raise WireError(f"a plain value is nested at most {DEEPEST_VALUE} deep")
