"""Layers compared with PyTorch: values and gradients of inputs and parameters."""

from typing import Any

import numpy as np
import pytest

from mt_autodiff import randn
from mt_nn import Conv1d, Conv2d, Embedding, Linear, Module

pytestmark = pytest.mark.oracle


def compare(layer: Module, theirs: Any, shape: tuple[int, ...]) -> None:
    """Compare a layer with a function of torch tensors: the input, then the parameters."""
    torch = pytest.importorskip("torch")
    for seed, parameter in enumerate(layer.parameters()):
        parameter.update(randn(parameter.value.shape, rng=seed))
    x = randn(shape, rng=9, requires_grad=True)
    ours = [x, *(parameter.value for parameter in layer.parameters())]
    others = [torch.tensor(a.to_numpy(), requires_grad=True) for a in ours]
    out, expected = layer(x), theirs(*others)
    np.testing.assert_allclose(out.detach(), expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    upstream = np.random.default_rng(1).uniform(0.5, 1.5, out.shape)
    out.backward(upstream)
    expected.backward(torch.tensor(upstream))
    for a, b in zip(ours, others, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shape", [(4, 3), (2, 4, 3)])
def test_linear(shape: tuple[int, ...]) -> None:
    functional = pytest.importorskip("torch").nn.functional
    compare(Linear(3, 2), lambda x, w, b: functional.linear(x, w.T, b), shape)
    compare(Linear(3, 2, bias=False), lambda x, w: functional.linear(x, w.T), shape)


@pytest.mark.parametrize("padding", [0, 1, 2, "trailing"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_conv1d(stride: int, padding: Any) -> None:
    functional = pytest.importorskip("torch").nn.functional

    def theirs(x: Any, w: Any, b: Any) -> Any:
        if padding == "trailing":
            return functional.conv1d(functional.pad(x, (0, 2)), w, b, stride)
        return functional.conv1d(x, w, b, stride, padding)

    compare(Conv1d(2, 3, 3, stride=stride, padding=padding), theirs, (2, 2, 8))


@pytest.mark.parametrize("padding", [0, (1, 2), "trailing"])
@pytest.mark.parametrize("stride", [1, (2, 3)])
def test_conv2d(stride: Any, padding: Any) -> None:
    functional = pytest.importorskip("torch").nn.functional

    def theirs(x: Any, w: Any, b: Any) -> Any:
        if padding == "trailing":
            return functional.conv2d(functional.pad(x, (0, 2, 0, 1)), w, b, stride)
        return functional.conv2d(x, w, b, stride, padding)

    compare(Conv2d(2, 3, (2, 3), stride=stride, padding=padding), theirs, (2, 2, 5, 7))


@pytest.mark.parametrize("padding_row", [None, 2])
def test_embedding(padding_row: int | None) -> None:
    torch = pytest.importorskip("torch")
    layer = Embedding(6, 3, padding_row=padding_row, rng=0)
    table = torch.tensor(layer.weight.value.to_numpy(), requires_grad=True)
    indices = np.array([[0, 2, 5], [2, 2, 0]])
    out = layer(indices)
    expected = torch.nn.functional.embedding(torch.tensor(indices), table, padding_idx=padding_row)
    np.testing.assert_array_equal(out.detach(), expected.detach().numpy())
    upstream = np.random.default_rng(1).uniform(0.5, 1.5, out.shape)
    out.backward(upstream)
    expected.backward(torch.tensor(upstream))
    np.testing.assert_allclose(layer.weight.value.grad, table.grad.numpy(), rtol=1e-12)
