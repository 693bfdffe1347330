"""Loads and stores of vectors, against NumPy."""

from typing import Any

import numpy as np
import pytest

from mt_kernels_cpu.compiling.jit import nogil_kernel
from mt_kernels_cpu.tuned.simd.memory import (
    aligned_empty,
    copy_transposed,
    deinterleave,
    lanes_of,
    load,
    load_head,
    mask_tail,
    prefetch,
    store,
    store_head,
    store_integers,
)
from mt_kernels_cpu.tuned.simd.vector import WIDTH, lanes

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@nogil_kernel
def write_integers(out: Any, a: Any, steps: Any) -> None:
    """Write whole numbers as integers, a vector at a time."""
    for i in range(0, len(a), lanes_of(a)):
        store_integers(out, i, load(a, i))
        steps[i] = 1


@dtypes
def test_store_integers(dtype: Any) -> None:
    a = np.arange(2 * lanes(dtype), dtype=dtype) * 1001
    out, steps = np.zeros(len(a), np.int32), np.zeros(len(a), np.int32)
    write_integers(out, a, steps)
    np.testing.assert_array_equal(out, a)
    assert steps.nonzero()[0].tolist() == [0, lanes(dtype)]


@nogil_kernel
def deinterleave_three(out: Any, a: Any, width: int) -> None:
    """Write each of three vectors that are deinterleaved from position 1 on."""
    for part in range(3):
        store(out, part * width, deinterleave(a, 1, 3)[part])


@dtypes
def test_deinterleave(dtype: Any) -> None:
    width = lanes(dtype)
    a, out = np.arange(3 * width + 1, dtype=dtype), np.empty(3 * width, dtype)
    deinterleave_three(out, a, width)
    np.testing.assert_array_equal(out.reshape(3, width), a[1:].reshape(width, 3).T)


@nogil_kernel
def transpose(out: Any, a: Any, out_step: int, a_step: int) -> None:
    """Write the square block at position 2, transposed, to position 1."""
    copy_transposed(out, 1, out_step, a, 2, a_step)


@dtypes
def test_copy_transposed(dtype: Any) -> None:
    width = lanes(dtype)
    a, out = np.arange(width * (width + 3.0), dtype=dtype), np.zeros(width * (width + 2), dtype)
    transpose(out, a, width + 2, width + 3)
    written = out.reshape(width, width + 2)
    np.testing.assert_array_equal(written[:, 1:-1], a.reshape(width, width + 3)[:, 2:-1].T)
    np.testing.assert_array_equal(written[:, [0, -1]], 0)


@nogil_kernel
def mask(out: Any, a: Any, width: int) -> None:
    """Write one element of the first vector, two of the second, and so on, and zeros."""
    for i in range(0, len(a), width):
        store(out, i, mask_tail(load(a, i), i // width + 1))


@dtypes
def test_mask_tail(dtype: Any) -> None:
    width = lanes(dtype)
    a = np.arange(1, width * width + 1, dtype=dtype)
    a[::3] = np.nan
    out = np.empty_like(a)
    mask(out, a, width)
    expected = np.where(np.tri(width), a.reshape(width, width), 0)
    np.testing.assert_array_equal(out.reshape(width, width), expected)


@nogil_kernel
def copy_heads(out: Any, a: Any, counts: Any) -> None:
    """Copy the first elements of rows; each row of `out` has room for a vector at its end."""
    for i in range(len(counts)):
        row = a[: counts[i]]
        store(out[i], 0, load_head(row, 0, counts[i]))
        store_head(out[i], lanes_of(a), load(a, 1), counts[i])


@dtypes
def test_heads_of_vectors(dtype: Any) -> None:
    width = lanes(dtype)
    a, counts = np.arange(1, width + 2, dtype=dtype), np.arange(width + 2)
    out = np.full((width + 2, 2 * width), -1, dtype)
    copy_heads(out, a, counts)
    is_head = np.arange(width) < counts[:, None]
    np.testing.assert_array_equal(out[:, :width], np.where(is_head, a[:-1], 0))
    np.testing.assert_array_equal(out[:, width:], np.where(is_head, a[1:], -1))


@nogil_kernel
def write_addresses(addresses: Any, lengths: Any, a: Any) -> None:
    """Write the address and the length of aligned memory of several sizes."""
    for i in range(len(addresses)):
        memory = aligned_empty(a, i + 1)
        addresses[i], lengths[i] = memory.ctypes.data, len(memory)


@dtypes
def test_aligned_memory_begins_at_a_multiple_of_a_vector(dtype: Any) -> None:
    addresses, lengths = np.zeros(40, np.int64), np.zeros(40, np.int64)
    write_addresses(addresses, lengths, np.zeros(1, dtype))
    assert not (addresses % WIDTH).any()
    assert lengths.tolist() == [*range(1, 41)]


@nogil_kernel
def fetch(address: int) -> None:
    """Fetch the line at an address."""
    prefetch(address)


def test_prefetch_of_foreign_memory_is_no_error() -> None:
    for address in (0, 1, -64):
        fetch(address)
