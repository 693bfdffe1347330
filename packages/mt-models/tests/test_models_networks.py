"""The networks: shapes, hidden states, what is learnt, and that every parameter is reached."""

from __future__ import annotations

import numpy as np
import pytest

from mt_autodiff import tensor
from mt_kernels_cpu import Fast
from mt_models.networks import CourseLeNet, KimCNN, LeNet5, Preset, ScalarMLP, TensorMLP
from mt_nn import Module
from mt_tensor import REFERENCE

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
@pytest.mark.parametrize("n", [1, 3])
def test_lenets_give_log_probabilities_and_keep_hidden_states(
    kind: Lenet, mid: tuple[int, ...], out: tuple[int, ...], n: int
) -> None:
    network = kind(np.random.default_rng(0), FAST)
    images = tensor(np.random.default_rng(1).random((n, 1, 28, 28)), FAST)
    log_probabilities = network(images)
    assert log_probabilities.shape == (n, 10)
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


@pytest.mark.parametrize("preset", ["course", "kim2014"])
@pytest.mark.parametrize("trainable", [False, True])
def test_kim_gives_one_logit_a_sentence(preset: Preset, trainable: bool) -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    rng = np.random.default_rng(0)
    network = KimCNN(vectors, rng, FAST, preset=preset, trainable=trainable, maps=4)
    rows = np.random.default_rng(1).integers(0, 20, (5, 9))
    network.eval()
    logits = network(rows)
    assert logits.shape == (5,)
    (logits * logits).sum().backward()
    reached = parameters_reached(network)
    assert reached.pop("embedding.weight") == trainable
    assert all(reached.values())


def test_kim_can_say_no() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    network = KimCNN(vectors, np.random.default_rng(0), FAST, maps=10)
    network.eval()
    logits = network(np.random.default_rng(1).integers(0, 50, (200, 7))).to_numpy()
    logits = logits - np.median(logits)
    assert (logits < 0).any()
    assert network.output.bias is not None
    network.output.bias.update(network.output.bias.value.detach() - 100.0)
    assert (network(np.zeros((1, 7), int)).to_numpy() < -50).all()


def test_kim_refuses_an_unknown_preset() -> None:
    with pytest.raises(ValueError, match="kim1999"):
        KimCNN(np.zeros((3, 2), np.float32), np.random.default_rng(0), preset="kim1999")  # type: ignore[arg-type]


def test_the_mlps_answer_every_point() -> None:
    points = np.random.default_rng(0).random((4, 2))
    tensors = TensorMLP(5, np.random.default_rng(0), REFERENCE)
    scalars = ScalarMLP(5, np.random.default_rng(0))
    p = tensors(tensor(points))
    q = [scalar.data for scalar in scalars(points)]
    assert p.shape == (4,)
    assert len(q) == 4
    assert all(0 < value < 1 for value in [*q, *p.to_numpy()])
