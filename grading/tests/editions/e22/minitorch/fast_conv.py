"""Convolutions."""

from numba import njit, prange

from .tensor_functions import Function


def _tensor_conv1d(
    out,
    out_shape,
    out_strides,
    out_size,
    input,
    input_shape,
    input_strides,
    weight,
    weight_shape,
    weight_strides,
    reverse,
):
    batch, out_channels, out_width = out_shape
    _, in_channels, width = input_shape
    _, _, kw = weight_shape
    for n in prange(batch):
        for oc in range(out_channels):
            for w in range(out_width):
                total = 0.0
                for ic in range(in_channels):
                    for k in range(kw):
                        at = w - k if reverse else w + k
                        if 0 <= at < width:
                            x = n * input_strides[0] + ic * input_strides[1] + at * input_strides[2]
                            f = oc * weight_strides[0]
                            f += ic * weight_strides[1] + k * weight_strides[2]
                            total += input[x] * weight[f]
                out[n * out_strides[0] + oc * out_strides[1] + w * out_strides[2]] = total


tensor_conv1d = njit(parallel=True)(_tensor_conv1d)


class Conv1dFun(Function):
    @staticmethod
    def forward(ctx, input, weight):
        ctx.save_for_backward(input, weight)
        batch, _, w = input.shape
        output = input.zeros((batch, weight.shape[0], w))
        tensor_conv1d(*output.tuple(), output.size, *input.tuple(), *weight.tuple(), False)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input, weight = ctx.saved_values
        out_channels, in_channels, kw = weight.shape
        grad_weight = grad_output.zeros((in_channels, out_channels, kw))
        x, g = input.permute(1, 0, 2), grad_output.permute(1, 0, 2)
        tensor_conv1d(*grad_weight.tuple(), grad_weight.size, *x.tuple(), *g.tuple(), False)
        grad_input = input.zeros(input.shape)
        flipped = weight.permute(1, 0, 2)
        tensor_conv1d(
            *grad_input.tuple(), grad_input.size, *grad_output.tuple(), *flipped.tuple(), True
        )
        return grad_input, grad_weight.permute(1, 0, 2)


conv1d = Conv1dFun.apply


def _tensor_conv2d(
    out,
    out_shape,
    out_strides,
    out_size,
    input,
    input_shape,
    input_strides,
    weight,
    weight_shape,
    weight_strides,
    reverse,
):
    batch, out_channels, out_height, out_width = out_shape
    _, in_channels, height, width = input_shape
    _, _, kh, kw = weight_shape
    s1, s2 = input_strides, weight_strides
    for n in prange(batch):
        for oc in range(out_channels):
            for h in range(out_height):
                for w in range(out_width):
                    total = 0.0
                    for ic in range(in_channels):
                        for i in range(kh):
                            for j in range(kw):
                                y = h - i if reverse else h + i
                                x = w - j if reverse else w + j
                                if 0 <= y < height and 0 <= x < width:
                                    a = n * s1[0] + ic * s1[1] + y * s1[2] + x * s1[3]
                                    b = oc * s2[0] + ic * s2[1] + i * s2[2] + j * s2[3]
                                    total += input[a] * weight[b]
                    to = n * out_strides[0] + oc * out_strides[1]
                    to += h * out_strides[2] + w * out_strides[3]
                    out[to] = total


tensor_conv2d = njit(parallel=True, fastmath=True)(_tensor_conv2d)


class Conv2dFun(Function):
    @staticmethod
    def forward(ctx, input, weight):
        ctx.save_for_backward(input, weight)
        batch, _, h, w = input.shape
        output = input.zeros((batch, weight.shape[0], h, w))
        tensor_conv2d(*output.tuple(), output.size, *input.tuple(), *weight.tuple(), False)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input, weight = ctx.saved_values
        out_channels, in_channels, kh, kw = weight.shape
        grad_weight = grad_output.zeros((in_channels, out_channels, kh, kw))
        x, g = input.permute(1, 0, 2, 3), grad_output.permute(1, 0, 2, 3)
        tensor_conv2d(*grad_weight.tuple(), grad_weight.size, *x.tuple(), *g.tuple(), False)
        grad_input = input.zeros(input.shape)
        flipped = weight.permute(1, 0, 2, 3)
        tensor_conv2d(
            *grad_input.tuple(), grad_input.size, *grad_output.tuple(), *flipped.tuple(), True
        )
        return grad_input, grad_weight.permute(1, 0, 2, 3)


conv2d = Conv2dFun.apply
