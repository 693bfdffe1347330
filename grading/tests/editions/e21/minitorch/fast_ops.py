"""Compiled loops."""

import numpy as np
from numba import njit, prange

from .tensor_data import broadcast_index, index_to_position, shape_broadcast, to_index

to_index = njit(inline="always")(to_index)
index_to_position = njit(inline="always")(index_to_position)
broadcast_index = njit(inline="always")(broadcast_index)


def tensor_map(fn):
    def _map(out, out_shape, out_strides, in_storage, in_shape, in_strides):
        same = len(out_shape) == len(in_shape) and (
            np.all(out_shape == in_shape) and np.all(out_strides == in_strides)
        )
        if same:
            for i in prange(len(out)):
                out[i] = fn(in_storage[i])
        else:
            for i in prange(len(out)):
                out_index = np.empty(len(out_shape), np.int32)
                in_index = np.empty(len(in_shape), np.int32)
                to_index(i, out_shape, out_index)
                broadcast_index(out_index, out_shape, in_shape, in_index)
                o = index_to_position(out_index, out_strides)
                out[o] = fn(in_storage[index_to_position(in_index, in_strides)])

    return njit(parallel=True)(_map)


def tensor_zip(fn):
    def _zip(
        out, out_shape, out_strides, a_storage, a_shape, a_strides, b_storage, b_shape, b_strides
    ):
        same = (
            len(out_shape) == len(a_shape)
            and len(out_shape) == len(b_shape)
            and np.all(out_shape == a_shape)
            and np.all(out_shape == b_shape)
            and np.all(out_strides == a_strides)
            and np.all(out_strides == b_strides)
        )
        if same:
            for i in prange(len(out)):
                out[i] = fn(a_storage[i], b_storage[i])
        else:
            for i in prange(len(out)):
                out_index = np.empty(len(out_shape), np.int32)
                a_index = np.empty(len(a_shape), np.int32)
                b_index = np.empty(len(b_shape), np.int32)
                to_index(i, out_shape, out_index)
                broadcast_index(out_index, out_shape, a_shape, a_index)
                broadcast_index(out_index, out_shape, b_shape, b_index)
                a = a_storage[index_to_position(a_index, a_strides)]
                b = b_storage[index_to_position(b_index, b_strides)]
                out[index_to_position(out_index, out_strides)] = fn(a, b)

    return njit(parallel=True)(_zip)


def tensor_reduce(fn):
    def _reduce(out, out_shape, out_strides, a_storage, a_shape, a_strides, reduce_dim):
        for i in prange(len(out)):
            out_index = np.empty(len(out_shape), np.int32)
            to_index(i, out_shape, out_index)
            o = index_to_position(out_index, out_strides)
            start = index_to_position(out_index, a_strides)
            step = a_strides[reduce_dim]
            total = out[o]
            for k in range(a_shape[reduce_dim]):
                total = fn(total, a_storage[start + k * step])
            out[o] = total

    return njit(parallel=True)(_reduce)


@njit(parallel=True, fastmath=True)
def tensor_matrix_multiply(
    out, out_shape, out_strides, a_storage, a_shape, a_strides, b_storage, b_shape, b_strides
):
    a_batch = a_strides[0] if a_shape[0] > 1 else 0
    b_batch = b_strides[0] if b_shape[0] > 1 else 0
    for n in prange(out_shape[0]):
        for i in range(out_shape[1]):
            for j in range(out_shape[2]):
                a = n * a_batch + i * a_strides[1]
                b = n * b_batch + j * b_strides[2]
                total = 0.0
                for _ in range(a_shape[-1]):
                    total += a_storage[a] * b_storage[b]
                    a += a_strides[2]
                    b += b_strides[1]
                out[n * out_strides[0] + i * out_strides[1] + j * out_strides[2]] = total


def map(fn):
    f = tensor_map(njit()(fn))

    def ret(a, out=None):
        if out is None:
            out = a.zeros(a.shape)
        f(*out.tuple(), *a.tuple())
        return out

    return ret


def zip(fn):
    f = tensor_zip(njit()(fn))

    def ret(a, b):
        out = a.zeros(shape_broadcast(a.shape, b.shape))
        f(*out.tuple(), *a.tuple(), *b.tuple())
        return out

    return ret


def reduce(fn, start=0.0):
    f = tensor_reduce(njit()(fn))

    def ret(a, dim):
        out_shape = list(a.shape)
        out_shape[dim] = 1
        out = a.zeros(tuple(out_shape))
        out._tensor._storage[:] = start
        f(*out.tuple(), *a.tuple(), dim)
        return out

    return ret


def matrix_multiply(a, b):
    both_2d = 0
    if len(a.shape) == 2:
        a = a.contiguous().view(1, a.shape[0], a.shape[1])
        both_2d += 1
    if len(b.shape) == 2:
        b = b.contiguous().view(1, b.shape[0], b.shape[1])
        both_2d += 1
    ls = list(shape_broadcast(a.shape[:-2], b.shape[:-2]))
    ls += [a.shape[-2], b.shape[-1]]
    assert a.shape[-1] == b.shape[-2]
    out = a.zeros(tuple(ls))
    tensor_matrix_multiply(*out.tuple(), *a.tuple(), *b.tuple())
    if both_2d == 2:
        out = out.view(out.shape[1], out.shape[2])
    return out


class FastOps:
    map = map
    zip = zip
    reduce = reduce
    matrix_multiply = matrix_multiply
