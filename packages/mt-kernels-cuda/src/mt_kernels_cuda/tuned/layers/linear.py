"""The linear layer with bias and ReLU in one kernel."""

import math
from typing import Any

from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.gemm.products import multiply
from mt_kernels_cuda.tuned.gemm.tiles import ALONG_COLUMNS
from mt_tensor import FusedForm, Gradients, TensorData, operators
from mt_tensor.fused.arguments import fits_linear


class Linear(FusedForm[Device]):
    r"""$y = x W + b$, with ReLU if requested; $\bar x = \bar y W^T$, $\bar W = x^T \bar y$."""

    @staticmethod
    def forward(
        backend: Device,
        needs_grad: tuple[bool, ...],
        input: TensorData,
        weight: TensorData,
        bias: TensorData | None,
        activation: str | None,
    ) -> Any:
        """Return output and saved values; None if shapes do not match or the input is empty."""
        if input.size == 0 or not fits_linear(input, weight, bias, activation):
            return None
        outputs, rows, relu = weight.shape[1], _as_rows(backend, input), activation == "relu"
        product = backend.empty((rows.shape[0], outputs))
        added = None if bias is None else (ALONG_COLUMNS, backend.contiguous(bias).storage)
        multiply(backend, product, rows, weight, added, relu)
        result = product if input.dims == 2 else product.view(*input.shape[:-1], outputs)
        return result, (rows, weight, product if relu else None, input.shape, needs_grad)

    @staticmethod
    def backward(backend: Device, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradients of input, weight and bias, None for those that are not needed."""
        rows, weight, activated, shape, needs_grad = saved
        g = _as_rows(backend, grad)
        if activated is not None:
            g = backend.zip(operators.relu_back, activated, g)
        grad_input = grad_weight = grad_bias = None
        if needs_grad[0]:
            grad_input = backend.matmul(g, weight.permute(1, 0)).view(*shape)
        if needs_grad[1]:
            grad_weight = backend.matmul(rows.permute(1, 0), g)
        if needs_grad[2:] == (True,):
            grad_bias = backend.reduce(operators.add, g, 0, 0.0).view(weight.shape[1])
        return (grad_input, grad_weight, grad_bias)[: len(needs_grad)]


def _as_rows(backend: Device, a: TensorData) -> TensorData:
    """Return a tensor as a matrix, with all dimensions except the last one merged.

    Shape:
        (..., n) → (rows, n).
    """
    if a.dims == 2:
        return a
    return backend.contiguous(a).view(math.prod(a.shape[:-1]), a.shape[-1])
