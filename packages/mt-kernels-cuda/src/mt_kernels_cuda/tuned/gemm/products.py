"""Products of matrices with any strides."""

from mt_kernels_cuda.launching import MAX_GRID
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.gemm.strips import AccessPattern, Operand
from mt_kernels_cuda.tuned.gemm.tiles import COLUMNS, EXTRA, ROWS, Product, launch_product
from mt_kernels_cuda.tuned.hardware.vec4 import vec4_aligned
from mt_kernels_cuda.tuned.operations.elementwise import Numbers, few_dims
from mt_tensor import TensorData
from mt_tensor.layout import Storage, broadcast_strides

A_ROW, A_TERM, B_TERM, B_COLUMN, INNER, A_OUTER, A_INNER, B_OUTER, B_INNER = range(EXTRA, EXTRA + 9)
"""Indices of the further launch parameters of a matrix product: the strides of both matrices, the
size of the inner one of two batch dimensions, and the strides of both along the batch
dimensions."""


def _starts(g: Numbers, batch: int) -> tuple[int, int]:
    outer, inner = batch // g[INNER], batch % g[INNER]
    return outer * g[A_OUTER] + inner * g[A_INNER], outer * g[B_OUTER] + inner * g[B_INNER]


def _row(g: Numbers, start: int, row: int) -> tuple[int, int, int]:
    return start + row * g[A_ROW], 0, 0


def _of_first(g: Numbers, steps: Storage, x: int, y: int, z: int, term: int) -> int:
    return x + term * g[A_TERM]


def _column(g: Numbers, start: int, column: int) -> tuple[int, int, int]:
    return start + column * g[B_COLUMN], 0, 0


def _of_second(g: Numbers, steps: Storage, x: int, y: int, z: int, term: int) -> int:
    return x + term * g[B_TERM]


def _column_offset(g: Numbers, batch: int, column: int) -> int:
    return batch * g[ROWS] * g[COLUMNS] + column


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
    steps = [(0, *numbers[dims * k : dims * (k + 1)])[-2:] for k in (1, 2)]
    extra = (*a.strides[-2:], *b.strides[-2:], inner, *steps[0], *steps[1])
    launch_product(
        backend,
        MATRICES,
        out.storage,
        (a.storage, b.storage),
        (rows, columns, terms, batches),
        columns,
        extra,
        patterns=(_pattern(a, -2, steps[0]), _pattern(b, -1, steps[1])),
        vec4_out=vec4_aligned(out.storage, columns),
        bias=bias,
        relu=relu,
    )
    return True


def _pattern(a: TensorData, row: int, batches: tuple[int, ...]) -> AccessPattern:
    """Return the access pattern of an operand whose rows (or columns) are dimension `row`."""
    term = -1 if row == -2 else -2
    by_terms = a.strides[term] <= a.strides[row]
    along, across = (term, row) if by_terms else (row, term)
    steps = (a.shape[along], a.strides[across], *batches)
    return AccessPattern(by_terms, a.strides[along] == 1 and vec4_aligned(a.storage, *steps))
