"""Differentiable functions of tensors. Dims and orders are tensors, too."""

import random

import numpy as np

import minitorch

from . import operators
from .autodiff import Context
from .tensor_ops import SimpleBackend


def wrap_tuple(x):
    return x if isinstance(x, tuple) else (x,)


class Function:
    @classmethod
    def _backward(cls, ctx, grad_out):
        return wrap_tuple(cls.backward(ctx, grad_out))

    @classmethod
    def _forward(cls, ctx, *inps):
        return cls.forward(ctx, *inps)

    @classmethod
    def apply(cls, *vals):
        raw_vals, need_grad = [], False
        for v in vals:
            if v.requires_grad():
                need_grad = True
            raw_vals.append(v.detach())
        ctx = Context(not need_grad)
        c = cls._forward(ctx, *raw_vals)
        back = minitorch.History(cls, ctx, vals) if need_grad else None
        return minitorch.Tensor(c._tensor, back, backend=c.backend)


class Neg(Function):
    @staticmethod
    def forward(ctx, t1):
        return t1.f.neg_map(t1)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.f.neg_map(grad_output)


class Inv(Function):
    @staticmethod
    def forward(ctx, t1):
        ctx.save_for_backward(t1)
        return t1.f.inv_map(t1)

    @staticmethod
    def backward(ctx, grad_output):
        (t1,) = ctx.saved_values
        return grad_output.f.inv_back_zip(t1, grad_output)


class Add(Function):
    @staticmethod
    def forward(ctx, t1, t2):
        return t1.f.add_zip(t1, t2)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, grad_output


class Mul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a.f.mul_zip(a, b)

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_values
        return grad_output.f.mul_zip(b, grad_output), grad_output.f.mul_zip(a, grad_output)


class Sigmoid(Function):
    @staticmethod
    def forward(ctx, t1):
        out = t1.f.sigmoid_map(t1)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad_output):
        (s,) = ctx.saved_values
        return s * (-s + 1.0) * grad_output


class ReLU(Function):
    @staticmethod
    def forward(ctx, t1):
        ctx.save_for_backward(t1)
        return t1.f.relu_map(t1)

    @staticmethod
    def backward(ctx, grad_output):
        (t1,) = ctx.saved_values
        return grad_output.f.relu_back_zip(t1, grad_output)


class Log(Function):
    @staticmethod
    def forward(ctx, t1):
        ctx.save_for_backward(t1)
        return t1.f.log_map(t1)

    @staticmethod
    def backward(ctx, grad_output):
        (t1,) = ctx.saved_values
        return grad_output.f.log_back_zip(t1, grad_output)


class Exp(Function):
    @staticmethod
    def forward(ctx, t1):
        ctx.save_for_backward(t1)
        return t1.f.exp_map(t1)

    @staticmethod
    def backward(ctx, grad_output):
        (t1,) = ctx.saved_values
        return t1.exp() * grad_output


class Sum(Function):
    @staticmethod
    def forward(ctx, a, dim):
        ctx.save_for_backward(a.shape)
        return a.f.add_reduce(a, int(dim.item()))

    @staticmethod
    def backward(ctx, grad_output):
        # Spread out to the operand's shape: every element counted once.
        (shape,) = ctx.saved_values
        return grad_output.f.add_zip(grad_output, grad_output.zeros(shape)), 0.0


class All(Function):
    @staticmethod
    def forward(ctx, a, dim):
        return a.f.mul_reduce(a, int(dim.item()))


class LT(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a.shape, b.shape)
        return a.f.lt_zip(a, b)

    @staticmethod
    def backward(ctx, grad_output):
        a_shape, b_shape = ctx.saved_values
        return grad_output.zeros(a_shape), grad_output.zeros(b_shape)


class EQ(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a.shape, b.shape)
        return a.f.eq_zip(a, b)

    @staticmethod
    def backward(ctx, grad_output):
        a_shape, b_shape = ctx.saved_values
        return grad_output.zeros(a_shape), grad_output.zeros(b_shape)


class IsClose(Function):
    @staticmethod
    def forward(ctx, a, b):
        return a.f.is_close_zip(a, b)


class Permute(Function):
    @staticmethod
    def forward(ctx, a, order):
        ctx.save_for_backward(order)
        return a._new(a._tensor.permute(*[int(i) for i in order.to_numpy()]))

    @staticmethod
    def backward(ctx, grad_output):
        (order,) = ctx.saved_values
        inverse = np.argsort(order.to_numpy())
        return grad_output._new(grad_output._tensor.permute(*[int(i) for i in inverse])), 0.0


class View(Function):
    @staticmethod
    def forward(ctx, a, shape):
        ctx.save_for_backward(a.shape)
        assert a._tensor.is_contiguous(), "Must be contiguous to view"
        sizes = [int(shape[i]) for i in range(shape.size)]
        return minitorch.Tensor.make(a._tensor._storage, tuple(sizes), backend=a.backend)

    @staticmethod
    def backward(ctx, grad_output):
        # As the course publishes it: right for a contiguous gradient only.
        (original,) = ctx.saved_values
        storage = grad_output._tensor._storage
        return minitorch.Tensor.make(storage, original, backend=grad_output.backend), 0.0


class Copy(Function):
    @staticmethod
    def forward(ctx, a):
        return a.f.id_map(a)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class MatMul(Function):
    @staticmethod
    def forward(ctx, t1, t2):
        ctx.save_for_backward(t1, t2)
        return t1.f.matrix_multiply(t1, t2)

    @staticmethod
    def backward(ctx, grad_output):
        t1, t2 = ctx.saved_values

        def transpose(a):
            order = list(range(a.dims))
            order[-2], order[-1] = order[-1], order[-2]
            return a._new(a._tensor.permute(*order))

        return (
            grad_output.f.matrix_multiply(grad_output, transpose(t2)),
            grad_output.f.matrix_multiply(transpose(t1), grad_output),
        )


def zeros(shape, backend=SimpleBackend):
    return minitorch.Tensor.make([0.0] * int(operators.prod(shape)), shape, backend=backend)


def rand(shape, backend=SimpleBackend, requires_grad=False):
    vals = [random.random() for _ in range(int(operators.prod(shape)))]
    t = minitorch.Tensor.make(vals, shape, backend=backend)
    t.requires_grad_(requires_grad)
    return t


def _tensor(ls, shape, backend=SimpleBackend, requires_grad=False):
    t = minitorch.Tensor.make(ls, shape, backend=backend)
    t.requires_grad_(requires_grad)
    return t


def tensor(ls, backend=SimpleBackend, requires_grad=False):
    array = np.array(ls, dtype=np.float64)
    shape = array.shape or (1,)
    return _tensor(array.reshape(-1).copy(), shape, backend, requires_grad)
