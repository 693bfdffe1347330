"""Convolutions on a GPU: a block for each image and output channel, its weights shared."""

import numba
from numba import cuda

from .tensor_functions import Function

THREADS = 32
SHARED = 64


def _tensor_conv(
    out,
    out_shape,
    out_strides,
    input,
    input_shape,
    input_strides,
    weight,
    weight_shape,
    weight_strides,
    reverse,
):
    cache = cuda.shared.array(SHARED, numba.float64)
    n = cuda.blockIdx.x // out_shape[1]
    oc = cuda.blockIdx.x % out_shape[1]
    pos = cuda.threadIdx.x
    height, width = input_shape[2], input_shape[3]
    kh, kw = weight_shape[2], weight_shape[3]
    size = out_shape[2] * out_shape[3]
    at = n * out_strides[0] + oc * out_strides[1]
    for first in range(0, size, THREADS):
        place = first + pos
        h, w = place // out_shape[3], place % out_shape[3]
        total = 0.0
        for ic in range(input_shape[1]):
            for begin in range(0, kh * kw, SHARED):
                for k in range(begin + pos, min(kh * kw, begin + SHARED), THREADS):
                    cache[k - begin] = weight[
                        oc * weight_strides[0]
                        + ic * weight_strides[1]
                        + k // kw * weight_strides[2]
                        + k % kw * weight_strides[3]
                    ]
                cuda.syncthreads()
                if place < size:
                    for k in range(begin, min(kh * kw, begin + SHARED)):
                        y = h - k // kw if reverse else h + k // kw
                        x = w - k % kw if reverse else w + k % kw
                        if 0 <= y < height and 0 <= x < width:
                            total += (
                                cache[k - begin]
                                * input[
                                    n * input_strides[0]
                                    + ic * input_strides[1]
                                    + y * input_strides[2]
                                    + x * input_strides[3]
                                ]
                            )
                cuda.syncthreads()
        if place < size:
            out[at + h * out_strides[2] + w * out_strides[3]] = total


tensor_conv = cuda.jit(_tensor_conv)


def convolve(out, input, weight, reverse):
    blocks = out.shape[0] * out.shape[1]
    tensor_conv[blocks, THREADS](*out.tuple(), *input.tuple(), *weight.tuple(), reverse)
    return out


class Conv2dCudaFun(Function):
    @staticmethod
    def forward(ctx, input, weight):
        ctx.save_for_backward(input, weight)
        batch, _, h, w = input.shape
        return convolve(input.zeros((batch, weight.shape[0], h, w)), input, weight, False)

    @staticmethod
    def backward(ctx, grad_output):
        input, weight = ctx.saved_values
        out_channels, in_channels, kh, kw = weight.shape
        x, g = input.permute(1, 0, 2, 3), grad_output.permute(1, 0, 2, 3)
        grad_weight = grad_output.zeros((in_channels, out_channels, kh, kw))
        convolve(grad_weight, x, g, False)
        grad_input = input.zeros(input.shape)
        convolve(grad_input, grad_output, weight.permute(1, 0, 2, 3), True)
        return grad_input, grad_weight.permute(1, 0, 2, 3)


conv2d = Conv2dCudaFun.apply


class Conv1dCudaFun(Function):
    @staticmethod
    def forward(ctx, input, weight):
        ctx.save_for_backward(input, weight)
        batch, _, w = input.shape
        input, weight = _flat(input), _flat(weight)
        out = convolve(input.zeros((batch, weight.shape[0], 1, w)), input, weight, False)
        return out.view(batch, weight.shape[0], w)

    @staticmethod
    def backward(ctx, grad_output):
        input, weight = ctx.saved_values
        out_channels, in_channels, kw = weight.shape
        x = _flat(input.permute(1, 0, 2))
        g = _flat(grad_output.permute(1, 0, 2))
        grad_weight = grad_output.zeros((in_channels, out_channels, 1, kw))
        convolve(grad_weight, x, g, False)
        batch, _, w = input.shape
        grad_input = input.zeros((batch, in_channels, 1, w))
        convolve(grad_input, _flat(grad_output), _flat(weight.permute(1, 0, 2)), True)
        grad_weight = grad_weight.view(in_channels, out_channels, kw).permute(1, 0, 2)
        return grad_input.view(batch, in_channels, w), grad_weight


def _flat(x):
    return x.contiguous().view(x.shape[0], x.shape[1], 1, x.shape[2])


conv1d = Conv1dCudaFun.apply
