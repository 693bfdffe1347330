"""Convolutions compiled for all processors; see `mt_kernels_cpu` and `mt_autodiff.conv1d`.

A tensor convolves on its backend. All CPU backends of the course, including the default, run the
compiled kernels.
"""

from minitorch._function import LibraryFunction
from mt_autodiff import conv1d, conv2d, functions
from mt_kernels_cpu import tensor_conv1d, tensor_conv2d


class Conv1dFun(LibraryFunction):
    """``apply(input, weight)``: see `conv1d`."""

    inner = functions.Conv1dFun
    arity = 2


class Conv2dFun(LibraryFunction):
    """``apply(input, weight)``: see `conv2d`."""

    inner = functions.Conv2dFun
    arity = 2


__all__ = ["Conv1dFun", "Conv2dFun", "conv1d", "conv2d", "tensor_conv1d", "tensor_conv2d"]
