"""The tensor."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import operators
from .autodiff import backpropagate
from .tensor_data import TensorData
from .tensor_functions import (
    EQ,
    LT,
    Add,
    All,
    Copy,
    Exp,
    Inv,
    IsClose,
    Log,
    MatMul,
    Mul,
    Neg,
    Permute,
    ReLU,
    Sigmoid,
    Sum,
    View,
    tensor,
    zeros,
)

_tensor_count = 0


@dataclass
class History:
    last_fn: Any = None
    ctx: Any = None
    inputs: Any = ()


class Tensor:
    def __init__(self, v, back=None, name=None, backend=None):
        global _tensor_count
        _tensor_count += 1
        self.unique_id = _tensor_count
        assert isinstance(v, TensorData)
        assert backend is not None
        self._tensor = v
        self.history = back
        self.backend = backend
        self.grad = None
        self.name = name if name is not None else str(self.unique_id)
        self.f = backend

    def requires_grad_(self, x):
        # As the course publishes it: whatever is asked for, a gradient is wanted.
        self.history = History()

    def requires_grad(self):
        return self.history is not None

    def to_numpy(self):
        return self.contiguous()._tensor._storage.reshape(self.shape)

    def _ensure_tensor(self, b):
        if isinstance(b, (int, float)):
            return Tensor.make([b], (1,), backend=self.backend)
        b._type_(self.backend)
        return b

    def _type_(self, backend):
        self.backend = backend
        self.f = backend
        if backend.cuda:
            self._tensor.to_cuda_()

    def item(self):
        assert self.size == 1
        return self._tensor._storage[0]

    def contiguous(self):
        return Copy.apply(self)

    def __getitem__(self, key):
        return self._tensor.get((key,) if isinstance(key, int) else key)

    def __setitem__(self, key, val):
        self._tensor.set((key,) if isinstance(key, int) else key, val)

    @staticmethod
    def make(storage, shape, strides=None, backend=None):
        return Tensor(TensorData(storage, shape, strides), backend=backend)

    def expand(self, other):
        if self.shape == other.shape:
            return other
        shape = TensorData.shape_broadcast(self.shape, other.shape)
        buf = self.zeros(shape)
        self.f.id_map(other, buf)
        if self.shape == shape:
            return buf
        out = buf
        orig = [1] * (len(out.shape) - len(self.shape)) + list(self.shape)
        for dim, size in enumerate(out.shape):
            if orig[dim] == 1 and size != 1:
                out = self.f.add_reduce(out, dim)
        assert out.size == self.size
        return Tensor.make(out._tensor._storage, self.shape, backend=self.backend)

    def zeros(self, shape=None):
        size = self.shape if shape is None else shape
        return Tensor.make(np.zeros(int(operators.prod(size))), size, backend=self.backend)

    def tuple(self):
        return self._tensor.tuple()

    def detach(self):
        return Tensor(self._tensor, backend=self.backend)

    def _new(self, tensor_data):
        return Tensor(tensor_data, backend=self.backend)

    def accumulate_derivative(self, x):
        assert self.is_leaf(), "Only leaf variables can have derivatives."
        if self.grad is None:
            self.grad = self.zeros()
        self.grad += x

    def is_leaf(self):
        return self.history is not None and self.history.last_fn is None

    def is_constant(self):
        return self.history is None

    @property
    def parents(self):
        return self.history.inputs

    def chain_rule(self, d_output):
        h = self.history
        grads = h.last_fn._backward(h.ctx, d_output)
        return [
            (inp, inp.expand(self._ensure_tensor(g)))
            for inp, g in zip(h.inputs, grads, strict=True)
        ]

    def backward(self, grad_output=None):
        if grad_output is None:
            assert self.shape == (1,), "Must provide grad_output if non-scalar"
            grad_output = Tensor.make([1.0], (1,), backend=self.backend)
        backpropagate(self, grad_output)

    @property
    def shape(self):
        return self._tensor.shape

    @property
    def size(self):
        return self._tensor.size

    @property
    def dims(self):
        return self._tensor.dims

    def zero_grad_(self):
        self.grad = None

    def __add__(self, b):
        return Add.apply(self, self._ensure_tensor(b))

    def __radd__(self, b):
        return self + b

    def __sub__(self, b):
        return Add.apply(self, Neg.apply(self._ensure_tensor(b)))

    def __mul__(self, b):
        return Mul.apply(self, self._ensure_tensor(b))

    def __rmul__(self, b):
        return self * b

    def __truediv__(self, b):
        return Mul.apply(self, Inv.apply(self._ensure_tensor(b)))

    def __rtruediv__(self, b):
        return Mul.apply(self._ensure_tensor(b), Inv.apply(self))

    def __matmul__(self, b):
        return MatMul.apply(self, b)

    def __lt__(self, b):
        return LT.apply(self, self._ensure_tensor(b))

    def __eq__(self, b):
        return EQ.apply(self, self._ensure_tensor(b))

    def __gt__(self, b):
        return LT.apply(self._ensure_tensor(b), self)

    def __neg__(self):
        return Neg.apply(self)

    def is_close(self, b):
        return IsClose.apply(self, self._ensure_tensor(b))

    def sigmoid(self):
        return Sigmoid.apply(self)

    def relu(self):
        return ReLU.apply(self)

    def log(self):
        return Log.apply(self)

    def exp(self):
        return Exp.apply(self)

    def all(self, dim=None):
        if dim is None:
            return All.apply(self.view(self.size), self._ensure_tensor(0))
        return All.apply(self, self._ensure_tensor(dim))

    def sum(self, dim=None):
        if dim is None:
            return Sum.apply(self.contiguous().view(self.size), self._ensure_tensor(0))
        return Sum.apply(self, self._ensure_tensor(dim))

    def mean(self, dim=None):
        return self.sum(dim) / (self.size if dim is None else self.shape[dim])

    def permute(self, *order):
        return Permute.apply(self, tensor(list(order)))

    def view(self, *shape):
        return View.apply(self, tensor(list(shape)))


__all__ = ["History", "Tensor", "zeros"]
