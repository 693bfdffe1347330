"""Products of matrices with any strides.

A batch of products has at most two dimensions after merging. One product of the batch reads::

    a: a_row from row to row               b: b_term from row to row
       ┌─ a_term → ─┐                         ┌─ b_column → ─┐        out: contiguous
       │ a a a      │ a_row ↓                 │ b b b b      │        o o o o
       │ a a a      │                         │ b b b b      │        o o o o
       └────────────┘                         └──────────────┘
"""

from typing import NamedTuple

from mt_kernels_cuda.launching import MAX_GRID
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.gemm.strips import AccessPattern, Operand
from mt_kernels_cuda.tuned.gemm.tiles import Product, ProductCall, launch_product
from mt_kernels_cuda.tuned.hardware.vec4 import vec4_aligned
from mt_kernels_cuda.tuned.operations.elementwise import few_dims
from mt_tensor import TensorData
from mt_tensor.layout import Storage, broadcast_strides


class MatrixOffsets(NamedTuple):
    """Further launch parameters of a product of matrices, in elements.

    Attributes:
        a_row: The stride of rows of the first matrix.
        a_term: The stride of its terms.
        b_term: The stride of terms of the second matrix.
        b_column: The stride of its columns.
        inner: The size of the inner one of two batch dimensions.
        a_outer: The stride of the first matrix along the outer batch dimension.
        a_inner: The stride of the first matrix along the inner one.
        b_outer: The stride of the second matrix along the outer batch dimension.
        b_inner: The stride of the second matrix along the inner one.
        out_size: The number of elements of a result.
    """

    a_row: int
    a_term: int
    b_term: int
    b_column: int
    inner: int
    a_outer: int
    a_inner: int
    b_outer: int
    b_inner: int
    out_size: int


def _starts(offsets: MatrixOffsets, batch: int) -> tuple[int, int]:
    outer, inner = batch // offsets.inner, batch % offsets.inner
    a_start = outer * offsets.a_outer + inner * offsets.a_inner
    return a_start, outer * offsets.b_outer + inner * offsets.b_inner


def _row(offsets: MatrixOffsets, start: int, row: int) -> tuple[int, int, int]:
    return start + row * offsets.a_row, 0, 0


def _of_first(offsets: MatrixOffsets, steps: Storage, x: int, y: int, z: int, term: int) -> int:
    return x + term * offsets.a_term


def _column(offsets: MatrixOffsets, start: int, column: int) -> tuple[int, int, int]:
    return start + column * offsets.b_column, 0, 0


def _of_second(offsets: MatrixOffsets, steps: Storage, x: int, y: int, z: int, term: int) -> int:
    return x + term * offsets.b_term


def _column_offset(offsets: MatrixOffsets, batch: int, column: int) -> int:
    return batch * offsets.out_size + column


MATRICES = Product(
    "multiply_matrices",
    _starts,
    Operand(_row, _of_first),
    Operand(_column, _of_second),
    _column_offset,
)


def multiply(
    backend: Device,
    out: TensorData,
    a: TensorData,
    b: TensorData,
    bias: tuple[int, Storage] | None = None,
    relu: bool = False,
) -> bool:
    """Write the product of matrices to `out`, with bias and ReLU if they are passed.

    Shape:
        a (..., m, k), b (..., k, n), contiguous out (..., m, n); no size is 0.

    Returns:
        False if nothing was computed, because the batch dimensions do not merge into two, or
        because there are more matrices than a grid has blocks in its third dimension.
    """
    batch = out.shape[:-2]
    a_steps, b_steps = (
        broadcast_strides(batch, each.shape[:-2], each.strides[:-2]) for each in (a, b)
    )
    layout = few_dims(batch, a_steps, b_steps)
    (rows, columns), terms = out.shape[-2:], a.shape[-1]
    batches = out.size // (rows * columns)
    if layout is None or layout[0] > 2 or batches > MAX_GRID:
        return False
    dims, numbers = layout
    inner = numbers[dims - 1]
    a_batch, b_batch = [(0, *numbers[dims * k : dims * (k + 1)])[-2:] for k in (1, 2)]
    numbers = (*a.strides[-2:], *b.strides[-2:], inner, *a_batch, *b_batch, rows * columns)
    offsets = MatrixOffsets(*numbers)
    call = ProductCall(
        out.storage,
        (a.storage, b.storage),
        sizes=(rows, columns, terms, batches),
        step=columns,
        offsets=offsets,
        patterns=(_pattern(a, -2, a_batch), _pattern(b, -1, b_batch)),
        vec4_out=vec4_aligned(out.storage, columns),
        bias=bias,
        relu=relu,
    )
    launch_product(backend, MATRICES, call)
    return True


def _pattern(a: TensorData, row: int, batches: tuple[int, ...]) -> AccessPattern:
    """Return the access pattern of an operand whose rows (or columns) are dimension `row`."""
    term = -1 if row == -2 else -2
    by_terms = a.strides[term] <= a.strides[row]
    along, across = (term, row) if by_terms else (row, term)
    steps = (a.shape[along], a.strides[across], *batches)
    return AccessPattern(by_terms, a.strides[along] == 1 and vec4_aligned(a.storage, *steps))
