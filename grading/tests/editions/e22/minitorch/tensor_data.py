"""Storage, shape and strides."""

import random

import numba
import numba.cuda
import numpy as np

from .operators import prod

MAX_DIMS = 32


class IndexingError(RuntimeError):
    pass


def index_to_position(index, strides):
    position = 0
    for i, s in zip(index, strides):  # noqa: B905
        position += i * s
    return position


def to_index(ordinal, shape, out_index):
    rest = ordinal + 0
    for i in range(len(shape) - 1, -1, -1):
        size = shape[i]
        out_index[i] = int(rest % size)
        rest = rest // size


def broadcast_index(big_index, big_shape, shape, out_index):
    for i in range(len(shape)):
        if shape[i] > 1:
            out_index[i] = big_index[i + len(big_shape) - len(shape)]
        else:
            out_index[i] = 0


def shape_broadcast(shape1, shape2):
    shape1, shape2 = tuple(shape1), tuple(shape2)
    dims = max(len(shape1), len(shape2))
    out = []
    for a, b in zip(
        (1,) * (dims - len(shape1)) + shape1, (1,) * (dims - len(shape2)) + shape2, strict=True
    ):
        if a != b and a != 1 and b != 1:
            raise IndexingError(f"cannot broadcast {shape1} and {shape2}")
        out.append(b if a == 1 else a)
    return tuple(out)


def strides_from_shape(shape):
    layout = [1]
    for s in reversed(shape):
        layout.append(s * layout[-1])
    return tuple(reversed(layout[:-1]))


class TensorData:
    def __init__(self, storage, shape, strides=None):
        if isinstance(storage, np.ndarray):
            self._storage = storage
        else:
            self._storage = np.array(storage, dtype=np.float64)
        if strides is None:
            strides = strides_from_shape(shape)
        assert isinstance(strides, tuple), "Strides must be tuple"
        assert isinstance(shape, tuple), "Shape must be tuple"
        if len(strides) != len(shape):
            raise IndexingError(f"Len of strides {strides} must match {shape}.")
        self._strides = np.array(strides)
        self._shape = np.array(shape)
        self.strides = strides
        self.dims = len(strides)
        self.size = int(prod(shape))
        self.shape = shape
        assert len(self._storage) == self.size

    def to_cuda_(self):
        if not numba.cuda.is_cuda_array(self._storage):
            self._storage = numba.cuda.to_device(self._storage)

    def is_contiguous(self):
        last = 1e9
        for stride in self._strides:
            if stride > last:
                return False
            last = stride
        return True

    @staticmethod
    def shape_broadcast(shape_a, shape_b):
        return shape_broadcast(shape_a, shape_b)

    def index(self, index):
        if isinstance(index, int):
            aindex = np.array([index])
        else:
            aindex = np.array(index)
        if aindex.shape[0] != len(self.shape):
            raise IndexingError(f"Index {aindex} must be size of {self.shape}.")
        for i, ind in enumerate(aindex):
            if ind >= self.shape[i]:
                raise IndexingError(f"Index {aindex} out of range {self.shape}.")
            if ind < 0:
                raise IndexingError(f"Negative indexing for {aindex} not supported.")
        return index_to_position(np.array(index), self._strides)

    def indices(self):
        lshape = np.array(self.shape)
        out_index = np.array(self.shape)
        for i in range(self.size):
            to_index(i, lshape, out_index)
            yield tuple(out_index)

    def sample(self):
        return tuple(random.randint(0, s - 1) for s in self.shape)

    def get(self, key):
        return self._storage[self.index(key)]

    def set(self, key, val):
        self._storage[self.index(key)] = val

    def tuple(self):
        return (self._storage, self._shape, self._strides)

    def permute(self, *order):
        assert list(sorted(order)) == list(range(len(self.shape)))  # noqa: C413
        return TensorData(
            self._storage,
            tuple(self.shape[i] for i in order),
            tuple(self.strides[i] for i in order),
        )
