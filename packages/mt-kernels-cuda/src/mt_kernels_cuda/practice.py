"""The two exercises of the course with shared memory, small enough for one block each.

Both read global memory once for each number and write once for each result; everything in between
happens in shared memory. `mt_kernels_cuda.reduction` and `mt_kernels_cuda.matrix_multiply` are the
same ideas for any size.
"""

from numba import cuda

from mt_kernels_cuda.backend import Cuda
from mt_kernels_cuda.jit import kernel
from mt_kernels_cuda.launching import Launch, blocks_for, check_place
from mt_tensor import ShapeError, TensorData
from mt_tensor.layout import Storage

THREADS_PER_BLOCK = 32
"""Threads of a block along each of its dimensions."""


@kernel
def sum_kernel(out: Storage, a: Storage, size: int) -> None:
    """Write the sum of each run of `THREADS_PER_BLOCK` numbers into one cell of `out`."""
    cells = cuda.shared.array(THREADS_PER_BLOCK, out.dtype)
    i = cuda.grid(1)
    thread = cuda.threadIdx.x
    cells[thread] = a[i] if i < size else 0.0
    cuda.syncthreads()
    half = THREADS_PER_BLOCK // 2
    while half > 0:
        if thread < half:
            cells[thread] += cells[thread + half]
        cuda.syncthreads()
        half = half // 2
    if thread == 0:
        out[cuda.blockIdx.x] = cells[0]


def sum_practice(a: TensorData) -> TensorData:
    """Add up a vector on the device, `THREADS_PER_BLOCK` numbers at a time.

    Returns:
        One sum for each run of numbers: two cells at least, the second 0 if it is not needed.

    Shape:
        (n,) → (max(2, ceil(n / THREADS_PER_BLOCK)),).

    Raises:
        ShapeError: `a` is not a vector.
    """
    if a.dims != 1:
        raise ShapeError(f"sum_practice: shape {a.shape} must have one dimension; view it as (-1,)")
    check_place("sum_practice", a)
    return launch_sum(Cuda(a.storage.dtype), a)


def launch_sum(backend: Cuda, a: TensorData) -> TensorData:
    """Launch `sum_kernel` for a vector."""
    blocks = max(2, blocks_for(a.size, THREADS_PER_BLOCK))
    out = backend.empty((blocks,))
    numbers = backend.contiguous(a).storage
    arguments = (out.storage, numbers, a.size)
    backend.run(Launch(sum_kernel, blocks, THREADS_PER_BLOCK, arguments))
    return out


@kernel
def mm_kernel(out: Storage, a: Storage, b: Storage, size: int) -> None:
    """Write the product of two square matrices that fit into one block into `out`."""
    a_cells = cuda.shared.array((THREADS_PER_BLOCK, THREADS_PER_BLOCK), out.dtype)
    b_cells = cuda.shared.array((THREADS_PER_BLOCK, THREADS_PER_BLOCK), out.dtype)
    row = cuda.threadIdx.y
    column = cuda.threadIdx.x
    inside = row < size and column < size
    if inside:
        a_cells[row, column] = a[row * size + column]
        b_cells[row, column] = b[row * size + column]
    cuda.syncthreads()
    if inside:
        total = 0.0
        for k in range(size):
            total += a_cells[row, k] * b_cells[k, column]
        out[row * size + column] = total


def mm_practice(a: TensorData, b: TensorData) -> TensorData:
    """Multiply two square matrices of at most `THREADS_PER_BLOCK` rows with one block.

    Shape:
        (n, n), (n, n) → (n, n).

    Raises:
        ShapeError: They are not square, not of one size, or too large for a block.
    """
    size = a.shape[0] if a.dims else 0
    if a.shape != (size, size) or b.shape != a.shape or size > THREADS_PER_BLOCK:
        raise ShapeError(
            f"mm_practice: shapes {a.shape} and {b.shape} must both be (n, n) with n of at most "
            f"{THREADS_PER_BLOCK}; Cuda.matmul takes all others"
        )
    check_place("mm_practice", a, b)
    return launch_product(Cuda(a.storage.dtype), a, b)


def launch_product(backend: Cuda, a: TensorData, b: TensorData) -> TensorData:
    """Launch `mm_kernel` for two square matrices."""
    size = a.shape[0]
    out = backend.empty((size, size))
    left, right = backend.contiguous(a).storage, backend.contiguous(b).storage
    # A smaller matrix needs fewer threads, which matters in the simulator only.
    threads = (max(1, size), max(1, size))
    backend.run(Launch(mm_kernel, 1, threads, (out.storage, left, right, size)))
    return out
