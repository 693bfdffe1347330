"""A quick test of the whole library: scalars, tensors, training, kernels, the facade."""

import numpy as np
import pytest

import minitorch
from mt_autodiff import Scalar, Tensor, grad_check, no_grad, tensor
from mt_kernels_cpu import Fast
from mt_nn import (
    SGD,
    Adam,
    AvgPool2d,
    Conv2d,
    Dropout,
    Linear,
    Module,
    Optimizer,
    cross_entropy,
)
from mt_tensor import REFERENCE, Backend

pytestmark = pytest.mark.smoke


class Reader(Module):
    """A network for images of 4 × 4 pixels and two classes."""

    def __init__(self, rng: np.random.Generator, backend: Backend) -> None:
        super().__init__()
        self.convolution = Conv2d(1, 4, 2, padding="trailing", rng=rng, backend=backend)
        self.pool = AvgPool2d(2)
        self.drop = Dropout(0.1, rng)
        self.output = Linear(16, 2, rng=rng, backend=backend)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores of both classes, (N, 1, 4, 4) → (N, 2)."""
        features = self.pool(self.convolution(images).relu())
        scores: Tensor = self.output(self.drop(features.contiguous().view(features.shape[0], 16)))
        return scores


def bars(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw images of a bright row in noise: in the upper half (class 0) or the lower one."""
    images, rows = rng.normal(0.0, 0.1, (count, 1, 4, 4)), rng.integers(4, size=count)
    images[np.arange(count), 0, rows] += 1.0
    return images, rows // 2


def test_a_scalar_and_its_derivative() -> None:
    x = Scalar(2.0)
    (x * x + 3.0 * x).backward()
    assert x.derivative == 7.0


def test_a_tensor_and_its_gradient() -> None:
    x = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    (x @ x.permute(1, 0))[0, None].sum().backward()
    assert x.grad.to_numpy().tolist() == [[5.0, 8.0], [1.0, 2.0]]
    grad_check(lambda x: (x.sigmoid() / x.exp()).mean(0), x)


@pytest.mark.parametrize("adam", [False, True], ids=["SGD", "Adam"])
def test_a_network_learns(adam: bool) -> None:
    rng = np.random.default_rng(0)
    model = Reader(rng, REFERENCE)
    parameters = model.parameters()
    optimizer: Optimizer = Adam(parameters, lr=0.05) if adam else SGD(parameters, lr=0.5)
    for _ in range(20):
        images, classes = bars(rng, 8)
        optimizer.zero_grad()
        cross_entropy(model(tensor(images)), classes).backward()
        optimizer.step()
    model.eval()
    images, classes = bars(rng, 32)
    with no_grad():
        answers = model(tensor(images)).to_numpy().argmax(1)
    assert np.mean(answers == classes) >= 0.9


def test_compiled_kernels_and_the_reference_agree() -> None:
    fast = Fast()
    for backend in (fast, REFERENCE):
        x = tensor([[1.0, 2.0], [3.0, 4.0]], backend, requires_grad=True)
        (x * x).sum().backward()
        assert x.grad.backend == backend
        assert x.grad.to_numpy().tolist() == [[2.0, 4.0], [6.0, 8.0]]


def test_the_facade() -> None:
    x = minitorch.tensor([1.0, 2.0]).requires_grad_(True)
    minitorch.softmax(x.view(1, 2), 1).sum().backward()
    np.testing.assert_allclose(x.grad.to_numpy(), [0.0, 0.0], atol=1e-12)
