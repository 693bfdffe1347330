"""Differentiable functions of tensors, one set for each kind of loops."""

import random

import numpy as np

from . import operators
from .autodiff import FunctionBase
from .tensor import Tensor
from .tensor_ops import TensorOps


class Function(FunctionBase):
    data_type = Tensor

    @staticmethod
    def variable(data, back):
        return Tensor(data[0], back, backend=data[1])

    @staticmethod
    def data(a):
        return (a._tensor, a.backend)


def make_tensor_backend(tensor_ops, is_cuda=False):
    neg_map = tensor_ops.map(operators.neg)
    sigmoid_map = tensor_ops.map(operators.sigmoid)
    relu_map = tensor_ops.map(operators.relu)
    log_map = tensor_ops.map(operators.log)
    exp_map = tensor_ops.map(operators.exp)
    id_map = tensor_ops.map(operators.id)
    inv_map = tensor_ops.map(operators.inv)
    add_zip = tensor_ops.zip(operators.add)
    mul_zip = tensor_ops.zip(operators.mul)
    lt_zip = tensor_ops.zip(operators.lt)
    eq_zip = tensor_ops.zip(operators.eq)
    is_close_zip = tensor_ops.zip(operators.is_close)
    relu_back_zip = tensor_ops.zip(operators.relu_back)
    log_back_zip = tensor_ops.zip(operators.log_back)
    inv_back_zip = tensor_ops.zip(operators.inv_back)
    add_reduce = tensor_ops.reduce(operators.add, 0.0)
    mul_reduce = tensor_ops.reduce(operators.mul, 1.0)

    class Backend:
        cuda = is_cuda
        _id_map = id_map
        _add_reduce = add_reduce

        class Neg(Function):
            @staticmethod
            def forward(ctx, t1):
                return neg_map(t1)

            @staticmethod
            def backward(ctx, grad_output):
                return neg_map(grad_output)

        class Inv(Function):
            @staticmethod
            def forward(ctx, t1):
                ctx.save_for_backward(t1)
                return inv_map(t1)

            @staticmethod
            def backward(ctx, grad_output):
                return inv_back_zip(ctx.saved_values, grad_output)

        class Add(Function):
            @staticmethod
            def forward(ctx, t1, t2):
                return add_zip(t1, t2)

            @staticmethod
            def backward(ctx, grad_output):
                return grad_output, grad_output

        class Mul(Function):
            @staticmethod
            def forward(ctx, a, b):
                ctx.save_for_backward(a, b)
                return mul_zip(a, b)

            @staticmethod
            def backward(ctx, grad_output):
                a, b = ctx.saved_values
                return mul_zip(b, grad_output), mul_zip(a, grad_output)

        class Sigmoid(Function):
            @staticmethod
            def forward(ctx, a):
                out = sigmoid_map(a)
                ctx.save_for_backward(out)
                return out

            @staticmethod
            def backward(ctx, grad_output):
                s = ctx.saved_values
                slope = mul_zip(s, add_zip(s.zeros() + 1.0, neg_map(s)))
                return mul_zip(slope, grad_output)

        class ReLU(Function):
            @staticmethod
            def forward(ctx, a):
                ctx.save_for_backward(a)
                return relu_map(a)

            @staticmethod
            def backward(ctx, grad_output):
                return relu_back_zip(ctx.saved_values, grad_output)

        class Log(Function):
            @staticmethod
            def forward(ctx, a):
                ctx.save_for_backward(a)
                return log_map(a)

            @staticmethod
            def backward(ctx, grad_output):
                return log_back_zip(ctx.saved_values, grad_output)

        class Exp(Function):
            @staticmethod
            def forward(ctx, a):
                e = exp_map(a)
                ctx.save_for_backward(e)
                return e

            @staticmethod
            def backward(ctx, grad_output):
                return mul_zip(ctx.saved_values, grad_output)

        class Sum(Function):
            @staticmethod
            def forward(ctx, a, dim):
                ctx.save_for_backward(a.shape, dim)
                if dim is not None:
                    return add_reduce(a, dim)
                return add_reduce(a.contiguous().view(int(operators.prod(a.shape))), 0)

            @staticmethod
            def backward(ctx, grad_output):
                a_shape, dim = ctx.saved_values
                if dim is not None:
                    return grad_output
                out = grad_output.zeros(a_shape)
                out._tensor._storage[:] = grad_output[0]
                return out

        class All(Function):
            @staticmethod
            def forward(ctx, a, dim):
                if dim is not None:
                    return mul_reduce(a, dim)
                return mul_reduce(a.contiguous().view(int(operators.prod(a.shape))), 0)

        class LT(Function):
            @staticmethod
            def forward(ctx, a, b):
                ctx.save_for_backward(a.shape, b.shape)
                return lt_zip(a, b)

            @staticmethod
            def backward(ctx, grad_output):
                a_shape, b_shape = ctx.saved_values
                return grad_output.zeros(a_shape), grad_output.zeros(b_shape)

        class EQ(Function):
            @staticmethod
            def forward(ctx, a, b):
                ctx.save_for_backward(a.shape, b.shape)
                return eq_zip(a, b)

            @staticmethod
            def backward(ctx, grad_output):
                a_shape, b_shape = ctx.saved_values
                return grad_output.zeros(a_shape), grad_output.zeros(b_shape)

        class IsClose(Function):
            @staticmethod
            def forward(ctx, a, b):
                return is_close_zip(a, b)

        class Permute(Function):
            @staticmethod
            def forward(ctx, a, order):
                ctx.save_for_backward(order)
                return a._new(a._tensor.permute(*order))

            @staticmethod
            def backward(ctx, grad_output):
                order = ctx.saved_values
                inverse = [0] * len(order)
                for i, dim in enumerate(order):
                    inverse[dim] = i
                return grad_output._new(grad_output._tensor.permute(*inverse))

        class View(Function):
            @staticmethod
            def forward(ctx, a, shape):
                ctx.save_for_backward(a.shape)
                assert a._tensor.is_contiguous(), "Must be contiguous to view"
                return Tensor.make(a._tensor._storage, shape, backend=a.backend)

            @staticmethod
            def backward(ctx, grad_output):
                # As the course publishes it: right for a contiguous gradient only.
                storage = grad_output._tensor._storage
                return Tensor.make(storage, ctx.saved_values, backend=grad_output.backend)

        class Copy(Function):
            @staticmethod
            def forward(ctx, a):
                return id_map(a)

            @staticmethod
            def backward(ctx, grad_output):
                return grad_output

        class MatMul(Function):
            @staticmethod
            def forward(ctx, t1, t2):
                ctx.save_for_backward(t1, t2)
                return tensor_ops.matrix_multiply(t1, t2)

            @staticmethod
            def backward(ctx, grad_output):
                t1, t2 = ctx.saved_values

                def transpose(a):
                    order = list(range(a.dims))
                    order[-2], order[-1] = order[-1], order[-2]
                    return a._new(a._tensor.permute(*order))

                return (
                    tensor_ops.matrix_multiply(grad_output, transpose(t2)),
                    tensor_ops.matrix_multiply(transpose(t1), grad_output),
                )

    return Backend


TensorFunctions = make_tensor_backend(TensorOps)


def zeros(shape, backend=TensorFunctions):
    return Tensor.make([0.0] * int(operators.prod(shape)), shape, backend=backend)


def rand(shape, backend=TensorFunctions, requires_grad=False):
    vals = [random.random() for _ in range(int(operators.prod(shape)))]
    t = Tensor.make(vals, shape, backend=backend)
    t.requires_grad_(requires_grad)
    return t


def tensor(ls, backend=TensorFunctions, requires_grad=False):
    array = np.array(ls, dtype=np.float64)
    t = Tensor.make(array.reshape(-1).copy(), array.shape or (1,), backend=backend)
    t.requires_grad_(requires_grad)
    return t
