"""Loops on a GPU."""

import numba
from numba import cuda

from .tensor_data import TensorData, broadcast_index, index_to_position, shape_broadcast, to_index
from .tensor_ops import TensorOps

to_index = cuda.jit(device=True)(to_index)
index_to_position = cuda.jit(device=True)(index_to_position)
broadcast_index = cuda.jit(device=True)(broadcast_index)

THREADS_PER_BLOCK = 32
MAX_DIMS = 8


class CudaOps(TensorOps):
    cuda = True

    @staticmethod
    def map(fn):
        f = tensor_map(cuda.jit(device=True)(fn))

        def ret(a, out=None):
            if out is None:
                out = a.zeros(a.shape)
            blocks = (out.size + THREADS_PER_BLOCK - 1) // THREADS_PER_BLOCK
            f[blocks, THREADS_PER_BLOCK](*out.tuple(), out.size, *a.tuple())
            return out

        return ret

    @staticmethod
    def zip(fn):
        f = tensor_zip(cuda.jit(device=True)(fn))

        def ret(a, b):
            out = a.zeros(shape_broadcast(a.shape, b.shape))
            blocks = (out.size + THREADS_PER_BLOCK - 1) // THREADS_PER_BLOCK
            f[blocks, THREADS_PER_BLOCK](*out.tuple(), out.size, *a.tuple(), *b.tuple())
            return out

        return ret

    @staticmethod
    def reduce(fn, start=0.0):
        f = tensor_reduce(cuda.jit(device=True)(fn))

        def ret(a, dim):
            out_shape = list(a.shape)
            out_shape[dim] = (a.shape[dim] - 1) // 1024 + 1
            out = a.zeros(tuple(out_shape))
            f[out.size, 1024](*out.tuple(), out.size, *a.tuple(), dim, start)
            return out

        return ret

    @staticmethod
    def matrix_multiply(a, b):
        both_2d = len(a.shape) == 2 and len(b.shape) == 2
        if len(a.shape) == 2:
            a = a.contiguous().view(1, a.shape[0], a.shape[1])
        if len(b.shape) == 2:
            b = b.contiguous().view(1, b.shape[0], b.shape[1])
        ls = list(shape_broadcast(a.shape[:-2], b.shape[:-2]))
        ls += [a.shape[-2], b.shape[-1]]
        assert a.shape[-1] == b.shape[-2]
        out = a.zeros(tuple(ls))
        threads = THREADS_PER_BLOCK
        grid = (-(-out.shape[1] // threads), -(-out.shape[2] // threads), out.shape[0])
        tensor_matrix_multiply[grid, (threads, threads, 1)](
            *out.tuple(), out.size, *a.tuple(), *b.tuple()
        )
        if both_2d:
            out = out.view(out.shape[1], out.shape[2])
        return out


def tensor_map(fn):
    def _map(out, out_shape, out_strides, out_size, in_storage, in_shape, in_strides):
        out_index = cuda.local.array(MAX_DIMS, numba.int32)
        in_index = cuda.local.array(MAX_DIMS, numba.int32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < out_size:
            to_index(i, out_shape, out_index)
            broadcast_index(out_index, out_shape, in_shape, in_index)
            o = index_to_position(out_index, out_strides)
            out[o] = fn(in_storage[index_to_position(in_index, in_strides)])

    return cuda.jit()(_map)


def tensor_zip(fn):
    def _zip(
        out,
        out_shape,
        out_strides,
        out_size,
        a_storage,
        a_shape,
        a_strides,
        b_storage,
        b_shape,
        b_strides,
    ):
        out_index = cuda.local.array(MAX_DIMS, numba.int32)
        a_index = cuda.local.array(MAX_DIMS, numba.int32)
        b_index = cuda.local.array(MAX_DIMS, numba.int32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < out_size:
            to_index(i, out_shape, out_index)
            broadcast_index(out_index, out_shape, a_shape, a_index)
            broadcast_index(out_index, out_shape, b_shape, b_index)
            a = a_storage[index_to_position(a_index, a_strides)]
            b = b_storage[index_to_position(b_index, b_strides)]
            out[index_to_position(out_index, out_strides)] = fn(a, b)

    return cuda.jit()(_zip)


def tensor_reduce(fn):
    def _reduce(
        out,
        out_shape,
        out_strides,
        out_size,
        a_storage,
        a_shape,
        a_strides,
        reduce_dim,
        reduce_value,
    ):
        BLOCK_DIM = 1024
        cache = cuda.shared.array(BLOCK_DIM, numba.float64)
        out_index = cuda.local.array(MAX_DIMS, numba.int32)
        out_pos = cuda.blockIdx.x
        pos = cuda.threadIdx.x
        cache[pos] = reduce_value
        if out_pos < out_size:
            to_index(out_pos, out_shape, out_index)
            o = index_to_position(out_index, out_strides)
            out_index[reduce_dim] = out_index[reduce_dim] * BLOCK_DIM + pos
            if out_index[reduce_dim] < a_shape[reduce_dim]:
                cache[pos] = a_storage[index_to_position(out_index, a_strides)]
            cuda.syncthreads()
            step = 1
            while step < BLOCK_DIM:
                if pos % (2 * step) == 0:
                    cache[pos] = fn(cache[pos], cache[pos + step])
                cuda.syncthreads()
                step *= 2
            if pos == 0:
                out[o] = cache[0]

    return cuda.jit()(_reduce)


def _tensor_matrix_multiply(
    out,
    out_shape,
    out_strides,
    out_size,
    a_storage,
    a_shape,
    a_strides,
    b_storage,
    b_shape,
    b_strides,
):
    a_batch_stride = a_strides[0] if a_shape[0] > 1 else 0
    b_batch_stride = b_strides[0] if b_shape[0] > 1 else 0
    batch = cuda.blockIdx.z
    BLOCK_DIM = 32
    a_shared = cuda.shared.array((BLOCK_DIM, BLOCK_DIM), numba.float64)
    b_shared = cuda.shared.array((BLOCK_DIM, BLOCK_DIM), numba.float64)
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    j = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y
    pi = cuda.threadIdx.x
    pj = cuda.threadIdx.y
    total = 0.0
    for start in range(0, a_shape[2], BLOCK_DIM):
        k = start + pj
        if i < a_shape[1] and k < a_shape[2]:
            a_shared[pi, pj] = a_storage[
                a_batch_stride * batch + a_strides[1] * i + a_strides[2] * k
            ]
        k = start + pi
        if j < b_shape[2] and k < b_shape[1]:
            b_shared[pi, pj] = b_storage[
                b_batch_stride * batch + b_strides[1] * k + b_strides[2] * j
            ]
        cuda.syncthreads()
        for k in range(BLOCK_DIM):
            if start + k < a_shape[2] and i < out_shape[1] and j < out_shape[2]:
                total += a_shared[pi, k] * b_shared[k, pj]
        cuda.syncthreads()
    if i < out_shape[1] and j < out_shape[2]:
        out[out_strides[0] * batch + out_strides[1] * i + out_strides[2] * j] = total


tensor_matrix_multiply = cuda.jit()(_tensor_matrix_multiply)


def _sum_practice(out, a, size):
    BLOCK_DIM = 32
    cache = cuda.shared.array(BLOCK_DIM, numba.float64)
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    pos = cuda.threadIdx.x
    if i < size:
        cache[pos] = a[i]
    else:
        cache[pos] = 0.0
    cuda.syncthreads()
    step = 1
    while step < BLOCK_DIM:
        if pos % (2 * step) == 0:
            cache[pos] += cache[pos + step]
        cuda.syncthreads()
        step *= 2
    if pos == 0 and i < size:
        out[cuda.blockIdx.x] = cache[0]


jit_sum_practice = cuda.jit()(_sum_practice)


def sum_practice(a):
    (size,) = a.shape
    blocks = (size // THREADS_PER_BLOCK) + 1
    out = TensorData([0.0 for i in range(2)], (2,))
    out.to_cuda_()
    jit_sum_practice[blocks, THREADS_PER_BLOCK](out.tuple()[0], a._tensor._storage, size)
    return out


def _mm_practice(out, a, b, size):
    BLOCK_DIM = 32
    a_shared = cuda.shared.array((BLOCK_DIM, BLOCK_DIM), numba.float64)
    b_shared = cuda.shared.array((BLOCK_DIM, BLOCK_DIM), numba.float64)
    i = cuda.threadIdx.x
    j = cuda.threadIdx.y
    if i < size and j < size:
        a_shared[i, j] = a[size * i + j]
        b_shared[i, j] = b[size * i + j]
    cuda.syncthreads()
    if i < size and j < size:
        total = 0.0
        for k in range(size):
            total += a_shared[i, k] * b_shared[k, j]
        out[size * i + j] = total


jit_mm_practice = cuda.jit()(_mm_practice)


def mm_practice(a, b):
    (size, _) = a.shape
    threads = (THREADS_PER_BLOCK, THREADS_PER_BLOCK)
    out = TensorData([0.0 for i in range(size * size)], (size, size))
    out.to_cuda_()
    jit_mm_practice[1, threads](out.tuple()[0], a._tensor._storage, b._tensor._storage, size)
    return out
