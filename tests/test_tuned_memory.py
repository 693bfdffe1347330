"""Training steps after the first one allocate no large memory."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from mt_autodiff import Tensor, from_numpy
from mt_kernels_cpu import Tuned
from mt_models.networks import CourseLeNet, KimCNN, LeNet5
from mt_nn import SGD, Module, nll_loss

LARGE = 2**16
"""Size of a large allocation in bytes; the activations of a step take several MB."""


def digits(network: Module) -> Callable[[], Tensor]:
    rng = np.random.default_rng(0)
    images = from_numpy(rng.random((32, 1, 28, 28)), Tuned())
    labels = rng.integers(0, 10, 32)
    return lambda: nll_loss(network(images), labels)


def sentences(network: Module) -> Callable[[], Tensor]:
    rows = np.random.default_rng(0).integers(0, 50, (10, 52))
    return lambda: (network(rows) * network(rows)).mean()


def lenet() -> tuple[Module, Callable[[Module], Callable[[], Tensor]]]:
    return CourseLeNet(np.random.default_rng(0), Tuned()), digits


def lenet5() -> tuple[Module, Callable[[Module], Callable[[], Tensor]]]:
    return LeNet5(np.random.default_rng(0), Tuned()), digits


def kim() -> tuple[Module, Callable[[Module], Callable[[], Tensor]]]:
    vectors = np.random.default_rng(1).normal(size=(50, 50)).astype(np.float32)
    return KimCNN(vectors, np.random.default_rng(0), Tuned()), sentences


@pytest.mark.parametrize("make", [lenet, lenet5, kim])
def test_later_steps_allocate_nothing_large(
    make: Callable[[], tuple[Module, Callable[[Module], Callable[[], Tensor]]]],
) -> None:
    network, problem = make()
    loss, optimizer = problem(network), SGD(network.parameters(), lr=0.01)

    def step() -> None:
        loss().backward()
        optimizer.step()
        optimizer.zero_grad()

    for _ in range(3):
        step()
    tracemalloc.start(25)
    try:
        step()
        first = tracemalloc.take_snapshot()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        step()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    new = [str(trace.traceback) for trace in first.traces if trace.size > LARGE]
    assert new == []
    # Small objects, such as those of the graph, are allocated and freed.
    assert peak - before < 8 * LARGE
