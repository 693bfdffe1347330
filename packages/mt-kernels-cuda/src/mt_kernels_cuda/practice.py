"""The two exercises of the course with shared memory, each small enough for one block.

The sums of two blocks of four numbers, and a product that fits into one block::

    a  a0 a1 a2 a3 | a4 a5 a6 a7         out[row, column] = row of a · column of b
       → out[0]      → out[1]

Both kernels read each number once from global memory and write each result once; all other accesses
are to shared memory. `mt_kernels_cuda.reduction` and `mt_kernels_cuda.matrix_multiply` apply the
same ideas to any size.
"""

from numba import cuda

from mt_kernels_cuda.backend import Cuda
from mt_kernels_cuda.jit import kernel
from mt_kernels_cuda.launching import Launch, blocks_for, check_on_device
from mt_tensor import ShapeError, TensorData
from mt_tensor.layout import Storage

THREADS_PER_BLOCK = 32
"""Threads of a block along each dimension; 32 × 32 is the largest block of a GPU."""


@kernel
def sum_kernel(out: Storage, a: Storage, size: int) -> None:
    """Write the sum of each group of `THREADS_PER_BLOCK` numbers to one element of `out`."""
    shared = cuda.shared.array(THREADS_PER_BLOCK, out.dtype)
    i = cuda.grid(1)
    thread = cuda.threadIdx.x
    shared[thread] = a[i] if i < size else 0.0
    cuda.syncthreads()
    half = THREADS_PER_BLOCK // 2
    while half > 0:
        if thread < half:
            shared[thread] += shared[thread + half]
        cuda.syncthreads()
        half = half // 2
    if thread == 0:
        out[cuda.blockIdx.x] = shared[0]


def sum_practice(a: TensorData) -> TensorData:
    """Sum a vector on the device in groups of `THREADS_PER_BLOCK` numbers.

    Returns:
        One sum for each group; at least two elements, the second one 0 if there is one group.

    Shape:
        (n,) → (max(2, ceil(n / THREADS_PER_BLOCK)),).

    Raises:
        ShapeError: `a` is not a vector.
    """
    if a.dims != 1:
        raise ShapeError(f"sum_practice: shape {a.shape} must have one dimension; view it as (-1,)")
    check_on_device("sum_practice", a)
    return launch_sum(Cuda(a.storage.dtype), a)


def launch_sum(backend: Cuda, a: TensorData) -> TensorData:
    """Launch `sum_kernel` for a vector and return the sums."""
    blocks = max(2, blocks_for(a.size, THREADS_PER_BLOCK))
    out = backend.empty((blocks,))
    numbers = backend.contiguous(a).storage
    arguments = (out.storage, numbers, a.size)
    backend.run(Launch(sum_kernel, blocks, THREADS_PER_BLOCK, arguments))
    return out


@kernel
def mm_kernel(out: Storage, a: Storage, b: Storage, size: int) -> None:
    """Write the product of two square matrices of at most one block to `out`."""
    a_shared = cuda.shared.array((THREADS_PER_BLOCK, THREADS_PER_BLOCK), out.dtype)
    b_shared = cuda.shared.array((THREADS_PER_BLOCK, THREADS_PER_BLOCK), out.dtype)
    row = cuda.threadIdx.y
    column = cuda.threadIdx.x
    inside = row < size and column < size
    if inside:
        a_shared[row, column] = a[row * size + column]
        b_shared[row, column] = b[row * size + column]
    cuda.syncthreads()
    if inside:
        total = 0.0
        for k in range(size):
            total += a_shared[row, k] * b_shared[k, column]
        out[row * size + column] = total


def mm_practice(a: TensorData, b: TensorData) -> TensorData:
    """Multiply two square matrices of at most `THREADS_PER_BLOCK` rows with one block.

    Shape:
        (n, n), (n, n) → (n, n).

    Raises:
        ShapeError: A matrix is not square, the sizes differ, or they are too large for a block.
    """
    size = a.shape[0] if a.dims else 0
    if a.shape != (size, size) or b.shape != a.shape or size > THREADS_PER_BLOCK:
        raise ShapeError(
            f"mm_practice: shapes {a.shape} and {b.shape} must both be (n, n) with n at most "
            f"{THREADS_PER_BLOCK}; use Cuda.matmul for other shapes"
        )
    check_on_device("mm_practice", a, b)
    return launch_product(Cuda(a.storage.dtype), a, b)


def launch_product(backend: Cuda, a: TensorData, b: TensorData) -> TensorData:
    """Launch `mm_kernel` for two square matrices and return the product."""
    size = a.shape[0]
    out = backend.empty((size, size))
    left, right = backend.contiguous(a).storage, backend.contiguous(b).storage
    # A block as large as the matrix saves time in the simulator.
    threads = (max(1, size), max(1, size))
    backend.run(Launch(mm_kernel, 1, threads, (out.storage, left, right, size)))
    return out
