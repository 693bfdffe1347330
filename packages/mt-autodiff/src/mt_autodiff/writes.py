"""Detection of writes between an operation and its gradient.

An operation keeps operands or its result for its gradient, in the memory of the tensors, not in
copies. A write to that memory before `backward` would silently change the gradient. So every write
through a tensor has a number, a context has the number of the last write before its operation, and
`check` compares them. An operation therefore costs one assignment more, and a check one comparison
unless something was written.

Writes by other means are not recorded: through a NumPy array or another library's tensor that
shares the memory, through `TensorData`, or by a kernel of the user.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any, NamedTuple

from mt_tensor import TensorData
from mt_tensor.layout import span

REMEMBERED = 10_000
"""Number of memory ranges whose last write is remembered. Beyond, the oldest is forgotten: a write
to it before the next backpropagation would not be found."""


class Range(NamedTuple):
    """A range of memory.

    Attributes:
        on_device: True for the memory of a GPU.
        start: The address of the first byte.
        end: The address after the last byte.
    """

    on_device: bool
    start: int
    end: int

    def overlaps(self, other: Range) -> bool:
        """Return whether two ranges have a byte in common."""
        return (
            self.on_device == other.on_device and self.start < other.end and other.start < self.end
        )


class Write(NamedTuple):
    """A write.

    Attributes:
        number: Its number.
        where: The range of the tensor.
        what: The description, such as ``x[0] = …``.
        shape: The shape of the tensor.
        place: The file and the line.
    """

    number: int
    where: Range
    what: str
    shape: tuple[int, ...]
    place: str


count = 0
"""The number of the last write."""

_last_writes: dict[Range, Write] = {}
"""The last write to each range, the oldest first."""


def record(data: TensorData, what: str) -> None:
    """Record that elements of a tensor are about to be overwritten.

    Args:
        data: The tensor through which they are written.
        what: The description of the write.
    """
    global count
    if data.size == 0:
        return
    count += 1
    where = _range(data.storage, (span(data.shape, data.strides),))
    _last_writes.pop(where, None)
    _last_writes[where] = Write(count, where, what, data.shape, _place(sys._getframe(1)))
    if len(_last_writes) > REMEMBERED:
        del _last_writes[next(iter(_last_writes))]


def check(operation: str, saved: Any, since: int) -> None:
    """Raise RuntimeError if values that an operation saved were overwritten.

    Args:
        operation: The name of the operation.
        saved: The saved values.
        since: The number of the last write before the operation.
    """
    ranges = list(_ranges((saved,)))
    for write in reversed(_last_writes.values()):
        if write.number <= since:
            return
        if any(write.where.overlaps(each) for each in ranges):
            raise RuntimeError(
                f"{operation}.backward: an operand or the result of {operation} was overwritten "
                f"after the operation, and its gradient needs the old elements. The write is "
                f"{write.what}, with x of shape {write.shape}, in {write.place}; write before the "
                "operation or after backward(), or write to a copy"
            )


def _place(frame: FrameType | None) -> str:
    """Return file and line of the first frame outside of the library."""
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in ("mt_autodiff", "minitorch"):
            return f"{frame.f_code.co_filename}, line {frame.f_lineno}"
        frame = frame.f_back
    return "an unknown place"


def _ranges(values: Iterable[Any]) -> Iterator[Range]:
    """Yield the memory ranges of all arrays in nested values."""
    for value in values:
        if isinstance(value, TensorData):
            if value.size:
                yield _range(value.storage, (span(value.shape, value.strides),))
        elif isinstance(getattr(value, "data", None), TensorData):  # A tensor.
            yield from _ranges((value.data,))
        elif isinstance(value, tuple | list):
            yield from _ranges(value)
        elif isinstance(value, dict):
            yield from _ranges(value.values())
        elif hasattr(value, "saved_values"):  # A context.
            yield from _ranges(value.saved_values)
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            yield from _ranges(getattr(value, each.name) for each in dataclasses.fields(value))
        elif _is_array(value) and 0 not in value.shape:
            yield _range(value, value.shape)


def _is_array(value: Any) -> bool:
    return hasattr(value, "__cuda_array_interface__") or hasattr(value, "__array_interface__")


def _range(array: Any, shape: tuple[int, ...]) -> Range:
    """Return the range of the first elements of an array in host or device memory.

    Args:
        array: The array.
        shape: The number of elements along each dimension, one or more.
    """
    interface = getattr(array, "__cuda_array_interface__", None)
    on_device = interface is not None
    interface = interface or array.__array_interface__
    start, size = interface["data"][0], array.dtype.itemsize
    steps = interface.get("strides")
    if steps is None:
        last = size * (math.prod(shape) - 1)
    else:
        last = sum((n - 1) * step for n, step in zip(shape, steps, strict=True))
    return Range(on_device, start, start + last + size)
