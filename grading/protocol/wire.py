"""Requests and replies as frames of bytes: arrays and plain values, nothing that can execute.

A frame is two lengths, a header in JSON, and the cells of all arrays one after the other. An array
keeps its strides: its cells travel in the order of memory. Both ends share this file; what the
judge must not take on trust is checked in `grading.isolation.replies`.
"""

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from grading.protocol.messages import Array, Request, Response

LENGTHS = struct.Struct("<QQ")
"""How many bytes the header has, and how many the cells."""

DTYPES = ("float64", "float32", "int64", "bool")
"""What travels as it is; everything else becomes float64."""


class WireError(Exception):
    """A frame is not what it should be; the message says how."""


@dataclass(frozen=True)
class Frame:
    """A message.

    Attributes:
        header: Everything but the cells.
        cells: The cells of all arrays, in the order in which the header names them.
    """

    header: Mapping[str, Any]
    cells: bytes | bytearray | memoryview = b""

    def pieces(self) -> tuple[bytes, bytes | bytearray | memoryview]:
        """Return the bytes that are sent: lengths and header, then the cells."""
        header = json.dumps(self.header).encode()
        return LENGTHS.pack(len(header), len(self.cells)) + header, self.cells


def encode_request(request: Request, number: str) -> Frame:
    """Return a request as a frame.

    Args:
        request: What is asked.
        number: What the reply has to repeat, so that no reply is written before its request.
    """
    cells: list[bytes] = []
    header = {
        "number": number,
        "operation": request.operation,
        "arrays": [_describe(array, cells) for array in request.arrays],
        "options": request.options,
        "upstream": _describe(request.upstream, cells),
    }
    return Frame(header, b"".join(cells))


def decode_request(frame: Frame) -> Request:
    """Return the request of a frame."""
    header, cells = frame.header, Cells(frame.cells)
    arrays = tuple(cells.take(description) for description in header["arrays"])
    upstream = header["upstream"]
    return Request(
        header["operation"],
        arrays,
        header["options"],
        None if upstream is None else cells.take(upstream),
    )


def encode_response(response: Response, number: str) -> Frame:
    """Return an answer, without its request, as a frame."""
    cells: list[bytes] = []
    header = {
        "number": number,
        "arrays": [_describe(array, cells) for array in response.arrays],
        "gradients": [_describe(array, cells) for array in response.gradients],
        "plain": response.plain,
    }
    return Frame(header, b"".join(cells))


def encode_error(
    kinds: Iterable[str],
    message: str,
    trace: Iterable[tuple[str, int, str]],
    number: str,
    graders: bool = False,
) -> Frame:
    """Return what was raised as a frame.

    Args:
        kinds: The names of the exception's class and of its bases, nearest first.
        message: What it said.
        trace: File, line and function of each call on the way to the error, outermost first.
        number: The request's.
        graders: Whether the driver raised it, and not the code under test.
    """
    header = {
        "number": number,
        "graders": graders,
        "kinds": list(kinds),
        "message": message,
        "trace": [list(place) for place in trace],
    }
    return Frame(header)


class Cells:
    """The bytes behind a header, taken from the front, array by array."""

    def __init__(self, cells: bytes | bytearray | memoryview) -> None:
        self._left = memoryview(cells)

    def take(self, description: Any) -> Array:
        """Return the next array.

        Raises:
            WireError: The description is none, or there are not so many cells.
        """
        try:
            dtype, shape, order = (description[key] for key in ("dtype", "shape", "order"))
        except (TypeError, KeyError):
            raise WireError("an array is described by its dtype, shape and order") from None
        if dtype not in DTYPES:
            raise WireError(f"the dtype of an array is one of {', '.join(DTYPES)}")
        sizes = _integers(shape)
        if len(sizes) > 32:
            raise WireError("an array has at most 32 dimensions")
        if sorted(_integers(order)) != list(range(len(sizes))):
            raise WireError(f"the order of {len(sizes)} dimensions is a permutation of them")
        length = np.dtype(dtype).itemsize
        for size in sizes:
            length *= size
        if length > len(self._left):
            raise WireError(f"an array needs {length} bytes, and {len(self._left)} are left")
        taken, self._left = self._left[:length], self._left[length:]
        array: Array = np.frombuffer(taken, np.uint8 if dtype == "bool" else dtype).copy()
        if dtype == "bool":
            # A byte that is neither 0 nor 1 would be a bool that equals neither.
            array = array != 0
        inverse = np.argsort(np.array(order, np.int64))
        try:
            return array.reshape(sizes).transpose(inverse)
        except ValueError:
            # No cells at all, and sizes beyond counting.
            raise WireError("an array has fewer than 2**63 bytes, whatever its shape") from None

    def finish(self) -> None:
        """Expect that nothing is left.

        Raises:
            WireError: Something is.
        """
        if len(self._left):
            raise WireError(f"{len(self._left)} bytes belong to no array")


def _describe(array: Array | None, cells: list[bytes]) -> Any:
    """Append an array's cells, and return what else there is to know."""
    if array is None:
        return None
    order = sorted(range(array.ndim), key=lambda dim: -array.strides[dim])
    dtype = str(array.dtype) if str(array.dtype) in DTYPES else "float64"
    packed = np.ascontiguousarray(array.transpose(order), dtype)
    # A number without dimensions becomes a row of one.
    shape = list(packed.shape) if array.ndim else []
    cells.append(packed.tobytes())
    return {"dtype": dtype, "shape": shape, "order": order}


def _integers(values: Any) -> list[int]:
    if not isinstance(values, list) or not all(
        isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62
        for value in values
    ):
        raise WireError("a shape and an order are lists of natural numbers")
    return values
