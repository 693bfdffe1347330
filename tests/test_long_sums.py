"""Means, losses and gradients of 2²⁵ random numbers: as exact as NumPy's in single precision."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mt_autodiff import Tensor, from_numpy
from mt_kernels_cpu import Fast
from mt_kernels_cpu.tuned import Tuned
from mt_nn import Linear, binary_cross_entropy_with_logits, cross_entropy, mse_loss

pytestmark = pytest.mark.slow

LONG = 2**25
BLOCK = 2**20

Array = npt.NDArray[Any]
backends = pytest.mark.parametrize("backend", [Fast(np.float32), Tuned(np.float32)], ids=repr)


def numbers(seed: int, low: float = 0.0) -> Array:
    """Draw random numbers from `low` to 1 in single precision."""
    array = np.random.default_rng(seed).random(LONG, np.float32)
    array *= np.float32(1.0 - low)
    array += np.float32(low)
    return array


def blocks(*arrays: Array) -> Iterator[list[Array]]:
    """Yield the arrays in blocks of double precision, so that the exact results need no memory."""
    for start in range(0, len(arrays[0]), BLOCK):
        yield [array[start : start + BLOCK].astype(np.float64) for array in arrays]


def assert_as_exact(received: float, numpy: float, exact: float) -> None:
    """Assert that a result has at most NumPy's error, or that of one rounding."""
    allowed = max(abs(numpy - exact), 2.0**-24 * abs(exact))
    assert abs(received - exact) <= allowed, (received, numpy, exact)


@backends
def test_mean_and_gradient_of_a_broadcast_operand(backend: Any) -> None:
    x = numbers(0)
    exact = sum(float(block.sum()) for (block,) in blocks(x))
    shift = from_numpy(np.zeros(1, np.float32), backend).requires_grad_()
    mean = from_numpy(x, backend).mean()
    assert_as_exact(mean.item(), float(x.mean()), exact / LONG)
    # The upstream gradient of the sum with a broadcast operand is the array itself.
    (from_numpy(np.zeros(LONG, np.float32), backend) + shift).backward(x)
    assert_as_exact(shift.grad.item(), float(x.sum()), exact)


@backends
def test_mean_squared_error(backend: Any) -> None:
    x, y = numbers(1), numbers(2)
    exact = sum(float(((a - b) ** 2).sum()) for a, b in blocks(x, y)) / LONG
    difference = x - y
    difference *= difference
    loss = mse_loss(from_numpy(x, backend), from_numpy(y, backend))
    assert_as_exact(loss.item(), float(difference.mean()), exact)


@backends
def test_binary_cross_entropy_of_logits(backend: Any) -> None:
    x, labels = numbers(3, -1.0), (numbers(4) < 0.5).astype(np.float32)
    exact = sum(float((np.logaddexp(0.0, a) - a * b).sum()) for a, b in blocks(x, labels)) / LONG
    losses = np.logaddexp(np.float32(0.0), x)
    losses -= x * labels
    numpy = float(losses.mean())
    del losses
    loss = binary_cross_entropy_with_logits(from_numpy(x, backend), from_numpy(labels, backend))
    assert_as_exact(loss.item(), numpy, exact)


@backends
def test_cross_entropy_of_two_classes(backend: Any) -> None:
    x = numbers(5, -1.0)
    classes = (numbers(6)[: LONG // 2] < 0.5).astype(np.int64)
    a, b = x.reshape(-1, 2).T
    margin = np.where(classes == 0, b - a, a - b)  # log(1 + exp(margin)) is the loss.
    exact = sum(float(np.logaddexp(0.0, m).sum()) for (m,) in blocks(margin)) / len(margin)
    numpy = float(np.logaddexp(np.float32(0.0), margin).mean())
    loss = cross_entropy(from_numpy(x.reshape(-1, 2), backend), classes)
    assert_as_exact(loss.item(), numpy, exact)


@backends
def test_gradients_of_a_linear_layer(backend: Any) -> None:
    x, upstream = numbers(7)[:, None], numbers(8, -1.0)[:, None]
    layer = Linear(1, 1, rng=0, backend=backend)
    output: Tensor = layer(from_numpy(x, backend))
    output.backward(upstream)
    assert layer.bias is not None
    exact = sum(float(block.sum()) for (block,) in blocks(upstream))
    assert_as_exact(layer.bias.grad.item(), float(upstream.sum()), exact)
    exact = sum(float((a * b).sum()) for a, b in blocks(x, upstream))
    # The product of NumPy's BLAS, which `Tuned` calls, too.
    assert_as_exact(layer.weight.grad.item(), float((x.T @ upstream).item()), exact)
