"""Sums of products along rows: the inner loops of matrix multiplication and convolution.

A correlation of a row of five numbers with a kernel of three, and the loop over k around it::

    k = 0    total[0 … 2] += kernel[0] · row[0 … 2]
    k = 1    total[0 … 2] += kernel[1] · row[1 … 3]
    k = 2    total[0 … 2] += kernel[2] · row[2 … 4]

A row is a storage, the position of its first element, the stride to the next, and the number of
elements. Sums go to `total`, an array of the caller. Products and sums of long rows have its dtype,
which may be wider than that of the rows. Nothing here is parallel.
"""

from typing import TypeAlias

from mt_kernels_cpu.compiling.jit import fastmath_helper, helper
from mt_tensor.layout import Storage

Row: TypeAlias = tuple[Storage, int, int, int]
"""Storage, position of the first element, stride, and number of elements."""

SHORT_ROW = 64
"""Products that are added in the dtype of the rows, before their sum is added to `total`."""


@helper
def add_scaled(total: Storage, factor: float, row: Row) -> None:
    """Add a row times a number to `total`, element by element."""
    storage, start, step, length = row
    factor = total.dtype.type(factor)
    if step == 1:
        # With the slice's length as the limit, the compiler knows that no index is out of range.
        numbers = storage[start : start + length]
        for i in range(len(numbers)):
            total[i] += factor * numbers[i]
    else:
        for i in range(length):
            total[i] += factor * storage[start + i * step]


@fastmath_helper
def dot(a: Row, b: Row) -> float:
    """Return the sum of the products of two rows of the same length; strides may be negative."""
    a_storage, a_start, a_step, length = a
    b_storage, b_start, b_step, _ = b
    result: float = a_storage.dtype.type(0)
    if a_step == 1 and b_step == 1:
        a_numbers = a_storage[a_start : a_start + length]
        b_numbers = b_storage[b_start : b_start + length]
        for i in range(len(a_numbers)):
            result += a_numbers[i] * b_numbers[i]
    else:
        for i in range(length):
            result += a_storage[a_start + i * a_step] * b_storage[b_start + i * b_step]
    return result


@fastmath_helper
def add_dot(total: Storage, at: int, a: Row, b: Row) -> None:
    """Add the products of two rows of the same length to ``total[at]``; strides may be negative."""
    a_storage, a_start, a_step, length = a
    b_storage, b_start, b_step, _ = b
    number, result = total.dtype.type, total[at]
    if a_step == 1 and b_step == 1:
        a_numbers = a_storage[a_start : a_start + length]
        b_numbers = b_storage[b_start : b_start + length]
        for i in range(len(a_numbers)):
            result += number(a_numbers[i]) * b_numbers[i]
    else:
        for i in range(length):
            x, y = a_storage[a_start + i * a_step], b_storage[b_start + i * b_step]
            result += number(x) * y
    total[at] = result


@helper
def correlate(total: Storage, row: Row, kernel: Row, reverse: bool) -> None:
    """Add a correlation: ``total[p] += sum over k of row[p + k] * kernel[k]``.

    With `reverse`, ``row[p - k]``. A row is zero outside of its length: the limits of the loops
    leave those products out. Of the two loops, over p and over k, the longer one is the inner one.
    """
    storage, start, step, width = row
    weights, kernel_start, kernel_step, taps = kernel
    sign = -1 if reverse else 1
    if len(total) >= taps:
        for k in range(taps):
            shift = sign * k
            first = max(0, -shift)
            stop = max(first, min(len(total), width - shift))
            factor = weights[kernel_start + k * kernel_step]
            part = (storage, start + (first + shift) * step, step, stop - first)
            add_scaled(total[first:stop], factor, part)
    else:
        for p in range(len(total)):
            first = max(0, p - width + 1) if reverse else 0
            stop = max(first, min(taps, p + 1 if reverse else width - p))
            part = (storage, start + (p + sign * first) * step, sign * step, stop - first)
            w_part = (weights, kernel_start + first * kernel_step, kernel_step, stop - first)
            if stop - first <= SHORT_ROW:
                total[p] += dot(part, w_part)
            else:
                add_dot(total, p, part, w_part)


@helper
def write_row(out: Storage, start: int, step: int, total: Storage) -> None:
    """Write sums to a row: ``out[start + i * step] = total[i]``."""
    for i in range(len(total)):
        out[start + i * step] = total[i]
