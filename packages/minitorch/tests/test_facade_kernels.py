"""Kernels on storages, shapes and strides, under the course's names."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit

import minitorch
from minitorch import TensorBackend, operators, tensor

COMPILED = pytest.mark.parametrize("form", [lambda fn: fn, njit], ids=["plain", "compiled"])

MODULES = pytest.mark.parametrize("module", [minitorch.tensor_ops, minitorch.fast_ops])


def _triple(x: float) -> float:
    return x * 3.0


def _minus(x: float, y: float) -> float:
    return x - y


@MODULES
@COMPILED
def test_kernels_take_storages_shapes_strides(module: Any, form: Callable[..., Any]) -> None:
    x = tensor([[1.0, 2.0], [3.0, 4.0]]).permute(1, 0)
    y = tensor([10.0, 20.0])
    out = x.zeros()
    module.tensor_map(form(_triple))(*out.tuple(), *y.tuple())
    assert out.to_numpy().tolist() == [[30.0, 60.0], [30.0, 60.0]]
    module.tensor_zip(form(_minus))(*out.tuple(), *x.tuple(), *y.tuple())
    assert out.to_numpy().tolist() == [[-9.0, -17.0], [-8.0, -16.0]]
    total = tensor([[100.0], [200.0]])
    module.tensor_reduce(form(_minus))(*total.tuple(), *x.tuple(), 1)
    assert total.to_numpy().tolist() == [[96.0], [194.0]]


def test_matrix_multiply_kernel() -> None:
    x, y = minitorch.rand((2, 3, 4)), minitorch.rand((2, 5, 4)).permute(0, 2, 1)
    out = minitorch.zeros((2, 3, 5))
    minitorch.tensor_matrix_multiply(*out.tuple(), *x.tuple(), *y.tuple())
    np.testing.assert_allclose(out.to_numpy(), x.to_numpy() @ y.to_numpy())


def test_fast_kernels_answer_with_diagnostics(capsys: pytest.CaptureFixture[str]) -> None:
    kernel = minitorch.fast_ops.tensor_map(njit(operators.id))
    out, a = minitorch.zeros((10,)), minitorch.zeros((10,))
    kernel(*out.tuple(), *a.tuple())
    kernel.parallel_diagnostics(level=3)
    assert "Parallel loop listing" in capsys.readouterr().out


@pytest.mark.parametrize("reverse", [False, True])
def test_convolution_kernels(reverse: bool) -> None:
    x, w = minitorch.rand((2, 3, 5)), minitorch.rand((4, 3, 2))
    out = minitorch.zeros((2, 4, 5))
    args = (*out.tuple(), out.size, *x.tuple(), *w.tuple(), reverse)
    minitorch.tensor_conv1d(*args)
    expected = _correlate(x.to_numpy()[:, :, None], w.to_numpy()[:, :, None], reverse)[:, :, 0]
    np.testing.assert_allclose(out.to_numpy(), expected)

    x, w = minitorch.rand((2, 3, 5, 4)), minitorch.rand((4, 3, 2, 6))
    out = minitorch.zeros((2, 4, 5, 4))
    minitorch.tensor_conv2d(*out.tuple(), out.size, *x.tuple(), *w.tuple(), reverse)
    np.testing.assert_allclose(out.to_numpy(), _correlate(x.to_numpy(), w.to_numpy(), reverse))


def _correlate(x: Any, w: Any, reverse: bool) -> Any:
    """Sum over shifted, zero-padded images: the kernel anchored at its top left or bottom right."""
    height, width = x.shape[2:]
    kh, kw = w.shape[2:]
    top, left = (kh - 1, kw - 1) if reverse else (0, 0)
    around = np.pad(x, ((0, 0), (0, 0), (top, kh), (left, kw)))
    out = np.zeros((x.shape[0], w.shape[0], height, width))
    for k in range(kh):
        for l in range(kw):  # noqa: E741
            y0, x0 = (top - k, left - l) if reverse else (k, l)
            shifted = around[:, :, y0 : y0 + height, x0 : x0 + width]
            out += np.einsum("nchw,oc->nohw", shifted, w[:, :, k, l])
    return out


def test_convolutions_of_the_default_backend_are_compiled() -> None:
    """Convolve an image that would take plain loops a minute, with both gradients."""
    x = minitorch.rand((4, 4, 28, 28), requires_grad=True)
    w = minitorch.rand((8, 4, 3, 3), requires_grad=True)
    out = minitorch.conv2d(x, w)
    out.backward(minitorch.rand(out.shape))
    np.testing.assert_allclose(out.to_numpy(), _correlate(x.to_numpy(), w.to_numpy(), False))
    assert x.grad.shape == x.shape and w.grad.shape == w.shape


def test_convolutions_are_functions(backend: TensorBackend) -> None:
    x, w = minitorch.rand((1, 2, 4), backend=backend), minitorch.rand((3, 2, 2), backend=backend)
    expected = minitorch.conv1d(x, w).to_numpy().tolist()
    assert minitorch.Conv1dFun.apply(x, w).to_numpy().tolist() == expected
    minitorch.grad_check(minitorch.Conv1dFun.apply, x, w)
    minitorch.grad_check(minitorch.conv1d, x, w)
    image, kernel = x.view(1, 1, 2, 4), w.view(2, 1, 2, 3)
    expected = minitorch.conv2d(image, kernel).to_numpy().tolist()
    assert minitorch.Conv2dFun.apply(image, kernel).to_numpy().tolist() == expected
    minitorch.grad_check(minitorch.Conv2dFun.apply, image, kernel)
    assert minitorch.conv1d(x, w).shape == (1, 3, 4)
