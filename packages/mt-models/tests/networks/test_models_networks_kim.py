"""The sentence CNN: logits, trained parameters, presets."""

from __future__ import annotations

import numpy as np
import pytest

from mt_kernels_cpu import Fast
from mt_models.networks import KimCNN, Preset
from mt_nn import Module

FAST = Fast()


def parameters_reached(network: Module) -> dict[str, bool]:
    return {
        name: parameter.value.grad is not None and bool(np.any(parameter.value.grad.to_numpy()))
        for name, parameter in network.named_parameters()
    }


@pytest.mark.parametrize("preset", ["course", "kim2014"])
@pytest.mark.parametrize("trainable", [False, True])
def test_kim_returns_one_logit_for_each_sentence(preset: Preset, trainable: bool) -> None:
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


@pytest.mark.parametrize("preset", ["course", "kim2014"])
def test_kim_returns_a_logit_for_each_of_three_classes(preset: Preset) -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    network = KimCNN(vectors, np.random.default_rng(0), FAST, preset=preset, maps=4, classes=3)
    network.eval()
    rows = np.random.default_rng(1).integers(0, 20, (5, 9))
    logits = network(rows)
    assert logits.shape == (5, 3)
    assert network(rows[:1]).shape == (1, 3)
    (logits * logits).sum().backward()
    reached = parameters_reached(network)
    assert not reached.pop("embedding.weight")
    assert all(reached.values())


def test_kim_with_one_class() -> None:
    with pytest.raises(ValueError, match="classes is 1; at least 2"):
        KimCNN(np.zeros((3, 2), np.float32), np.random.default_rng(0), classes=1)


def test_kim_learns_negative_logits() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    network = KimCNN(vectors, np.random.default_rng(0), FAST, maps=10)
    network.eval()
    logits = network(np.random.default_rng(1).integers(0, 50, (200, 7))).to_numpy()
    logits = logits - np.median(logits)
    assert (logits < 0).any()
    assert network.output.bias is not None
    network.output.bias.update(network.output.bias.value.detach() - 100.0)
    assert (network(np.zeros((1, 7), int)).to_numpy() < -50).all()


def test_kim_with_an_unknown_preset() -> None:
    with pytest.raises(ValueError, match="kim1999"):
        KimCNN(np.zeros((3, 2), np.float32), np.random.default_rng(0), preset="kim1999")  # type: ignore[arg-type]
