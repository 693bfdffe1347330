"""Loops over tensors, and backends made of them."""

import numpy as np

from . import operators
from .tensor_data import broadcast_index, index_to_position, shape_broadcast, to_index


class TensorOps:
    @staticmethod
    def map(fn): ...

    @staticmethod
    def cmap(fn): ...

    @staticmethod
    def zip(fn): ...

    @staticmethod
    def reduce(fn, start=0.0): ...

    @staticmethod
    def matrix_multiply(a, b): ...

    cuda = False


class TensorBackend:
    def __init__(self, ops):
        self.neg_map = ops.map(operators.neg)
        self.sigmoid_map = ops.map(operators.sigmoid)
        self.relu_map = ops.map(operators.relu)
        self.log_map = ops.map(operators.log)
        self.exp_map = ops.map(operators.exp)
        self.id_map = ops.map(operators.id)
        self.inv_map = ops.map(operators.inv)
        self.add_zip = ops.zip(operators.add)
        self.mul_zip = ops.zip(operators.mul)
        self.lt_zip = ops.zip(operators.lt)
        self.eq_zip = ops.zip(operators.eq)
        self.is_close_zip = ops.zip(operators.is_close)
        self.relu_back_zip = ops.zip(operators.relu_back)
        self.log_back_zip = ops.zip(operators.log_back)
        self.inv_back_zip = ops.zip(operators.inv_back)
        self.add_reduce = ops.reduce(operators.add, 0.0)
        self.mul_reduce = ops.reduce(operators.mul, 1.0)
        self.matrix_multiply = ops.matrix_multiply
        self.cuda = ops.cuda


class SimpleOps(TensorOps):
    @staticmethod
    def map(fn):
        f = tensor_map(fn)

        def ret(a, out=None):
            if out is None:
                out = a.zeros(a.shape)
            f(*out.tuple(), *a.tuple())
            return out

        return ret

    @staticmethod
    def zip(fn):
        f = tensor_zip(fn)

        def ret(a, b):
            out = a.zeros(shape_broadcast(a.shape, b.shape) if a.shape != b.shape else a.shape)
            f(*out.tuple(), *a.tuple(), *b.tuple())
            return out

        return ret

    @staticmethod
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

    @staticmethod
    def matrix_multiply(a, b):
        raise NotImplementedError("Not implemented in this assignment")


def tensor_map(fn):
    def _map(out, out_shape, out_strides, in_storage, in_shape, in_strides):
        out_index = np.zeros(len(out_shape), np.int32)
        in_index = np.zeros(len(in_shape), np.int32)
        for i in range(len(out)):
            to_index(i, out_shape, out_index)
            broadcast_index(out_index, out_shape, in_shape, in_index)
            o = index_to_position(out_index, out_strides)
            out[o] = fn(in_storage[index_to_position(in_index, in_strides)])

    return _map


def tensor_zip(fn):
    def _zip(
        out, out_shape, out_strides, a_storage, a_shape, a_strides, b_storage, b_shape, b_strides
    ):
        out_index = np.zeros(len(out_shape), np.int32)
        a_index = np.zeros(len(a_shape), np.int32)
        b_index = np.zeros(len(b_shape), np.int32)
        for i in range(len(out)):
            to_index(i, out_shape, out_index)
            broadcast_index(out_index, out_shape, a_shape, a_index)
            broadcast_index(out_index, out_shape, b_shape, b_index)
            a = a_storage[index_to_position(a_index, a_strides)]
            b = b_storage[index_to_position(b_index, b_strides)]
            out[index_to_position(out_index, out_strides)] = fn(a, b)

    return _zip


def tensor_reduce(fn):
    def _reduce(out, out_shape, out_strides, a_storage, a_shape, a_strides, reduce_dim):
        out_index = np.zeros(len(out_shape), np.int32)
        for i in range(len(out)):
            to_index(i, out_shape, out_index)
            o = index_to_position(out_index, out_strides)
            for k in range(a_shape[reduce_dim]):
                out_index[reduce_dim] = k
                out[o] = fn(out[o], a_storage[index_to_position(out_index, a_strides)])

    return _reduce


SimpleBackend = TensorBackend(SimpleOps)
