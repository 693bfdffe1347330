"""Convolutions on the GPU, for tensors on any backend; see `mt_kernels_cuda.convolution`.

Tensors of other backends are copied to the GPU; the result and the gradients are copied back.
"""

from typing import Any

import mt_autodiff
from minitorch._function import LibraryFunction
from minitorch.cuda_ops import GPU
from mt_autodiff import Context, functions


class _OnGPU(LibraryFunction):
    arity = 2

    @classmethod
    def forward(cls, ctx: Context, *args: Any) -> Any:
        """Convolve on the GPU; return the result on the backend of the input."""
        input, weight, *settings = args
        result = super().forward(ctx, input.to(GPU), weight.to(GPU), *settings)
        return result.to(input.backend)

    @classmethod
    def backward(cls, ctx: Context, grad_output: mt_autodiff.Tensor) -> Any:
        """Return both gradients on the GPU; the engine moves each to its tensor's backend."""
        return super().backward(ctx, grad_output.to(GPU))


class Conv1dCudaFun(_OnGPU):
    """``apply(input, weight)``: see `conv1d`."""

    inner = functions.Conv1dFun


class Conv2dCudaFun(_OnGPU):
    """``apply(input, weight)``: see `conv2d`."""

    inner = functions.Conv2dFun


def conv1d(input: mt_autodiff.Tensor, weight: mt_autodiff.Tensor) -> mt_autodiff.Tensor:
    """Convolve sequences with kernels; elements outside are zero.

    Shape:
        (N, C, W), (O, C, K) → (N, O, W).
    """
    result: mt_autodiff.Tensor = Conv1dCudaFun.apply(input, weight)
    return result


def conv2d(input: mt_autodiff.Tensor, weight: mt_autodiff.Tensor) -> mt_autodiff.Tensor:
    """Convolve images with kernels; elements outside are zero.

    Shape:
        (N, C, H, W), (O, C, KH, KW) → (N, O, H, W).
    """
    result: mt_autodiff.Tensor = Conv2dCudaFun.apply(input, weight)
    return result


__all__ = ["Conv1dCudaFun", "Conv2dCudaFun", "conv1d", "conv2d"]
