"""The tensor."""

import numpy as np

from . import operators
from .autodiff import Variable
from .tensor_data import TensorData


class Tensor(Variable):
    def __init__(self, v, back=None, name=None, backend=None):
        assert isinstance(v, TensorData)
        super().__init__(back, name=name)
        self._tensor = v
        self.backend = backend

    def to_numpy(self):
        return self.contiguous()._tensor._storage.reshape(self.shape)

    @property
    def shape(self):
        return self._tensor.shape

    @property
    def size(self):
        return self._tensor.size

    @property
    def dims(self):
        return self._tensor.dims

    def _ensure_tensor(self, b):
        if isinstance(b, (int, float)):
            return Tensor.make([b], (1,), backend=self.backend)
        b._type_(self.backend)
        return b

    def __add__(self, b):
        return self.backend.Add.apply(self, self._ensure_tensor(b))

    def __sub__(self, b):
        return self.backend.Add.apply(self, -self._ensure_tensor(b))

    def __mul__(self, b):
        return self.backend.Mul.apply(self, self._ensure_tensor(b))

    def __truediv__(self, b):
        return self.backend.Mul.apply(self, self.backend.Inv.apply(self._ensure_tensor(b)))

    def __rtruediv__(self, b):
        return self.backend.Mul.apply(self._ensure_tensor(b), self.backend.Inv.apply(self))

    def __matmul__(self, b):
        return self.backend.MatMul.apply(self, b)

    def __lt__(self, b):
        return self.backend.LT.apply(self, self._ensure_tensor(b))

    def __eq__(self, b):
        return self.backend.EQ.apply(self, self._ensure_tensor(b))

    def __gt__(self, b):
        return self.backend.LT.apply(self._ensure_tensor(b), self)

    def __neg__(self):
        return self.backend.Neg.apply(self)

    def all(self, dim=None):
        return self.backend.All.apply(self, dim)

    def is_close(self, b):
        return self.backend.IsClose.apply(self, self._ensure_tensor(b))

    def sigmoid(self):
        return self.backend.Sigmoid.apply(self)

    def relu(self):
        return self.backend.ReLU.apply(self)

    def log(self):
        return self.backend.Log.apply(self)

    def item(self):
        return self[0]

    def exp(self):
        return self.backend.Exp.apply(self)

    def sum(self, dim=None):
        return self.backend.Sum.apply(self, dim)

    def mean(self, dim=None):
        if dim is not None:
            return self.sum(dim) / self.shape[dim]
        return self.sum() / self.size

    def permute(self, *order):
        return self.backend.Permute.apply(self, order)

    def view(self, *shape):
        return self.backend.View.apply(self, shape)

    def contiguous(self):
        return self.backend.Copy.apply(self)

    def __getitem__(self, key):
        return self._tensor.get((key,) if isinstance(key, int) else key)

    def __setitem__(self, key, val):
        self._tensor.set((key,) if isinstance(key, int) else key, val)

    @property
    def grad(self):
        return self.derivative

    def _type_(self, backend):
        self.backend = backend
        if backend.cuda:
            self._tensor.to_cuda_()

    def _new(self, tensor_data):
        return Tensor(tensor_data, backend=self.backend)

    @staticmethod
    def make(storage, shape, strides=None, backend=None):
        return Tensor(TensorData(storage, shape, strides), backend=backend)

    def expand(self, other):
        if self.shape == other.shape:
            return other
        shape = TensorData.shape_broadcast(self.shape, other.shape)
        buf = self.zeros(shape)
        self.backend._id_map(other, buf)
        if self.shape == shape:
            return buf
        out = buf
        orig = [1] * (len(out.shape) - len(self.shape)) + list(self.shape)
        for dim, size in enumerate(out.shape):
            if orig[dim] == 1 and size != 1:
                out = self.backend._add_reduce(out, dim)
        assert out.size == self.size
        return Tensor.make(out._tensor._storage, self.shape, backend=self.backend)

    def zeros(self, shape=None):
        shape = self.shape if shape is None else shape
        return Tensor.make(np.zeros(int(operators.prod(shape))), shape, backend=self.backend)

    def tuple(self):
        return self._tensor.tuple()

    def get_data(self):
        return Tensor(self._tensor, backend=self.backend)

    def backward(self, grad_output=None):
        if grad_output is None:
            assert self.shape == (1,), "Must provide grad_output if non-scalar"
            grad_output = Tensor.make([1.0], (1,), backend=self.backend)
        super().backward(grad_output)
