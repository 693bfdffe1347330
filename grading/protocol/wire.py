"""The binary form of requests and replies: arrays and plain values, without executable content.

A frame consists of two lengths, a header in JSON, and the elements of all arrays. An array keeps
its strides: its elements are sent in memory order. The judge and the worker share this file;
`grading.isolation.replies` validates what the worker sends.
"""

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from grading.protocol.messages import Array, Request, Response

LENGTHS = struct.Struct("<QQ")
"""The sizes of the header and of the elements of all arrays, in bytes."""

DTYPES = ("float64", "float32", "int64", "bool")
"""Types of elements that are sent unchanged; all others are converted to float64."""


class WireError(Exception):
    """A frame is invalid; the message gives the reason."""


@dataclass(frozen=True)
class Frame:
    """A message.

    Attributes:
        header: Everything except the elements of arrays.
        cells: The elements of all arrays, in the order of the header.
    """

    header: Mapping[str, Any]
    cells: bytes | bytearray | memoryview = b""

    def pieces(self) -> tuple[bytes, bytes | bytearray | memoryview]:
        """Return the bytes to send: lengths and header, then the elements."""
        header = json.dumps(self.header).encode()
        return LENGTHS.pack(len(header), len(self.cells)) + header, self.cells


def encode_request(request: Request, number: str) -> Frame:
    """Return a request as a frame.

    Args:
        request: The request.
        number: A random number that the reply has to repeat; so a reply cannot be prepared before
            its request.
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
    """Return a response, without its request, as a frame."""
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
    """Return an exception as a frame.

    Args:
        kinds: The names of the exception's class and of its bases, nearest first.
        message: Its message.
        trace: File, line and function of each call in the traceback, outermost first.
        number: The number of the request.
        graders: True if the driver raised it, not the code under test.
    """
    header = {
        "number": number,
        "graders": graders,
        "kinds": list(kinds),
        "message": message,
        "trace": [list(call) for call in trace],
    }
    return Frame(header)


class Cells:
    """Reader of the bytes after a header, array by array."""

    def __init__(self, cells: bytes | bytearray | memoryview) -> None:
        self._left = memoryview(cells)

    def take(self, description: Any) -> Array:
        """Return the next array.

        Raises:
            WireError: The description is invalid, or too few bytes are left.
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
            # A bool whose byte is neither 0 nor 1 would equal neither True nor False.
            array = array != 0
        inverse = np.argsort(np.array(order, np.int64))
        try:
            return array.reshape(sizes).transpose(inverse)
        except ValueError:
            # The array has no elements, and the product of its other sizes overflows.
            raise WireError("an array has fewer than 2**63 bytes, also without elements") from None

    def finish(self) -> None:
        """Check that no bytes are left.

        Raises:
            WireError: Bytes are left.
        """
        if len(self._left):
            raise WireError(f"{len(self._left)} bytes belong to no array")


def _describe(array: Array | None, cells: list[bytes]) -> Any:
    """Append an array's elements in memory order; return its dtype, shape and dimension order."""
    if array is None:
        return None
    order = sorted(range(array.ndim), key=lambda dim: -array.strides[dim])
    dtype = str(array.dtype) if str(array.dtype) in DTYPES else "float64"
    packed = np.ascontiguousarray(array.transpose(order), dtype)
    # `ascontiguousarray` returns an array of shape (1,) for one without dimensions.
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
