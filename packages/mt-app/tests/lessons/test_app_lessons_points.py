"""The line of three parameters, and maps of networks."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_app.lessons.points import (
    Line,
    as_tensor_network,
    judge,
    line_on_grid,
    network_on_grid,
    predict_run,
)
from mt_autodiff import tensor
from mt_models.cli import main
from mt_models.datasets import DATASETS
from mt_models.networks import ScalarMLP, TensorMLP
from mt_nn import CheckpointError

small = st.floats(-3, 3)
STEP = 1e-5


@settings(max_examples=10)
@given(small, small, small)
def test_the_gradient_of_a_line_is_the_difference_quotient(w1: float, w2: float, b: float) -> None:
    points = DATASETS["Diag"](20, 0)
    found = judge(Line(w1, w2, b), points)
    for name in ("w1", "w2", "b"):
        at = {"w1": w1, "w2": w2, "b": b}
        above = judge(Line(**{**at, name: at[name] + STEP}), points).loss
        below = judge(Line(**{**at, name: at[name] - STEP}), points).loss
        assert getattr(found.gradient, name) == pytest.approx(
            (above - below) / (2 * STEP), abs=1e-5
        )


def test_gradient_descent_separates_linearly_separable_points() -> None:
    points = DATASETS["Simple"](50, 1)
    line = Line(0.0, 0.0, 0.0)
    for _ in range(60):
        line = line.stepped(judge(line, points).gradient, 20.0)
    assert judge(line, points).right >= 48


def test_the_map_is_the_line() -> None:
    cells = line_on_grid(Line(20.0, 0.0, -10.0), 10)
    assert (cells[:, :5] < 0.5).all() and (cells[:, 5:] > 0.5).all()
    rising = line_on_grid(Line(0.0, 20.0, -10.0), 10)
    # The first row is the lowest.
    assert (rising[:5] < 0.5).all() and (rising[5:] > 0.5).all()


def test_the_tensor_form_of_a_scalar_network_predicts_the_same() -> None:
    rng = np.random.default_rng(3)
    network = ScalarMLP(4, rng)
    points = rng.random((7, 2))
    expected = [scalar.data for scalar in network(points)]
    same = as_tensor_network(network)
    np.testing.assert_allclose(same(tensor(points)).to_numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("kind", [ScalarMLP, TensorMLP])
def test_a_network_is_evaluated_at_the_centre_of_each_square(kind: type) -> None:
    network = kind(3, np.random.default_rng(0))
    cells = network_on_grid(network, 4)
    assert cells.shape == (4, 4)
    one = np.array([[0.875, 0.125]])
    if kind is ScalarMLP:
        (answer,) = network(one)
        assert cells[0, 3] == pytest.approx(answer.data)


@pytest.mark.parametrize("model", ["scalar", "tensor"])
def test_a_run_is_evaluated_on_a_grid_and_at_its_points(model: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = f"train points --model {model} --n 12 --hidden 2 --epochs 3 --dataset Xor --seed 5"
    options = ["--out", str(folder)]
    if model == "tensor":
        options += ["--backend", "reference"]
    result = CliRunner().invoke(main, [*command.split(), *options])
    assert result.exit_code == 0, result.output
    learnt = predict_run(folder / "last.safetensors", 6)
    assert learnt.epochs == 3
    assert learnt.grid.shape == (6, 6)
    expected = DATASETS["Xor"](12, np.random.default_rng(5))
    np.testing.assert_allclose(learnt.points.X, expected.X)
    assert learnt.points.y == expected.y
    assert ((learnt.probabilities >= 0) & (learnt.probabilities <= 1)).all()


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "last.safetensors"
    place.write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError):
        predict_run(place, 4)
