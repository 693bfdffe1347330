"""The smallest GPT: equal losses on four engines, values against NumPy, training, the command."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_autodiff import tensor
from mt_models.datasets import load_names
from mt_models.names import (
    ENGINES,
    Engine,
    Learner,
    Scalars,
    Tensors,
    initial_weights,
    logits,
    make_engine,
    probabilities,
)
from mt_models.names.__main__ import main
from mt_models.names.model import CONTEXT, END, VOCABULARY, tokens_of
from mt_nn import Adam, Parameter
from mt_tensor import REFERENCE

Array = npt.NDArray[np.float64]


def losses(engine: str, steps: int) -> list[float]:
    learner = Learner(make_engine(engine), load_names())
    return [learner.step() for _ in range(steps)]


def check_equal_losses(steps: int) -> None:
    expected = losses("scalar", steps)
    for engine in ENGINES[1:]:
        np.testing.assert_allclose(losses(engine, steps), expected, rtol=0, atol=1e-9)


def test_four_engines_have_equal_losses_over_two_steps() -> None:
    check_equal_losses(2)


@pytest.mark.slow
def test_four_engines_have_equal_losses_over_twenty_steps() -> None:
    check_equal_losses(20)


def numpy_logits(weights: dict[str, Array], tokens: list[int]) -> Array:
    """The model one position at a time, as a formula sheet has it."""

    def rms(x: Array) -> Array:
        return np.asarray(x / np.sqrt((x**2).mean() + 1e-5))

    keys: list[Array] = []
    values: list[Array] = []
    rows = []
    for position, token in enumerate(tokens):
        x = rms(weights["tokens"][token] + weights["positions"][position])
        normal = rms(x)
        query = (weights["query"] @ normal).reshape(4, 4)
        keys.append((weights["key"] @ normal).reshape(4, 4))
        values.append((weights["value"] @ normal).reshape(4, 4))
        heads = []
        for head in range(4):
            scores = np.array([query[head] @ key[head] / 2 for key in keys])
            shares = np.exp(scores) / np.exp(scores).sum()
            heads.append(sum(s * v[head] for s, v in zip(shares, values, strict=True)))
        x = x + weights["output"] @ np.concatenate(heads)
        x = x + weights["narrow"] @ np.maximum(weights["wide"] @ rms(x), 0)
        rows.append(weights["head"] @ x)
    return np.array(rows)


@pytest.mark.parametrize("engine", [Scalars(), Tensors(REFERENCE)], ids=lambda engine: engine.name)
@given(tokens=st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=5))
@settings(max_examples=5, deadline=None)
def test_logits_equal_those_of_numpy(engine: Engine[Any], tokens: list[int]) -> None:
    weights = initial_weights(seed=len(tokens))
    leaves = {name: engine.leaf(5 * each) for name, each in weights.items()}
    received = engine.numbers(logits(engine, leaves, tokens))
    expected = numpy_logits({name: 5 * each for name, each in weights.items()}, tokens)
    np.testing.assert_allclose(received, expected, rtol=1e-11, atol=1e-11)


def test_gradients_of_scalars_equal_those_of_tensors() -> None:
    received = []
    for engine in (make_engine("scalar"), make_engine("fast")):
        leaves = {name: engine.leaf(each) for name, each in initial_weights().items()}
        tokens = tokens_of("ava")
        engine.loss(probabilities(engine, leaves, tokens[:-1]), tokens[1:]).backward()
        received.append({name: engine.gradient(leaf) for name, leaf in leaves.items()})
    for name in initial_weights():
        np.testing.assert_allclose(received[0][name], received[1][name], rtol=0, atol=1e-12)
        assert np.abs(received[0][name]).max() > 0


def test_steps_equal_those_of_the_library_s_adam() -> None:
    learner = Learner(make_engine("tuned"), ["emma", "ava"], steps=10)
    engine = Tensors(REFERENCE)
    parameters = {name: Parameter(tensor(each)) for name, each in learner.weights.items()}
    adam = Adam(list(parameters.values()), lr=0.01, betas=(0.85, 0.99), eps=1e-8)
    for step in range(3):
        adam.lr = 0.01 * (1 - step / 10)
        tokens = tokens_of(learner._names[step % 2])
        adam.zero_grad()
        leaves = {name: parameter.value for name, parameter in parameters.items()}
        engine.loss(probabilities(engine, leaves, tokens[:-1]), tokens[1:]).backward()
        adam.step()
        learner.step()
    for name, parameter in parameters.items():
        np.testing.assert_allclose(learner.weights[name], parameter.value.to_numpy(), atol=1e-9)


def test_training_lowers_the_loss_and_names_have_letters_only() -> None:
    learner = Learner(make_engine("tuned"), load_names(), steps=150)
    received = [learner.step() for _ in range(150)]
    assert np.mean(received[-50:]) < np.mean(received[:20]) - 0.3
    invented = [learner.invent(seed) for seed in range(5)]
    assert len(set(invented)) > 1
    assert all(name.isascii() and len(name) <= CONTEXT - 1 for name in invented)
    assert learner.invent(1, start="mar").startswith("mar")
    assert learner.invent(1) == invented[1]
    assert learner.invent(0, temperature=1e-4) == learner.invent(1, temperature=1e-4)


def test_later_letters_do_not_change_earlier_rows() -> None:
    engine = make_engine("fast")
    leaves = {name: engine.leaf(each) for name, each in initial_weights().items()}
    whole = engine.numbers(logits(engine, leaves, tokens_of("emma")))
    part = engine.numbers(logits(engine, leaves, tokens_of("emma")[:3]))
    np.testing.assert_allclose(whole[:3], part, rtol=0, atol=1e-12)


def test_errors_name_the_allowed_values() -> None:
    engine = make_engine("fast")
    with pytest.raises(ValueError, match="letters a to z"):
        tokens_of("Zoë")
    with pytest.raises(ValueError, match="17 tokens given; allowed are 1 to 16"):
        logits(engine, {}, [END] * 17)
    with pytest.raises(ValueError, match="at least one name"):
        Learner(engine, [])
    with pytest.raises(ValueError, match="has 16 letters; allowed are 15"):
        Learner(engine, ["a" * 16])
    with pytest.raises(ValueError, match="allowed: scalar, reference"):
        make_engine("cuda")
    with pytest.raises(ValueError, match="steps is 0; it must be 1 or more"):
        Learner(engine, ["ava"], steps=0)
    with pytest.raises(ValueError, match="must be above 0"):
        Learner(engine, ["ava"]).invent(0, temperature=0)
    with pytest.raises(ValueError, match="start"):
        Learner(engine, ["ava"]).invent(0, start="a" * 16)


def test_command_prints_losses_and_names() -> None:
    result = CliRunner().invoke(main, ["--steps", "3", "--samples", "2", "--start", "ka"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].startswith("step     1")
    assert [line[:2] for line in lines[-2:]] == ["ka", "ka"]


def test_command_compares_four_engines() -> None:
    result = CliRunner().invoke(main, ["--compare", "--steps", "1"])
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.output.splitlines()[1:]] == [
        "Scalar",
        "Reference",
        "Fast",
        "Tuned",
    ]


@pytest.mark.parametrize(
    ("start", "message"), [("É", "letters a to z"), ("a" * 16, "more than 15 letters")]
)
def test_command_rejects_a_start_before_training(start: str, message: str) -> None:
    result = CliRunner().invoke(main, ["--start", start])
    assert result.exit_code == 1
    assert message in result.output
    assert "step" not in result.output
