"""All contenders compute the same results: networks of the frameworks, and the naive loops."""

from typing import Any

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
from asv_benchmarks.workloads import Workload
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


def test_the_weights_of_the_transformer_are_those_of_our_network() -> None:
    case = TrainingCase("gpt", batch=1)
    shapes = {name: array.shape for name, array in case.weights().items()}
    state = load("tuned").trainer(case).weights()
    assert {name: array.shape for name, array in state.items()} == SHAPES["gpt"] == shapes


@pytest.mark.oracle
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("contender", ["torch", "tuned"])
def test_contenders_train_the_same_transformer(contender: str) -> None:
    case = TrainingCase("gpt", batch=2)
    try:
        loss, weights, answer = trained_step(contender, case)
    except Absent as reason:
        pytest.skip(str(reason))
    ours, our_weights, our_answer = trained_step("fast", case)
    assert loss == pytest.approx(ours, rel=1e-6)
    np.testing.assert_allclose(answer, our_answer, rtol=1e-3, atol=1e-3)
    before = case.weights()
    assert weights.keys() == our_weights.keys()
    for name, array in our_weights.items():
        # The first step of AdamW has the size of the rate for every gradient, however small, so
        # that rounding changes a few steps.
        step = np.abs(array - before[name]).max()
        differs = np.abs(weights[name] - array) > 1e-2 * step
        assert differs.mean() < 1e-3, name
        assert step > 0.0


@pytest.mark.oracle
def test_contenders_generate_the_same_text() -> None:
    case = Workload("", "generate", (), {"length": 30})
    try:
        theirs: Any = load("torch").prepare(case)()
    except Absent as reason:
        pytest.skip(str(reason))
    assert theirs == load("tuned").prepare(case)()
    assert len(set(theirs)) > 2


def trained_step(contender: str, case: TrainingCase) -> tuple[float, Weights, Array]:
    """Return the loss of a step, the weights after it, and the output of the network then."""
    trainer = load(contender).trainer(case)
    loss = float(trainer.step(trainer.place(*case.inputs())))
    weights = {name: np.array(array) for name, array in trainer.weights().items()}
    return loss, weights, np.asarray(trainer.predict(case.inputs()[0]), np.float64)


# Compiling each network takes half a minute.
COMPILED = pytest.param("torch-compile", marks=pytest.mark.slow)


# The environment `peers` has all frameworks, `oracle` has PyTorch.
@pytest.mark.oracle
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("contender", ["torch", COMPILED, "jax", "tinygrad", "tuned"])
@pytest.mark.parametrize("network", NETWORKS)
def test_frameworks_compute_the_same_loss_and_the_same_step(
    network: Network, contender: str
) -> None:
    case = TrainingCase(network, batch=3, dropout=False)
    try:
        loss, weights, answer = trained_step(contender, case)
    except Absent as reason:
        pytest.skip(str(reason))
    ours, our_weights, our_answer = trained_step("fast", case)
    assert loss == pytest.approx(ours, rel=1e-6)
    np.testing.assert_allclose(answer, our_answer, rtol=1e-5, atol=1e-6)
    before = case.weights()
    assert weights.keys() == our_weights.keys()
    for name, array in our_weights.items():
        # Weights have a relative rounding error of 6e-8, which is larger relative to a small step.
        step = np.abs(array - before[name]).max()
        error = np.abs(weights[name] - array).max()
        assert error <= 1e-3 * step, name
        assert step > 0.0 or name.startswith("embedding")


def test_dropout_is_active_in_measured_steps() -> None:
    case = TrainingCase("course", batch=1)
    trainer = load("fast").trainer(case)
    batch = trainer.place(*case.inputs())
    # The weights hardly change; the loss differs because other units are dropped.
    losses = [float(trainer.step(batch)) for _ in range(4)]
    assert max(losses) - min(losses) > 1e-2


def test_a_framework_that_is_not_installed_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "asv_benchmarks.contenders.with_torch", raising=False)
    with pytest.raises(Absent, match="torch is not installed"):
        load("torch")
    with pytest.raises(ValueError, match="choose one of"):
        load("caffe")
    with pytest.raises(Absent, match="cannot train networks"):
        load("numpy").trainer(TrainingCase("course", 1))


def test_our_contenders_compute_in_single_precision() -> None:
    assert Ours("fast").backend.dtype == np.float32
    assert load(AS_INSTALLED).name == "tuned"


# Compiling the naive loops takes seconds.

shapes = st.sampled_from([((3, 4), (3, 4)), ((3, 4), (4,)), ((2, 3, 4), (3, 1)), ((1,), (5, 1))])


def place(shape: tuple[int, ...], seed: int) -> TensorData:
    return Naive().from_numpy(np.random.default_rng(seed).standard_normal(shape))


def check(received: TensorData, expected: TensorData) -> None:
    np.testing.assert_allclose(Naive().to_numpy(received), REFERENCE.to_numpy(expected), rtol=1e-12)


@pytest.mark.slow
@settings(max_examples=10)
@given(shapes, st.integers(0, 99))
def test_naive_loops_agree_with_the_reference(
    pair: tuple[tuple[int, ...], tuple[int, ...]], seed: int
) -> None:
    naive = Naive()
    a, b = place(pair[0], seed), place(pair[1], seed + 1)
    permuted = a.permute(*reversed(range(a.dims)))
    check(naive.map(operators.exp, permuted), REFERENCE.map(operators.exp, permuted))
    check(naive.zip(operators.mul, a, b), REFERENCE.zip(operators.mul, a, b))
    for dim in range(a.dims):
        check(
            naive.reduce(operators.add, permuted, dim, 0.0),
            REFERENCE.reduce(operators.add, permuted, dim, 0.0),
        )


@pytest.mark.slow
@pytest.mark.parametrize("reverse", [False, True])
def test_naive_products_agree_with_the_reference(reverse: bool) -> None:
    naive = Naive()
    a, b = place((2, 3, 4), 0), place((1, 4, 2), 1)
    check(naive.matmul(a, b), REFERENCE.matmul(a, b))
    x, w = place((2, 3, 6), 2), place((4, 3, 2), 3)
    check(naive.convolve(x, w, reverse), REFERENCE.convolve(x, w, reverse))
    x, w = place((2, 3, 4, 5), 4), place((4, 3, 2, 3), 5)
    check(naive.convolve(x, w, reverse), REFERENCE.convolve(x, w, reverse))
