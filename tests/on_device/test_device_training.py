"""A training step on the device copies nothing to the host."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from mt_autodiff import Tensor, tensor
from mt_kernels_cpu import Tuned
from mt_kernels_cuda import TunedCuda, is_usable
from mt_models.networks import CourseLeNet, KimCNN, TensorMLP
from mt_nn import (
    SGD,
    Adam,
    AvgPool2d,
    Conv2d,
    Dropout,
    Linear,
    Module,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    logsoftmax,
    nll_loss,
)
from mt_tensor import Backend, Reference, TensorData

pytestmark = pytest.mark.skipif(not is_usable(), reason="needs a GPU or its simulator")


class Counting(TunedCuda):
    """A backend that records the size of each copy to the device, in bytes."""

    def __init__(self, dtype: Any = np.float32) -> None:
        super().__init__(dtype)
        self.sent: list[int] = []

    def upload(self, array: Any) -> Any:
        """Copy an array to the device and record its size."""
        self.sent.append(array.nbytes)
        return super().upload(array)


@contextmanager
def no_copy_to_the_host() -> Iterator[None]:
    """Raise AssertionError at every copy of an array or element to the host in a block."""
    memory = type(TunedCuda().allocate(1))
    part_of = memory.__getitem__

    def copied(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("numbers are copied to the host")

    def part(array: Any, key: Any) -> Any:
        found = part_of(array, key)
        # Simulated kernels, which numba calls, may read elements.
        in_a_kernel = sys._getframe(1).f_globals["__name__"].startswith("numba.")
        return found if in_a_kernel or isinstance(found, memory) else copied()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "copy_to_host", copied)
        patch.setattr(memory, "__getitem__", part)
        yield


@pytest.mark.parametrize(
    "look", [Tensor.to_numpy, Tensor.item, np.asarray], ids=["to_numpy", "item", "asarray"]
)
def test_every_copy_to_the_host_is_detected(look: Callable[[Tensor], Any]) -> None:
    value = tensor([2.0], TunedCuda())
    with no_copy_to_the_host(), pytest.raises(AssertionError, match="copied to the host"):
        look(value)


class SmallLeNet(Module):
    """The layers of the course's LeNet for images of 8 × 8 pixels."""

    def __init__(self, rng: np.random.Generator, backend: Backend) -> None:
        super().__init__()
        both: Any = {"rng": rng, "backend": backend}
        self.conv1 = Conv2d(1, 2, 3, padding="trailing", activation="relu", **both)
        self.conv2 = Conv2d(2, 3, 3, padding="trailing", activation="relu", **both)
        self.pool = AvgPool2d(4)
        self.hidden = Linear(12, 5, activation="relu", **both)
        self.dropout = Dropout(0.25, rng=rng)
        self.output = Linear(5, 4, **both)

    def forward(self, images: Tensor) -> Tensor:
        """Return log-probabilities, (N, classes)."""
        x = self.pool(self.conv2(self.conv1(images))).view(-1, 12)
        return logsoftmax(self.output(self.dropout(self.hidden(x))), dim=1)


Targets = Callable[[Any], Any]
"""Function that converts targets for a loss: to an array, or to a tensor on the device."""


def train_lenet(
    backend: Backend, network: type[Any], size: int, steps: int, targets: Targets = np.asarray
) -> Module:
    rng = np.random.default_rng(0)
    images, labels = rng.random((2, 1, size, size)), targets([1, 3])
    model: Module = network(rng, backend)
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    batch = tensor(images, backend)
    for _ in range(steps):
        optimizer.zero_grad()
        nll_loss(model(batch), labels).backward()
        optimizer.step()
    return model


def train_kim(backend: Backend, steps: int, targets: Targets = np.asarray) -> Module:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(9, 4)).astype(np.float32)
    rows, labels = rng.integers(0, 9, (2, 8)), targets([0, 1])
    model = KimCNN(vectors, rng, backend, maps=3, trainable=True)
    optimizer = Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        binary_cross_entropy_with_logits(model(rows), labels).backward()
        optimizer.step()
    return model


def train_points(backend: Backend, steps: int, targets: Targets = np.asarray) -> Module:
    rng = np.random.default_rng(0)
    points, labels = rng.random((5, 2)), targets([0, 1, 1, 0, 1])
    model = TensorMLP(3, rng, backend)
    optimizer = SGD(model.parameters(), lr=0.5)
    batch = tensor(points, backend)
    for _ in range(steps):
        optimizer.zero_grad()
        binary_cross_entropy(model(batch), labels).backward()
        optimizer.step()
    return model


def drawn_weights(model: Module) -> int:
    """Return the number of parameters with random initial values; biases begin with zeros."""
    return sum(parameter.value.dims > 1 for parameter in model.parameters())


def assert_equal(one: Module, other: Module) -> None:
    expected = other.state_dict()
    for name, numbers in one.state_dict().items():
        np.testing.assert_allclose(numbers, expected[name], rtol=2e-5, atol=2e-6)


def test_a_step_of_lenet_stays_on_the_device() -> None:
    backend = Counting()
    with no_copy_to_the_host():
        model = train_lenet(backend, SmallLeNet, 8, steps=2)
    # Weights and images are copied once, labels in each step.
    assert len(backend.sent) == drawn_weights(model) + 1 + 2
    assert_equal(model, train_lenet(Tuned(), SmallLeNet, 8, steps=2))


def test_a_step_of_the_sentence_network_stays_on_the_device() -> None:
    backend = Counting()
    with no_copy_to_the_host():
        model = train_kim(backend, steps=2)
    # Each step copies words, labels, and the order of the words' gradients.
    assert len(backend.sent) == drawn_weights(model) + 2 * 4
    assert_equal(model, train_kim(Tuned(), steps=2))


def test_a_step_of_the_points_network_stays_on_the_device() -> None:
    backend = Counting()
    with no_copy_to_the_host():
        model = train_points(backend, steps=2)
    assert len(backend.sent) == drawn_weights(model) + 1 + 2
    assert_equal(model, train_points(Tuned(), steps=2))


def test_steps_with_targets_on_the_device_copy_nothing() -> None:
    for train, steps in ((train_points, 2), (train_kim, 1)):
        backend = Counting()
        with no_copy_to_the_host():
            model = train(backend, steps, lambda numbers: tensor(numbers, backend))  # noqa: B023
        assert_equal(model, train(Tuned(), steps))
    backend = Counting()
    with no_copy_to_the_host():
        model = train_lenet(
            backend, SmallLeNet, 8, steps=2, targets=lambda numbers: tensor(numbers, backend)
        )
    # Weights, images and labels are copied once.
    assert len(backend.sent) == drawn_weights(model) + 2
    assert_equal(model, train_lenet(Tuned(), SmallLeNet, 8, steps=2))


@pytest.mark.slow
def test_a_step_of_the_whole_lenet_stays_on_the_device() -> None:
    with no_copy_to_the_host():
        model = train_lenet(TunedCuda(), CourseLeNet, 28, steps=1)
    assert_equal(model, train_lenet(Tuned(), CourseLeNet, 28, steps=1))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_network_can_be_moved_during_training(optimizer: str) -> None:
    device = TunedCuda()
    found = []
    for places in ([Tuned(), Tuned()], [Tuned(), device]):
        rng = np.random.default_rng(1)
        model = Linear(3, 2, rng=rng, backend=places[0])
        parameters = model.parameters()
        step = SGD(parameters, 0.1, momentum=0.9) if optimizer == "sgd" else Adam(parameters, 0.1)
        numbers = rng.normal(size=(4, 3))
        for place in places:
            assert model.to(place) is model
            model(tensor(numbers, place)).sum().backward()
            step.step()
            step.zero_grad()
        assert {p.value.backend for p in parameters} == {places[1]}
        found.append(model)
    assert_equal(*found)


def test_a_frozen_parameter_stays_frozen() -> None:
    model = Linear(2, 2)
    model.weight.value.requires_grad_(False)
    data: TensorData = model.to(Reference(np.float32)).weight.value.data
    assert data.storage.dtype == np.float32
    assert not model.weight.value.requires_grad()
    assert model.to(TunedCuda()).weight.value.backend == TunedCuda()
    assert not model.weight.value.requires_grad()
