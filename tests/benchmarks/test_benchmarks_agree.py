"""Whoever is compared computes the same: the networks of the frameworks, and the naive loops."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asv_benchmarks.contenders import Absent, load
from asv_benchmarks.contenders.names import AS_INSTALLED
from asv_benchmarks.contenders.ours import Ours
from asv_benchmarks.naive import Naive
from asv_benchmarks.training_cases import SHAPES, Network, TrainingCase, Weights
from mt_models.networks import CourseLeNet, KimCNN, LeNet5
from mt_tensor import REFERENCE, TensorData, operators

NETWORKS: list[Network] = ["course", "lenet5", "kim"]
Array = npt.NDArray[np.float64]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_weights_are_those_of_our_networks(network: Network) -> None:
    rng = np.random.default_rng(0)
    case = TrainingCase(network, batch=2)
    if network == "kim":
        state = KimCNN(case.weights()["embedding.weight"], rng, REFERENCE).state_dict()
    else:
        state = (CourseLeNet if network == "course" else LeNet5)(rng, REFERENCE).state_dict()
    assert {name: array.shape for name, array in state.items()} == SHAPES[network]
    assert {name: array.shape for name, array in case.weights().items()} == SHAPES[network]


def learned(contender: str, case: TrainingCase) -> tuple[float, Weights, Array]:
    """Return the loss of a step, the weights after it, and what the network then answers."""
    trainer = load(contender).trainer(case)
    loss = float(trainer.step(trainer.place(*case.inputs())))
    weights = {name: np.array(array) for name, array in trainer.weights().items()}
    return loss, weights, np.asarray(trainer.answer(case.inputs()[0]), np.float64)


# It compiles each network for half a minute.
COMPILED = pytest.param("torch-compile", marks=pytest.mark.slow)


# The peers' own environment has them all, the one of the oracle has PyTorch.
@pytest.mark.oracle
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("contender", ["torch", COMPILED, "jax", "tinygrad", "tuned"])
@pytest.mark.parametrize("network", NETWORKS)
def test_frameworks_compute_the_same_loss_and_the_same_step(
    network: Network, contender: str
) -> None:
    case = TrainingCase(network, batch=3, dropout=False)
    try:
        loss, weights, answer = learned(contender, case)
    except Absent as reason:
        pytest.skip(str(reason))
    ours, our_weights, our_answer = learned("fast", case)
    assert loss == pytest.approx(ours, rel=1e-6)
    np.testing.assert_allclose(answer, our_answer, rtol=1e-5, atol=1e-6)
    before = case.weights()
    assert weights.keys() == our_weights.keys()
    for name, array in our_weights.items():
        # Weights are stored with a relative error of 6e-8, which a small step makes larger.
        step = np.abs(array - before[name]).max()
        error = np.abs(weights[name] - array).max()
        assert error <= 1e-3 * step, name
        assert step > 0.0 or name.startswith("embedding")


def test_dropout_is_on_when_it_is_measured() -> None:
    case = TrainingCase("course", batch=1)
    trainer = load("fast").trainer(case)
    batch = trainer.place(*case.inputs())
    # Weights hardly move; what changes the loss from step to step is which units are dropped.
    losses = [float(trainer.step(batch)) for _ in range(4)]
    assert max(losses) - min(losses) > 1e-2


def test_who_is_not_installed_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "asv_benchmarks.contenders.with_torch", raising=False)
    with pytest.raises(Absent, match="torch is not installed"):
        load("torch")
    with pytest.raises(ValueError, match="choose one of"):
        load("caffe")
    with pytest.raises(Absent, match="trains nothing"):
        load("numpy").trainer(TrainingCase("course", 1))


def test_the_backends_of_ours() -> None:
    assert Ours("fast").backend.dtype == np.float32
    assert load(AS_INSTALLED).name == "tuned"


# The naive loops compile for seconds.

shapes = st.sampled_from([((3, 4), (3, 4)), ((3, 4), (4,)), ((2, 3, 4), (3, 1)), ((1,), (5, 1))])


def place(shape: tuple[int, ...], seed: int) -> TensorData:
    return Naive().from_numpy(np.random.default_rng(seed).standard_normal(shape))


def check(got: TensorData, wanted: TensorData) -> None:
    np.testing.assert_allclose(Naive().to_numpy(got), REFERENCE.to_numpy(wanted), rtol=1e-12)


@pytest.mark.slow
@settings(max_examples=10)
@given(shapes, st.integers(0, 99))
def test_naive_loops_are_right(pair: tuple[tuple[int, ...], tuple[int, ...]], seed: int) -> None:
    naive = Naive()
    a, b = place(pair[0], seed), place(pair[1], seed + 1)
    turned = a.permute(*reversed(range(a.dims)))
    check(naive.map(operators.exp, turned), REFERENCE.map(operators.exp, turned))
    check(naive.zip(operators.mul, a, b), REFERENCE.zip(operators.mul, a, b))
    for dim in range(a.dims):
        check(
            naive.reduce(operators.add, turned, dim, 0.0),
            REFERENCE.reduce(operators.add, turned, dim, 0.0),
        )


@pytest.mark.slow
@pytest.mark.parametrize("reverse", [False, True])
def test_naive_products_are_right(reverse: bool) -> None:
    naive = Naive()
    a, b = place((2, 3, 4), 0), place((1, 4, 2), 1)
    check(naive.matmul(a, b), REFERENCE.matmul(a, b))
    x, w = place((2, 3, 6), 2), place((4, 3, 2), 3)
    check(naive.convolve(x, w, reverse), REFERENCE.convolve(x, w, reverse))
    x, w = place((2, 3, 4, 5), 4), place((4, 3, 2, 3), 5)
    check(naive.convolve(x, w, reverse), REFERENCE.convolve(x, w, reverse))
