"""Loops over tensors."""

import numpy as np

from .tensor_data import broadcast_index, index_to_position, shape_broadcast, to_index


def tensor_map(fn):
    def _map(out, out_shape, out_strides, in_storage, in_shape, in_strides):
        out_index = np.zeros(len(out_shape), np.int32)
        in_index = np.zeros(len(in_shape), np.int32)
        for i in range(len(out)):
            to_index(i, out_shape, out_index)
            broadcast_index(out_index, out_shape, in_shape, in_index)
            place = index_to_position(out_index, out_strides)
            out[place] = fn(in_storage[index_to_position(in_index, in_strides)])

    return _map


def map(fn):
    f = tensor_map(fn)

    def ret(a, out=None):
        if out is None:
            out = a.zeros(a.shape)
        f(*out.tuple(), *a.tuple())
        return out

    return ret


def tensor_zip(fn):
    def _zip(
        out, out_shape, out_strides, a_storage, a_shape, a_strides, b_storage, b_shape, b_strides
    ):
        index = np.zeros(len(out_shape), np.int32)
        a_index = np.zeros(len(a_shape), np.int32)
        b_index = np.zeros(len(b_shape), np.int32)
        for i in range(len(out)):
            to_index(i, out_shape, index)
            broadcast_index(index, out_shape, a_shape, a_index)
            broadcast_index(index, out_shape, b_shape, b_index)
            out[index_to_position(index, out_strides)] = fn(
                a_storage[index_to_position(a_index, a_strides)],
                b_storage[index_to_position(b_index, b_strides)],
            )

    return _zip


def zip(fn):
    f = tensor_zip(fn)

    def ret(a, b):
        out = a.zeros(shape_broadcast(a.shape, b.shape) if a.shape != b.shape else a.shape)
        f(*out.tuple(), *a.tuple(), *b.tuple())
        return out

    return ret


def tensor_reduce(fn):
    def _reduce(out, out_shape, out_strides, a_storage, a_shape, a_strides, reduce_dim):
        index = np.zeros(len(out_shape), np.int32)
        for i in range(len(out)):
            to_index(i, out_shape, index)
            place = index_to_position(index, out_strides)
            for k in range(a_shape[reduce_dim]):
                index[reduce_dim] = k
                out[place] = fn(a_storage[index_to_position(index, a_strides)], out[place])

    return _reduce


def reduce(fn, start=0.0):
    f = tensor_reduce(fn)

    def ret(a, dim):
        out_shape = list(a.shape)
        out_shape[dim] = 1
        out = a.zeros(tuple(out_shape))
        out._tensor._storage[:] = start
        f(*out.tuple(), *a.tuple(), dim)
        return out

    return ret


def matrix_multiply(a, b):
    raise ValueError("there is no product of matrices before module 3")


class TensorOps:
    map = map
    zip = zip
    reduce = reduce
    matrix_multiply = matrix_multiply
