"""LeNets: log-probabilities, hidden states, published sizes."""

from __future__ import annotations

import numpy as np
import pytest

from mt_autodiff import from_numpy, no_grad, tensor
from mt_kernels_cpu import Fast, Tuned
from mt_models.networks import CourseLeNet, LeNet5, answering
from mt_nn import Module

FAST = Fast()

Lenet = type[CourseLeNet] | type[LeNet5]


def parameters_reached(network: Module) -> dict[str, bool]:
    return {
        name: parameter.value.grad is not None and bool(np.any(parameter.value.grad.to_numpy()))
        for name, parameter in network.named_parameters()
    }


@pytest.mark.parametrize(
    ("kind", "mid", "out"),
    [(CourseLeNet, (4, 28, 28), (8, 28, 28)), (LeNet5, (6, 28, 28), (16, 10, 10))],
)
@pytest.mark.parametrize(("n", "classes"), [(1, 10), (3, 10), (2, 3)])
def test_lenets_return_log_probabilities_and_store_hidden_states(
    kind: Lenet, mid: tuple[int, ...], out: tuple[int, ...], n: int, classes: int
) -> None:
    network = kind(np.random.default_rng(0), FAST, classes=classes)
    images = tensor(np.random.default_rng(1).random((n, 1, 28, 28)), FAST)
    log_probabilities = network(images)
    assert log_probabilities.shape == (n, classes)
    np.testing.assert_allclose(np.exp(log_probabilities.to_numpy()).sum(1), 1.0)
    assert network.mid is not None and network.out is not None
    assert network.mid.shape == (n, *mid)
    assert network.out.shape == (n, *out)
    assert network.mid.is_constant()
    (log_probabilities * log_probabilities).sum().backward()
    assert all(parameters_reached(network).values())


@pytest.mark.parametrize(
    ("kind", "count"),
    [(CourseLeNet, 40 + 296 + 25_152 + 650), (LeNet5, 156 + 2_416 + 48_120 + 10_164 + 850)],
)
def test_lenets_have_the_published_number_of_parameters(kind: Lenet, count: int) -> None:
    network = kind(np.random.default_rng(0))
    assert sum(p.value.size for p in network.parameters()) == count


def test_repeated_answers_are_new_arrays_and_those_of_the_network() -> None:
    backend = Tuned(np.float32)
    network = CourseLeNet(np.random.default_rng(0), backend)
    network.eval()
    answer = answering(network)
    images = np.random.default_rng(1).random((6, 1, 1, 28, 28), np.float32)
    answers = [answer(from_numpy(image, backend)) for image in images]
    for image, received in zip(images, answers, strict=True):
        with no_grad():
            expected = network(from_numpy(image, backend)).to_numpy()
        assert received.tobytes() == expected.tobytes()
